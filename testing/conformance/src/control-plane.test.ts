import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { AdapterError, base64url, hex, hours, type Instant, type Json, type JsonObject } from "@vedette/base";
import { initControl, signNextTrust, startControl } from "@vedette/control";
import { mintDeviceSvid, mintNodeSvid } from "@vedette/identity";
import {
  createNodeCrypto,
  generateKey,
  readKeyFile,
  type SoftwareKey,
  systemClock,
  systemRandom,
} from "@vedette/runtime";
import {
  type Certificate,
  type CertificateTemplate,
  certificatesToPem,
  EMPTY_NAME,
  keyIdentifier,
  mintCertificate,
  PURPOSE,
  parseCertificate,
  parsePem,
} from "@vedette/x509";
import {
  buildPolicy,
  type ControlFixture,
  type EnrolledNode,
  FLEET,
  keyToPem,
  OTHER_SITE,
  SITE,
  setupControl,
  signPolicy,
} from "./control-fixture.ts";
import { sha256 } from "./wire-attester.ts";
import { textIn, type WireIdentity } from "./wire-client.ts";
import { addCheckpointBody, addEntriesBody, mirrorLeaves } from "./wire-log.ts";

const crypto = createNodeCrypto();
const issuance = { now: systemClock.now(), random: systemRandom, crypto };

