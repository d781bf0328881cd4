import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { addDuration, minutes } from "@vedette/base";
import { authorityFiles, controlFiles } from "@vedette/control";
import { edgeFiles } from "@vedette/edge";
import { openTrustDocument, signTrustDocument, siteDomain, type TrustDocument } from "@vedette/identity";
import { createNodeCrypto, generateKey, gunzip, gzip, readKeyFile, systemClock } from "@vedette/runtime";
import { type Fleet, SITE, setupFleet, until } from "./fleet.ts";
import { codeOf, reasonOf } from "./fleet-device.ts";
import { startLyingControl } from "./fleet-lying-control.ts";

const PRICE = "/pricing/items/4006381333931";
const TRUST_KEY_ID = "trust-1";
const TAR_LENGTH_MAX = 1_048_576;

describe("policy and trust on the node", { concurrency: true }, () => {
  test("a control plane that lies changes nothing: the old policy stays, the refusal is in the journal", async (t) => {
    const fleet = await setupFleet(t);
    if (!fleet) return;
    const till = fleet.gatewayClient((await fleet.enrolDevice("pos-1")).identity);
    await fleet.publishPolicy();
    const { fleetUrl } = fleet.control;
    await fleet.stopControl();
    await using control = await startLyingControl(fleet, fleetUrl);
    const rules = fleet.exampleRules();
    const [first, ...rest] = rules["rules"] as object[];
    const open = { ...rules, default: "deny", rules: [{ ...first, subject: { type: "device" } }, ...rest] };
    const newer = 9;
    const lies: readonly (readonly [what: string, bytes: Uint8Array, code: string])[] = [
      [
        "with one octet of its rules changed",
        alter(fleet.buildPolicy({ sequence: newer }), "pos-reads-prices"),
        "FILE_ALTERED",
      ],
      [
        "with its sequence raised by hand",
        alter(fleet.buildPolicy({ sequence: newer }), '"sequence":9'),
        "FILE_ALTERED",
      ],
      ["with its compressed form cut", fleet.buildPolicy({ sequence: newer }).slice(0, -40), "BUNDLE_MALFORMED"],
      ["that is no bundle", new Uint8Array(64), "BUNDLE_MALFORMED"],
      ["that nobody signed", fleet.buildPolicy({ sequence: newer, key: "none" }), "BUNDLE_UNSIGNED"],
      [
        "signed by another key",
        fleet.buildPolicy({ sequence: newer, key: generateKey("ES256"), rules: open }),
        "SIGNATURE_INVALID",
      ],
      ["for another site", fleet.buildPolicy({ sequence: newer, site: "store-18" }), "WRONG_SITE"],
      ["older than the sealed record", fleet.buildPolicy({ sequence: 1, rules: open }), "BUNDLE_ROLLBACK"],
      [
        "of the running sequence and other contents",
        fleet.buildPolicy({ sequence: 2, rules: open }),
        "BUNDLE_ROLLBACK",
      ],
      [
        "whose end has passed",
        fleet.buildPolicy({ sequence: newer, notAfter: addDuration(systemClock.now(), minutes(-1)) }),
        "BUNDLE_EXPIRED",
      ],
      [
        "with a field nobody knows",
        fleet.buildPolicy({ sequence: newer, rules: { ...rules, rules: [{ ...first, priority: 1 }, ...rest] } }),
        "POLICY_REFUSED",
      ],
      [
        "with an operator nobody knows",
        fleet.buildPolicy({
          sequence: newer,
          rules: { ...rules, rules: [{ ...first, when: { matches: ["subject.id", ".*"] } }, ...rest] },
        }),
        "POLICY_REFUSED",
      ],
      [
        "with an inventory nobody can read",
        fleet.buildPolicy({ sequence: newer, inventory: { ...fleet.inventory(), owner: "x" } }),
        "INVENTORY_INVALID",
      ],
    ];
    for (const [what, bytes, code] of lies)
      await t.test(`a policy ${what} is refused`, async () => {
        const before = fleet.events("policy-refused").length;
        assert.equal((await control.offerPolicy(bytes)).refused, code);
        assert.deepEqual(
          fleet
            .events("policy-refused")
            .slice(before)
            .map((facts) => [facts["code"], facts["running"]]),
          [[code, 2]],
        );
        assert.equal((await fleet.status()).policy?.sequence, 2);
        assert.equal((await till.request("GET", PRICE)).status, 200);
      });
    await t.test("and a sound one after all of them is taken", async () => {
      assert.deepEqual(await control.offerPolicy(fleet.buildPolicy({ sequence: newer })), { sequence: newer });
    });
  });

  test("a trust document is taken from the fleet's trust key alone, and only forwards", async (t) => {
    const fleet = await setupFleet(t);
    if (!fleet) return;
    const till = fleet.gatewayClient((await fleet.enrolDevice("pos-1")).identity);
    const { fleetUrl } = fleet.control;
    await fleet.stopControl();
    await using control = await startLyingControl(fleet, fleetUrl);
    const trust = readTrust(fleet);
    await control.offerTrust(signTrust(fleet, { ...trust, version: 5 }));
    await until("version 5", async () => (await fleet.status()).trust?.version === 5);
    const sound = signTrust(fleet, { ...trust, version: 6 });
    const past = addDuration(systemClock.now(), minutes(-1));
    const lies: readonly (readonly [what: string, text: string, code: string])[] = [
      ["with one letter changed", flipLetter(sound), "TRUST_ALTERED"],
      [
        "signed by the policy key",
        signTrustDocument({ ...trust, version: 6 }, TRUST_KEY_ID, fleet.policyKey),
        "TRUST_ALTERED",
      ],
      ["without a signature", sound.slice(0, sound.lastIndexOf(".") + 1), "TRUST_ALTERED"],
      ["older than the sealed record", signTrust(fleet, { ...trust, version: 4 }), "TRUST_ROLLBACK"],
      ["whose end has passed", signTrust(fleet, { ...trust, version: 6, notAfter: past }), "TRUST_EXPIRED"],
    ];
    for (const [what, text, code] of lies)
      await t.test(`a trust document ${what} is refused`, async () => {
        const before = fleet.logged.length;
        await control.offerTrust(text);
        await until("the refusal", () =>
          fleet.logged.slice(before).some(({ facts }) => "code" in facts && facts.code === code),
        );
        assert.equal((await fleet.status()).trust?.version, 5);
        assert.equal((await till.request("GET", PRICE)).status, 200);
      });
    await t.test("a site that it revokes is refused at once, on the connections it has", async () => {
      await till.withConnection(async (connection) => {
        assert.equal((await connection.request("GET", PRICE)).status, 200);
        const domain = siteDomain(SITE, trust.fleetDomain);
        assert.ok(domain.ok);
        await control.offerTrust(signTrust(fleet, { ...trust, version: 7, revokedSites: [domain.value] }));
        await until("version 7", async () => (await fleet.status()).trust?.version === 7);
        const before = fleet.upstream.seen.length;
        const answer = await connection.request("GET", PRICE).catch(() => undefined);
        if (answer) assert.deepEqual([answer.status, codeOf(answer.body)], [401, "SITE_REVOKED"]);
        assert.equal(fleet.upstream.seen.length, before);
      });
    });
  });

  test("what lies on the node's own disk is believed no more than what comes over the wire", async (t) => {
    const fleet = await setupFleet(t);
    if (!fleet) return;
    const till = fleet.gatewayClient((await fleet.enrolDevice("pos-1")).identity);
    const files = edgeFiles(fleet.edgeData);
    const old = join(fleet.directory, "policy-1");
    copyFileSync(files.policy, old);
    await fleet.publishPolicy();
    await fleet.stopEdge();
    await fleet.stopControl();
    const whole = fleet.copyEdgeData("whole");
    const attacks: readonly (readonly [what: string, attack: () => void])[] = [
      [
        "a policy with one octet changed",
        () => writeFileSync(files.policy, alter(readFileSync(files.policy), "pos-reads-prices")),
      ],
      ["the policy before, which was good in its time", () => copyFileSync(old, files.policy)],
      [
        "a trust document with one letter changed",
        () => writeFileSync(files.trustDocument, flipLetter(readFileSync(files.trustDocument, "utf8"))),
      ],
      ["an empty policy file", () => writeFileSync(files.policy, "")],
    ];
    for (const [what, attack] of attacks)
      await t.test(`${what} does not run, and everything is denied`, async () => {
        fleet.restoreEdgeFiles(whole, files.policy, files.trustDocument);
        attack();
        await fleet.startEdge();
        const before = fleet.upstream.seen.length;
        assert.equal((await fleet.status()).policy, null);
        assert.ok([401, 503].includes((await till.request("GET", PRICE)).status));
        assert.equal(fleet.upstream.seen.length, before);
        await fleet.stopEdge();
      });
    await t.test("when the control plane is back, the node fetches what it lost", async () => {
      await fleet.startEdge();
      assert.equal((await till.request("GET", PRICE)).status, 503);
      await fleet.startControl();
      await until("the policy is back", async () => (await fleet.status()).policy?.sequence === 2);
      assert.equal((await till.request("GET", PRICE)).status, 200);
    });
  });

  test("a policy ends when its time is over, also without anybody's word", async (t) => {
    const fleet = await setupFleet(t);
    if (!fleet) return;
    const till = fleet.gatewayClient((await fleet.enrolDevice("pos-1")).identity);
    await fleet.publishPolicy({ notAfter: addDuration(systemClock.now(), minutes(3)) });
    await fleet.stopControl();
    assert.equal((await till.request("GET", PRICE)).status, 200);
    fleet.clock.step(minutes(4));
    const answer = await till.request("GET", PRICE);
    assert.deepEqual([answer.status, reasonOf(answer)], [403, "policy-expired"]);
    await fleet.restartEdge();
    assert.equal((await till.request("GET", PRICE)).status, 503);
  });

  test("without any policy everything is denied with 503, and no device is admitted", async (t) => {
    const fleet = await setupFleet(t, { upTo: "edge" });
    if (!fleet) return;
    const answer = await fleet.attest("pos-1");
    assert.deepEqual([answer.status, answer.code], [503, "POLICY_MISSING"]);
  });
});

