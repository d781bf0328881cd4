import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { base64url, hours, type JsonObject } from "@vedette/base";
import { createFakeTpm } from "@vedette/fakes";
import { generateKey } from "@vedette/runtime";
import { parseCertificate } from "@vedette/x509";
import { ekHashOf, OTHER_SITE, SITE, setupControl } from "./control-fixture.ts";
import { type Attempt, attestOverWire, messageOne, messageTwo, nodeKeys, sha256 } from "./wire-attester.ts";
import { mirrorLeaves, rootOf } from "./wire-log.ts";

const NAME = { site: SITE, class: "gateway", name: "edge-1" };

test("a TPM that nobody registered is listed as pending until a person decides", async (t) => {
  const control = await setupControl(t);
  const stranger = createFakeTpm(control.maker);
  for (let attempts = 1; attempts <= 2; attempts++) {
    const answer = await attestOverWire(control.desk(), { tpm: stranger, name: NAME, keys: nodeKeys() });
    assert.equal(answer.status, 202);
  }
  const { pending, nodes } = await control.status();
  assert.deepEqual(nodes, []);
  const [only, ...others] = pending as JsonObject[];
  const { lastSeenAt: _, ...facts } = only ?? {};
  assert.deepEqual(facts, { ek: ekHashOf(stranger), site: SITE, class: "gateway", attempts: 2 });
  assert.deepEqual(others, []);
});

test("a claim admits one TPM that nobody registered, which is registered from then on", async (t) => {
  const control = await setupControl(t);
  const claim = await control.createClaim({ name: "edge-5" });
  const tpm = createFakeTpm(control.maker);
  const node = await control.enrol({ name: "edge-5" }, tpm, claim);
  const renewed = await attestOverWire(control.desk(), { tpm, name: node.name, keys: node.keys, purpose: "reattest" });
  assert.equal(renewed.status, 200);
  assert.deepEqual((await control.status())["pending"], []);
});

test("a claim that was used admits nobody else, and does not say so", async (t) => {
  const control = await setupControl(t);
  const claim = await control.createClaim({ name: "edge-5" });
  await control.enrol({ name: "edge-5" }, createFakeTpm(control.maker), claim);
  const thief = createFakeTpm(control.maker);
  const name = { ...NAME, name: "edge-5" };
  const answer = await attestOverWire(control.desk(), { tpm: thief, name, keys: nodeKeys(), request: { claim } });
  assert.deepEqual([answer.status, answer.body["state"]], [202, "pending"]);
  assert.equal((await control.nodeStatus(`${SITE}.edge-5`))?.["state"], "active");
});

test("of two TPMs that show the same claim at the same time one is admitted", async (t) => {
  const control = await setupControl(t);
  const claim = await control.createClaim({ name: "edge-5" });
  const name = { ...NAME, name: "edge-5" };
  const rivals = [createFakeTpm(control.maker), createFakeTpm(control.maker)].map((tpm) => {
    const attempt: Attempt = { tpm, name, keys: nodeKeys(), request: { claim } };
    return { attempt, message: messageOne(attempt), desk: control.desk() };
  });
  const challenges = await Promise.all(rivals.map(({ desk, message }) => desk.post("/v1/enrol", message)));
  assert.deepEqual(
    challenges.map(({ status }) => status),
    [200, 200],
  );
  const answers = await Promise.all(
    rivals.map(({ attempt, message, desk }, i) =>
      desk.post("/v1/enrol/evidence", messageTwo(attempt, message, challenges[i]?.body ?? {})),
    ),
  );
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 409]);
  assert.equal(answers.find(({ status }) => status === 409)?.code, "CLAIM_USED");
});

test("a claim is good for its own site, class and name, until its end", async (t) => {
  const control = await setupControl(t);
  const claim = await control.createClaim({ name: "edge-5" });
  const tpm = createFakeTpm(control.maker);
  const attempt = (change: object): Attempt => ({
    tpm,
    name: { ...NAME, name: "edge-5", ...change },
    keys: nodeKeys(),
    request: { claim },
  });
  for (const elsewhere of [{ site: OTHER_SITE }, { class: "kiosk" }, { name: "edge-6" }, { name: "edge-1" }]) {
    const answer = await attestOverWire(control.desk(), attempt(elsewhere));
    assert.deepEqual([answer.status, answer.body["state"]], [202, "pending"], JSON.stringify(elsewhere));
  }
  control.clock.step(hours(1));
  assert.equal((await attestOverWire(control.desk(), attempt({}))).status, 202);
  control.clock.step(-1_000);
  assert.equal((await attestOverWire(control.desk(), attempt({}))).status, 200);
});