describe("the Fleet API", () => {
  test("speaks with nobody who shows no certificate, or one of another root, or one that has ended", async (t) => {
    const control = await setupControl(t);
    const key = generateKey("ES256");
    const own = mintCertificate(leafTemplate(key, `spiffe://${FLEET}/node/${SITE}.edge-1`), {
      name: EMPTY_NAME,
      keyId: keyIdentifier(key.spki, crypto),
      signer: key,
    });
    const ended = nodeSvid(control, `${SITE}.edge-1`, (systemClock.now() - hours(48)) as Instant);
    for (const identity of [undefined, identityOf(key, [own]), ended])
      await assert.rejects(control.fleetApi(identity).get("/v1/generations"));
    await control.enrol();
  });

  test("never lets a site's certificate speak for a node, whoever holds the site's CA", async (t) => {
    const control = await setupControl(t);
    const node = await control.enrol();
    const siteCa = { certificate: certificateOf(dersOf(node.grant["siteCa"])[0]!), signer: node.keys.siteCa };
    const key = generateKey("ES256");
    const device = mintDeviceSvid({ deviceClass: "kiosk", name: "kiosk-2", spki: key.spki }, siteCa, issuance);
    assert.ok(device.ok);
    const stolen = mintCertificate(leafTemplate(key, `spiffe://${FLEET}/node/${SITE}.edge-1`), {
      name: siteCa.certificate.subject,
      keyId: keyIdentifier(siteCa.signer.spki, crypto),
      signer: siteCa.signer,
    });
    for (const leaf of [device.value, stolen]) {
      const identity = identityOf(key, [leaf, ...dersOf(node.grant["siteCa"])]);
      const answer = await control
        .fleetApi(identity)
        .get("/v1/policy")
        .catch(() => undefined);
      assert.ok(answer === undefined || answer.status === 401 || answer.status === 403, `${answer?.status}`);
    }
  });

  test("knows only nodes that are enrolled", async (t) => {
    const control = await setupControl(t);
    const ghost = nodeSvid(control, `${SITE}.ghost`, systemClock.now());
    const answer = await control.fleetApi(ghost).get("/v1/policy");
    assert.deepEqual([answer.status, answer.code], [403, "NODE_UNKNOWN"]);
  });

  test("asks on every request whether the SVID still holds, and cuts connections on which nothing is asked", async (t) => {
    const control = await setupControl(t);
    const node = await control.enrol();
    const open = control.fleetApi(node.identity);
    const next = await control.fleetApi(node.identity).events("/v1/watch");
    await next();
    assert.equal((await open.get("/v1/generations")).status, 200);
    control.clock.step(hours(25));
    const late = await open.get("/v1/generations").catch(() => undefined);
    assert.ok(late === undefined || late.status === 401, `${late?.status}`);
    await assert.rejects(next(), "its event stream is cut");
  });

  test("tells a node at once that there is a new policy, and hands it out byte for byte", async (t) => {
    const control = await setupControl(t);
    const node = await control.enrol();
    const api = control.fleetApi(node.identity);
    const next = await control.fleetApi(node.identity).events("/v1/watch");
    assert.equal(JSON.parse(await next()).policy, 0);
    assert.equal((await api.get("/v1/policy")).status, 204);

    const bundle = signPolicy(buildPolicy(), control.policyKey);
    assert.equal((await control.publish(bundle)).status, 201);
    assert.equal(JSON.parse(await next()).policy, 1);
    const fetched = await api.get("/v1/policy");
    assert.deepEqual([fetched.status, fetched.headers.etag], [200, '"1"']);
    assert.deepEqual(fetched.bytes, Buffer.from(bundle));
    assert.equal((await api.get("/v1/generations")).body["policy"], 1);
  });

  test("believes an acknowledgement that names a published bundle by its digest, and no other", async (t) => {
    const control = await setupControl(t);
    const node = await control.enrol();
    const api = control.fleetApi(node.identity);
    const bundle = signPolicy(buildPolicy({ sequence: 3 }), control.policyKey);
    await control.publish(bundle);
    const digest = hex(sha256(bundle));
    const acknowledge = (message: object) =>
      api.post("/v1/policy/acknowledgements", JSON.stringify({ sequence: 3, digest, at: 0, ...message }));
    const known = async () => (await control.nodeStatus(`${SITE}.edge-1`))?.["policySequence"];

    for (const [message, status] of [
      [{ sequence: 0 }, 409],
      [{ sequence: 4 }, 409],
      [{ sequence: Number.MAX_SAFE_INTEGER }, 409],
      [{ digest: "0".repeat(64) }, 409],
      [{ sequence: -1 }, 400],
      [{ digest: "none" }, 400],
      [{ refused: "x".repeat(257) }, 400],
      [{ admin: true }, 400],
      [{ refused: "BUNDLE_EXPIRED" }, 204],
    ] as const) {
      assert.equal((await acknowledge(message)).status, status, JSON.stringify(message));
      assert.equal(await known(), null, JSON.stringify(message));
    }
    assert.equal((await api.post("/v1/policy/acknowledgements", "x".repeat(5_000))).status, 413);
    assert.equal((await acknowledge({})).status, 204);
    assert.equal(await known(), 3);
  });

  test("mirrors a node's own journal and nobody else's", async (t) => {
    const control = await setupControl(t);
    const node = await control.enrol();
    const api = control.fleetApi(node.identity);
    const stranger: EnrolledNode = { ...node, name: { ...node.name, site: OTHER_SITE } };
    for (const [path, body] of [
      ["add-checkpoint", addCheckpointBody(stranger, ["leaf 0"])],
      ["add-entries", addEntriesBody(stranger, ["leaf 0"])],
    ] as const) {
      const answer = await api.post(`/v1/journal/${path}`, body);
      assert.deepEqual([answer.status, answer.code], [403, "LOG_FOREIGN"], path);
    }
    assert.equal((await mirrorLeaves(api, node, ["leaf 0"])).status, 200);
    assert.equal((await control.nodeStatus(`${SITE}.edge-1`))?.["mirrored"], 1);
  });

  test("refuses journal uploads that are malformed, signed by another key, or not what was signed", async (t) => {
    const control = await setupControl(t);
    const node = await control.enrol();
    const api = control.fleetApi(node.identity);
    const checkpoint = addCheckpointBody(node, ["leaf 0", "leaf 1"]);
    const entries = addEntriesBody(node, ["leaf 0", "leaf 1"]);
    const forged = Buffer.from(checkpoint);
    forged[forged.length - 20]! ^= 1;
    const cases: [string, Uint8Array, number][] = [
      ["add-checkpoint", Buffer.from(""), 400],
      ["add-checkpoint", Buffer.from("old 0\n\nno note"), 403],
      ["add-checkpoint", Buffer.from(`old -1\n\n${checkpoint}`), 400],
      ["add-checkpoint", systemRandom.bytes(500), 400],
      ["add-checkpoint", forged, 403],
      ["add-entries", Buffer.from(""), 400],
      ["add-entries", systemRandom.bytes(500), 400],
      ["add-entries", entries, 422],
      ["add-checkpoint", checkpoint, 200],
      ["add-entries", entries.subarray(0, -10), 400],
      ["add-entries", addEntriesBody(node, ["leaf 0", "leaf 1, written anew"]), 422],
      ["add-entries", entries, 200],
    ];
    for (const [path, body, status] of cases)
      assert.equal((await api.post(`/v1/journal/${path}`, body)).status, status, `${path} ${body.length}`);
    assert.equal((await control.nodeStatus(`${SITE}.edge-1`))?.["mirrored"], 2);
    assert.deepEqual(
      control.logged.filter((line) => line.startsWith("error")),
      [],
    );
  });

  test("serves nothing that is not listed", async (t) => {
    const control = await setupControl(t);
    const api = control.fleetApi((await control.enrol()).identity);
    assert.equal((await api.get("/v1/status")).status, 404);
    assert.equal((await api.get("/v1/policy/../status")).status, 404);
    assert.equal((await api.send("DELETE", "/v1/policy")).status, 405);
  });
});