/** Changes one letter of `text` inside the tar. */
function alter(bundle: Uint8Array, text: string): Uint8Array {
  return rename(bundle, text, `${text.slice(0, -1)}${text.endsWith("8") ? "9" : "8"}`);
}

function rename(bundle: Uint8Array, from: string, to: string): Uint8Array {
  const tar = Buffer.from(gunzip(bundle, TAR_LENGTH_MAX) ?? []);
  const at = tar.indexOf(from);
  assert.ok(at >= 0 && from.length === to.length);
  tar.write(to, at);
  return gzip(new Uint8Array(tar));
}

function flipLetter(text: string): string {
  const at = text.indexOf(".") + 20;
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
}

function readTrust(fleet: Fleet): TrustDocument {
  const key = readKeyFile(authorityFiles(fleet.authority).trustKey);
  const opened = openTrustDocument(
    readFileSync(controlFiles(fleet.controlData).trustDocument, "utf8"),
    [{ keyId: TRUST_KEY_ID, algorithm: "ES256", spki: key.spki }],
    { now: systemClock.now(), versionAtLeast: 0, crypto: createNodeCrypto() },
  );
  assert.ok(opened.ok);
  return opened.value;
}

function signTrust(fleet: Fleet, document: TrustDocument): string {
  return signTrustDocument(document, TRUST_KEY_ID, readKeyFile(authorityFiles(fleet.authority).trustKey));
}