test("a claim that ends between the two messages admits nobody", async (t) => {
  const control = await setupControl(t);
  const claim = await control.createClaim({ name: "edge-5" });
  control.clock.step(hours(1) - 10_000);
  const attempt: Attempt = {
    tpm: createFakeTpm(control.maker),
    name: { ...NAME, name: "edge-5" },
    keys: nodeKeys(),
    request: { claim },
  };
  const desk = control.desk();
  const message = messageOne(attempt);
  const challenge = await desk.post("/v1/enrol", message);
  control.clock.step(20_000);
  const answer = await desk.post("/v1/enrol/evidence", messageTwo(attempt, message, challenge.body));
  assert.deepEqual([answer.status, answer.code], [403, "CLAIM_EXPIRED"]);
});

test("a node cannot become a second one with a claim, and keeps its claim's worth and its own name", async (t) => {
  const control = await setupControl(t);
  const node = await control.enrol();
  const claim = await control.createClaim({ name: "edge-5" });
  const attempt = { tpm: control.tpm, name: { ...NAME, name: "edge-5" }, keys: nodeKeys(), request: { claim } };
  const answer = await attestOverWire(control.desk(), attempt);
  assert.deepEqual([answer.status, answer.code], [403, "ENDORSEMENT_KEY_TAKEN"]);
  const renewed = await attestOverWire(control.desk(), { ...node, purpose: "reattest" });
  assert.equal(renewed.status, 200, "its registration has not moved");
});

test("a node names a P-256 key for its site CA and an Ed25519 key for its journal", async (t) => {
  const control = await setupControl(t);
  const [p256, ed25519] = [generateKey("ES256").spki, generateKey("Ed25519").spki].map(base64url);
  const oneByteShort = base64url(generateKey("Ed25519").spki.subarray(0, -1));
  const cases = [
    { siteCaSpki: ed25519 },
    { journalSpki: p256 },
    { journalSpki: oneByteShort },
    { journalSpki: base64url(new Uint8Array(44)) },
    { siteCaSpki: undefined },
    { journalSpki: undefined },
  ];
  for (const request of cases) {
    const attempt = { tpm: control.tpm, name: NAME, keys: nodeKeys(), request };
    const answer = await attestOverWire(control.desk(), attempt);
    assert.deepEqual([answer.status, answer.code], [400, "NOT_A_NODE_REQUEST"], Object.keys(request)[0]);
  }
});

test("two challenges on one connection: each answer goes with the keys of its own first message", async (t) => {
  const control = await setupControl(t);
  const desk = control.desk();
  const attempts = [nodeKeys(), nodeKeys()].map((keys): Attempt => ({ tpm: control.tpm, name: NAME, keys }));
  const begun = [];
  for (const attempt of attempts) {
    const message = messageOne(attempt);
    begun.push({ attempt, message, challenge: (await desk.post("/v1/enrol", message)).body });
  }
  for (const { attempt, message, challenge } of begun) {
    const answer = await desk.post("/v1/enrol/evidence", messageTwo(attempt, message, challenge));
    assert.equal(answer.status, 200, answer.bytes.toString());
    const [siteCa] = (answer.body["siteCa"] as string[]).map((der) => parseCertificate(Buffer.from(der, "base64url")));
    assert.ok(siteCa?.ok);
    assert.deepEqual(Buffer.from(siteCa.value.spki), Buffer.from(attempt.keys.siteCa?.spki ?? []));
  }
});

test("the same first message sent twice gets two challenges, and each can be answered once", async (t) => {
  const control = await setupControl(t);
  const attempt: Attempt = { tpm: control.tpm, name: NAME, keys: nodeKeys() };
  const desk = control.desk();
  const message = messageOne(attempt);
  const [first, second] = [await desk.post("/v1/enrol", message), await desk.post("/v1/enrol", message)];
  const answers = [];
  for (const { body } of [first, second, first])
    answers.push(await desk.post("/v1/enrol/evidence", messageTwo(attempt, message, body)));
  assert.deepEqual(
    answers.map(({ status, code }) => [status, code]),
    [
      [200, undefined],
      [200, undefined],
      [409, "SESSION_USED"],
    ],
  );
});