describe("publication", () => {
  test("a policy bundle that a node would refuse is refused here, and what ran before still runs", async (t) => {
    const control = await setupControl(t);
    const node = await control.enrol();
    const key = control.policyKey;
    const running = signPolicy(buildPolicy({ sequence: 2 }), key);
    assert.equal((await control.publish(running)).status, 201);
    const next = buildPolicy({ sequence: 3 });
    const altered = Buffer.from(signPolicy(next, key));
    altered[Math.floor(altered.length / 2)]! ^= 1;
    const inventory = { kind: "vedette/inventory/v1", classes: {}, devices: [], colour: "blue" };
    const rules = { kind: "rules/v1", id: "r", default: "deny", rules: [{ id: "x", effect: "maybe" }] };
    const cases: [string, Uint8Array, string?][] = [
      ["BUNDLE_MALFORMED", altered],
      ["BUNDLE_MALFORMED", Buffer.from("")],
      ["BUNDLE_MALFORMED", systemRandom.bytes(1_000)],
      ["BUNDLE_UNSIGNED", next],
      ["SIGNATURE_INVALID", signPolicy(next, generateKey("ES256"))],
      ["KEY_UNKNOWN", signPolicy(next, key, "policy-2")],
      ["WRONG_SITE", signPolicy(buildPolicy({ sequence: 3, site: OTHER_SITE }), key)],
      ["WRONG_SITE", signPolicy(next, key), OTHER_SITE],
      ["SITE_NOT_TRUSTED", signPolicy(buildPolicy({ sequence: 3, site: "store-99" }), key), "store-99"],
      ["SITE_NOT_TRUSTED", signPolicy(next, key), ""],
      ["POLICY_SEQUENCE_NOT_RISING", signPolicy(buildPolicy({ sequence: 2 }), key)],
      ["POLICY_SEQUENCE_NOT_RISING", signPolicy(buildPolicy({ sequence: 1 }), key)],
      ["BUNDLE_EXPIRED", signPolicy(buildPolicy({ sequence: 3, notAfter: 0 as Instant }), key)],
      ["POLICY_REFUSED", signPolicy(buildPolicy({ sequence: 3, rules }), key)],
      ["CONFIG_INVALID", signPolicy(buildPolicy({ sequence: 3, inventory }), key)],
    ];
    for (const [code, bundle, site] of cases) {
      const answer = await control.publish(bundle, site);
      assert.deepEqual([answer.status, answer.code], [422, code]);
    }
    const still = await control.fleetApi(node.identity).get("/v1/policy");
    assert.deepEqual(still.bytes, Buffer.from(running));
    assert.equal((await control.fleetApi(node.identity).get("/v1/generations")).body["policy"], 1);
    assert.equal((await control.publish(signPolicy(next, key))).status, 201);
  });

  test("a trust document is followed by the next one of the same key, and by nothing else", async (t) => {
    const control = await setupControl(t);
    const node = await control.enrol();
    const watching = await control.fleetApi(node.identity).events("/v1/watch");
    const before = JSON.parse(await watching()).trust;
    const next = nextTrust(control, await inForce(control), []);
    const [header, payload = "", signature] = next.split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
    const revoking = base64url(Buffer.from(JSON.stringify({ ...claims, revokedSites: [`${SITE}.${FLEET}`] })));
    for (const [text, code] of [
      ["", "TRUST_UNSIGNED"],
      [`${header}.${revoking}.${signature}`, "TRUST_ALTERED"],
      [await inForce(control), "TRUST_ROLLBACK"],
    ] as const) {
      const answer = await control.operator("POST", "/v1/trust", text);
      assert.deepEqual([answer.status, answer.code], [422, code]);
    }
    assert.equal((await control.operator("POST", "/v1/trust", next)).status, 201);
    assert.ok(JSON.parse(await watching()).trust > before);
    assert.equal((await control.fleetApi(node.identity).get("/v1/trust")).bytes.toString(), next);
    assert.equal((await control.status())["trustVersion"], 2);
  });

  test("revoking a site cuts its nodes off, and admits none of it again", async (t) => {
    const control = await setupControl(t);
    const node = await control.enrol();
    const watching = await control.fleetApi(node.identity).events("/v1/watch");
    await watching();
    assert.equal(
      (await control.operator("POST", "/v1/trust", nextTrust(control, await inForce(control), [SITE]))).status,
      201,
    );
    await assert.rejects(async () => {
      for (;;) await watching();
    });
    const answer = await control.fleetApi(node.identity).get("/v1/policy");
    assert.deepEqual([answer.status, answer.code], [403, "SITE_NOT_TRUSTED"]);
    await assert.rejects(control.enrol(), /SITE_NOT_TRUSTED/);
    const join_ = { site: SITE, class: "gateway", name: "edge-7", isClaimed: true };
    assert.equal((await control.operator("POST", "/v1/joins", JSON.stringify(join_))).code, "SITE_NOT_TRUSTED");
  });
});

describe("the operator's socket", () => {
  test("is for its owner alone", async (t) => {
    const control = await setupControl(t);
    assert.equal(statSync(control.operatorSocket).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(control.operatorSocket)).mode & 0o777, 0o700);
    assert.equal(statSync(control.data).mode & 0o777, 0o700);
    for (const name of readdirSync(control.data))
      assert.equal(statSync(join(control.data, name)).mode & 0o077, 0, name);
    for (const name of readdirSync(control.authority))
      assert.equal(statSync(join(control.authority, name)).mode & 0o077, 0, name);
  });

  test("shows nodes, who waits, and what is mirrored, and no secret", async (t) => {
    const control = await setupControl(t);
    const node = await control.enrol();
    const claim = await control.createClaim({ name: "edge-5" });
    const answer = await control.operator("GET", "/v1/status");
    const { nodes, pending, enrolUrl, fleetUrl, trustVersion, fleet, root } = answer.body;
    assert.deepEqual([fleet, trustVersion, pending], [FLEET, 1, []]);
    assert.deepEqual([enrolUrl, fleetUrl], [control.running.enrolUrl, control.running.fleetUrl]);
    const rootPem = parsePem(readFileSync(join(control.authority, "root.pem"), "utf8"));
    assert.ok(rootPem.ok);
    assert.equal(root, hex(sha256(rootPem.value[0]!)));
    const [only] = nodes as JsonObject[];
    const { attestedAt: _, svidNotAfter: __, ...facts } = only ?? {};
    assert.deepEqual(facts, {
      id: `${SITE}.edge-1`,
      site: SITE,
      class: "gateway",
      state: "active",
      policySequence: null,
      mirrored: 0,
    });
    const text = answer.bytes.toString() + (await control.operator("GET", "/v1/audit/trust")).bytes.toString();
    assert.ok(!text.includes(claim) && !text.includes(node.identity.keyPem.split("\n")[1] ?? ""));
  });

  test("refuses what is malformed, too large, or not served", async (t) => {
    const control = await setupControl(t);
    const join_ = { site: SITE, class: "gateway", name: "edge-5", isClaimed: false };
    const cases: [string, string, string, number][] = [
      ["GET", "/", "", 404],
      ["GET", "/v1/nodes", "", 404],
      ["DELETE", "/v1/status", "", 405],
      ["POST", "/v1/joins", "{", 400],
      ["POST", "/v1/joins", JSON.stringify({ ...join_, name: "Edge 5" }), 400],
      ["POST", "/v1/joins", JSON.stringify({ ...join_, admin: true }), 400],
      ["POST", "/v1/joins", "x".repeat(5_000), 413],
      ["POST", "/v1/joins", JSON.stringify({ ...join_, class: "nobodys" }), 422],
      ["POST", "/v1/joins", JSON.stringify({ ...join_, class: "constructor" }), 422],
      ["POST", "/v1/joins", JSON.stringify({ ...join_, site: "store-99" }), 422],
      ["POST", "/v1/joins", JSON.stringify(join_), 201],
    ];
    for (const [method, path, body, status] of cases)
      assert.equal(
        (await control.operator(method, path, body)).status,
        status,
        `${method} ${path} ${body.slice(0, 50)}`,
      );
  });
});