test("a node whose journal is smaller than its mirrored copy, or another one, is contraindicated", async (t) => {
  const control = await setupControl(t);
  const node = await control.enrol();
  const leaves = ["leaf 0", "leaf 1"] as const;
  assert.equal((await mirrorLeaves(control.fleetApi(node.identity), node, leaves)).status, 200);
  assert.equal((await control.nodeStatus(`${SITE}.edge-1`))?.["mirrored"], 2);
  const attest = (size: number, root: Uint8Array) =>
    attestOverWire(control.desk(), { ...node, purpose: "reattest", journal: { size, root } });
  for (const [size, root, fault] of [
    [1, rootOf(["leaf 0"]), "JOURNAL_ROLLBACK"],
    [0, new Uint8Array(32), "JOURNAL_ROLLBACK"],
    [2, rootOf(["leaf 0", "leaf 1, written anew"]), "JOURNAL_FORKED"],
  ] as const) {
    const answer = await attest(size, root);
    assert.deepEqual([answer.status, answer.code, answer.body["svid"]], [403, "CONTRAINDICATED", undefined]);
    assert.deepEqual((answer.body["error"] as JsonObject)["reasons"], [{ code: fault }]);
    assert.equal((await control.nodeStatus(`${SITE}.edge-1`))?.["state"], "contraindicated");
  }
  assert.equal((await attest(2, rootOf(leaves))).status, 200, "as it was shown before");
});

test("a node that comes back with another journal key is contraindicated, unless it enrols anew", async (t) => {
  const control = await setupControl(t);
  const node = await control.enrol();
  const changed = { ...node, keys: { ...node.keys, journal: generateKey("Ed25519") } };
  const answer = await attestOverWire(control.desk(), { ...changed, purpose: "reattest" });
  assert.deepEqual((answer.body["error"] as JsonObject)["reasons"], [{ code: "JOURNAL_KEY_CHANGED" }]);
  assert.equal((await attestOverWire(control.desk(), changed)).status, 200);
});

test("a contraindicated node is cut off at once and refused until it attests well again", async (t) => {
  const control = await setupControl(t);
  const node = await control.enrol();
  const open = control.fleetApi(node.identity);
  assert.equal((await mirrorLeaves(open, node, ["leaf 0"])).status, 200);
  const stream = open.get("/v1/watch").then(
    () => "ended",
    () => "cut",
  );
  await sleep(50);
  const renewal: Attempt = { ...node, purpose: "reattest" };
  assert.equal((await attestOverWire(control.desk(), renewal)).code, "CONTRAINDICATED", "its journal is gone");
  assert.equal(await stream, "cut");
  const refused = await control.fleetApi(node.identity).get("/v1/policy");
  assert.deepEqual([refused.status, refused.code], [403, "NODE_CONTRAINDICATED"]);

  const journal = { size: 1, root: rootOf(["leaf 0"]) };
  assert.equal((await attestOverWire(control.desk(), { ...renewal, journal })).status, 200);
  assert.equal((await control.fleetApi(node.identity).get("/v1/policy")).status, 204);
});

test("evidence of one machine contraindicates no other", async (t) => {
  const control = await setupControl(t);
  await control.enrol();
  const claim = await control.createClaim();
  const replacement = createFakeTpm(control.maker);
  replacement.extendPcr(4, sha256("boot loader of somebody else"));
  const attempt = { tpm: replacement, name: NAME, keys: nodeKeys(), request: { claim } };
  const answer = await attestOverWire(control.desk(), attempt);
  assert.equal(answer.code, "CONTRAINDICATED");
  assert.equal((await control.nodeStatus(`${SITE}.edge-1`))?.["state"], "active");
});

test("nothing secret reaches the log", async (t) => {
  const control = await setupControl(t);
  const claim = await control.createClaim({ name: "edge-5" });
  await control.enrol({ name: "edge-5" }, createFakeTpm(control.maker), claim);
  await attestOverWire(control.desk(), { tpm: control.tpm, name: NAME, keys: nodeKeys(), request: { spki: "AQ" } });
  const log = control.logged.join("\n");
  assert.ok(log.includes("received its identity"));
  for (const secret of [claim, "PRIVATE KEY", "pkcs8"]) assert.ok(!log.includes(secret), secret);
});