describe("a control plane's data", () => {
  test("a fleet is founded once: a second ceremony refuses and changes nothing", async (t) => {
    const control = await setupControl(t);
    await control.stop();
    const before = snapshot(control);
    const { config, directory: folder, data, authority, clock } = control;
    const again = { config, folder, clock, random: systemRandom, crypto };
    const elsewhere = join(folder, "elsewhere");
    for (const folders of [
      { data, authority },
      { data, authority: elsewhere },
      { data: elsewhere, authority },
    ])
      assert.throws(() => initControl({ ...again, ...folders }), codeIs("ALREADY_INITIALISED"));
    assert.deepEqual(snapshot(control), before);
    assert.ok(!existsSync(elsewhere));
  });

  test("started again, it knows its nodes, its policy and its claims, and listens where it did", async (t) => {
    const control = await setupControl(t);
    const node = await control.enrol();
    const bundle = signPolicy(buildPolicy(), control.policyKey);
    await control.publish(bundle);
    await mirrorLeaves(control.fleetApi(node.identity), node, ["leaf 0"]);
    const { enrolUrl, fleetUrl } = control.running;
    const before = await control.status();
    await control.stop();
    await control.start();
    assert.deepEqual([control.running.enrolUrl, control.running.fleetUrl], [enrolUrl, fleetUrl]);
    assert.deepEqual(await control.status(), before);
    assert.deepEqual((await control.fleetApi(node.identity).get("/v1/policy")).bytes, Buffer.from(bundle));
  });

  test("a second control plane on the same data is refused, and the first goes on", async (t) => {
    const control = await setupControl(t);
    const { config, data, clock } = control;
    const operatorSocket = join(control.directory, "second", "operator.sock");
    const second = startControl({ config, data, operatorSocket, clock, log: () => {}, random: systemRandom, crypto });
    await assert.rejects(second, codeIs("STORE_BUSY"));
    assert.ok(!existsSync(operatorSocket));
    assert.equal((await control.operator("GET", "/v1/status")).status, 200);
  });

  test("a file that is missing, damaged or another's is refused by name, and then nothing listens", async (t) => {
    const control = await setupControl(t);
    await control.stop();
    const { files } = control;
    const pem = (key: SoftwareKey): string => keyToPem(key);
    const other = readFileSync(join(control.authority, "root.pem"), "utf8");
    const trust = readFileSync(files.trustDocument, "utf8");
    const cases: [string, string, string | undefined][] = [
      [files.issuingKey, "KEY_MISSING", undefined],
      [files.issuingKey, "KEY_INVALID", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"],
      [files.issuingKey, "KEY_INVALID", pem(generateKey("Ed25519"))],
      [files.issuingKey, "AUTHORITY_INVALID", pem(generateKey("ES256"))],
      [files.issuingChain, "FILE_MISSING", undefined],
      [files.issuingChain, "CERTIFICATE_FILE_INVALID", "not a certificate"],
      [files.issuingChain, "AUTHORITY_INVALID", other],
      [files.mirrorKey, "KEY_INVALID", pem(generateKey("ES256"))],
      [files.mirrorKey, "KEY_INVALID", pem(generateKey("Ed25519"))],
      [files.trustKey, "TRUST_KEY_INVALID", "trust-1 ES256"],
      [files.trustKey, "FILE_NOT_TEXT", "\ud800"],
      [files.trustDocument, "FILE_MISSING", undefined],
      [files.trustDocument, "TRUST_UNSIGNED", "{}"],
      [files.trustDocument, "TRUST_ALTERED", trust.slice(0, -4) + (trust.endsWith("AAAA") ? "BBBB" : "AAAA")],
      [join(files.store, "control.db"), "STORE_CORRUPT", "x".repeat(8_192)],
      [files.mirror, "JOURNAL_CORRUPT", "x".repeat(8_192)],
    ];
    for (const [path, code, contents] of cases) {
      const whole = readFileSync(path);
      if (contents === undefined) rmSync(path);
      else writeFileSync(path, code === "FILE_NOT_TEXT" ? Buffer.of(0xff, 0xfe) : contents);
      await assert.rejects(control.start(), (error) => {
        assert.ok(error instanceof AdapterError, String(error));
        assert.equal(error.code, code);
        assert.ok(Object.values(error.facts).includes(path), JSON.stringify(error.facts));
        return true;
      });
      assert.ok(!existsSync(control.operatorSocket));
      writeFileSync(path, whole);
    }
    await control.start();
  });

  test("nothing is served under an issuing CA whose life is over", async (t) => {
    const control = await setupControl(t);
    await control.stop();
    control.clock.step(hours(24) * 400);
    await assert.rejects(control.start(), codeIs("AUTHORITY_INVALID"));
  });
});

/** A leaf for TLS with this one name. */
function leafTemplate(key: SoftwareKey, uri: string): CertificateTemplate {
  const now = systemClock.now();
  return {
    serial: new Uint8Array([0x40, ...systemRandom.bytes(15)]),
    subject: EMPTY_NAME,
    notBefore: (now - hours(1)) as Instant,
    notAfter: (now + hours(1)) as Instant,
    spki: key.spki,
    subjectKeyId: keyIdentifier(key.spki, crypto),
    basicConstraints: { isCa: false },
    keyUsage: ["digitalSignature"],
    extendedKeyUsage: [PURPOSE.serverAuth, PURPOSE.clientAuth],
    subjectAltNames: [{ kind: "uri", value: uri }],
  };
}

/** By the fleet's own issuing CA, as only the control plane could. */
function nodeSvid(control: ControlFixture, nodeId: string, now: Instant): WireIdentity {
  const key = generateKey("ES256");
  const chain = parsePem(readFileSync(control.files.issuingChain, "utf8"));
  assert.ok(chain.ok);
  const [certificate] = chain.value.map(certificateOf);
  assert.ok(certificate);
  const issuingCa = { certificate, signer: readKeyFile(control.files.issuingKey) };
  const minted = mintNodeSvid({ nodeId, spki: key.spki }, issuingCa, { ...issuance, now, lifetime: hours(24) });
  assert.ok(minted.ok);
  return identityOf(key, [minted.value, ...chain.value]);
}

function identityOf(key: SoftwareKey, chain: readonly Uint8Array[]): WireIdentity {
  return { chainPem: certificatesToPem(chain), keyPem: keyToPem(key) };
}

/** Certificates of a grant. */
function dersOf(member: Json | undefined): readonly Uint8Array[] {
  return (member as readonly string[]).map((text) => new Uint8Array(Buffer.from(text, "base64url")));
}

function certificateOf(der: Uint8Array): Certificate {
  const certificate = parseCertificate(der);
  assert.ok(certificate.ok);
  return certificate.value;
}

async function inForce(control: ControlFixture): Promise<string> {
  return textIn((await control.operator("GET", "/v1/trust")).body, "document");
}

/** The next trust document, as a person with the trust key signs it. */
function nextTrust(control: ControlFixture, current: string, revoke: readonly string[]): string {
  const { config, directory: folder, authority, clock } = control;
  return signNextTrust({ config, folder, authority, current, revoke, clock, crypto });
}

function snapshot({ data, authority }: ControlFixture): Record<string, string> {
  const files = [data, authority].flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return Object.fromEntries(files.map((path) => [path, hex(sha256(readFileSync(path)))]));
}

function codeIs(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AdapterError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}
