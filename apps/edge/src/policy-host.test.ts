import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { addDuration, days, type Instant, instant, type Json, type Result, utf8 } from "@vedette/base";
import { mintFleetRoot, parseTrustDomain, signTrustDocument, siteDomain, type TrustDocument } from "@vedette/identity";
import { buildPolicyBundle, RULES_FILE, signPolicyBundle } from "@vedette/policy";
import { createNodeCrypto, generateKey, gunzip, gzip, type SoftwareKey, systemRandom } from "@vedette/runtime";
import { PolicyHost } from "./policy-host.ts";
import { PolicyThread } from "./policy-thread.ts";
import { policyWorkerUrl } from "./policy-worker-url.ts";

const crypto = createNodeCrypto();
const NOW = instant(1_790_000_000_000);
const trustKey = generateKey("Ed25519");
const [policyKey, newPolicyKey] = [generateKey("ES256"), generateKey("ES256")];
const fleetDomain = value(parseTrustDomain("example.org"));
const root = value(
  mintFleetRoot({ fleetDomain, signer: generateKey("ES256") }, { now: NOW, random: systemRandom, crypto }),
);
const till = { name: "pos-1", class: "pos", ek: "0".repeat(64) };

test("a policy that arrives is sealed, told and active, with its devices by name", async (t) => {
  const node = await setupNode(t);
  const accepted = value(await node.host.acceptPolicy(bundle(3)));
  assert.equal(node.host.active, accepted);
  assert.equal(node.state.record.policySequence, 3);
  assert.deepEqual(accepted.deviceByName.get("pos-1"), till);
  assert.deepEqual(node.events.at(-1)?.[0], "policy-activated");
  assert.equal(existsSync(`${node.files.policy}.offered`), false);
});

test("a bundle whose rules are wrong is refused after it was written, told once, and changes nothing", async (t) => {
  const node = await setupNode(t);
  const running = value(await node.host.acceptPolicy(bundle(3)));
  const wrong = bundle(4, { rules: { kind: "rules/v1" } });
  for (let i = 0; i < 3; i++) assert.equal(codeOf(await node.host.acceptPolicy(wrong)), "POLICY_REFUSED");
  assert.equal(node.host.active, running);
  assert.equal(node.state.record.policySequence, 3);
  assert.deepEqual(
    node.events.filter(([name]) => name === "policy-refused").map(([, facts]) => facts["code"]),
    ["POLICY_REFUSED"],
  );
  assert.equal(node.restart().active?.sequence, 3);
});

test("a policy signed by a key that the site does not know is refused from memory and never written", async (t) => {
  const node = await setupNode(t);
  assert.equal(codeOf(await node.host.acceptPolicy(bundle(3, { key: newPolicyKey }))), "SIGNATURE_INVALID");
  assert.equal(existsSync(`${node.files.policy}.offered`), false);
});

test("what a power cut left between file and seal is sealed at the next start, and the older one stays out", async (t) => {
  const node = await setupNode(t);
  value(await node.host.acceptPolicy(bundle(3)));
  const sealedBefore = { ...node.state.record };
  value(await node.host.acceptTrust(trustDocument(8)));
  value(await node.host.acceptPolicy(bundle(4)));
  node.state.record = sealedBefore;
  const host = node.restart();
  await host.sealLoaded();
  assert.deepEqual([node.state.record.trustVersion, node.state.record.policySequence], [8, 4]);
  assert.deepEqual(codeOf(await host.acceptPolicy(bundle(3))), "BUNDLE_ROLLBACK");
});

test("a start that finds what is sealed writes nothing", async (t) => {
  const node = await setupNode(t);
  value(await node.host.acceptPolicy(bundle(3)));
  const host = node.restart();
  const [changes, events] = [node.state.changes, node.events.length];
  await host.sealLoaded();
  assert.deepEqual([node.state.changes, node.events.length], [changes, events]);
});

test("a trust document that drops the policy's key ends the policy at once, and a good one comes back", async (t) => {
  const node = await setupNode(t);
  const { digest } = value(await node.host.acceptPolicy(bundle(3)));
  value(await node.host.acceptTrust(trustDocument(8, { policyKey: newPolicyKey })));
  assert.equal(node.host.active, undefined);
  assert.equal(node.host.trustVersion, 8);
  assert.deepEqual(node.events.at(-1), ["policy-refused", { code: "SIGNATURE_INVALID", digest, running: 0 }]);
  assert.equal(node.restart().active, undefined);
  const next = value(await node.host.acceptPolicy(bundle(3, { key: newPolicyKey })));
  assert.equal(node.host.active, next);
});

test("a trust document that keeps the policy's key keeps the policy", async (t) => {
  const node = await setupNode(t);
  value(await node.host.acceptPolicy(bundle(3)));
  value(await node.host.acceptTrust(trustDocument(8)));
  assert.equal(node.host.active?.sequence, 3);
  assert.deepEqual(
    node.events.map(([name]) => name),
    ["trust-activated", "policy-activated", "trust-activated"],
  );
});

test("a policy on disk that was altered meanwhile does not survive a new trust document", async (t) => {
  const node = await setupNode(t);
  value(await node.host.acceptPolicy(bundle(3)));
  writeFileSync(node.files.policy, "no bundle");
  value(await node.host.acceptTrust(trustDocument(8)));
  assert.equal(node.host.active, undefined);
});

test("a trust document that is altered or older leaves file, seal and document", async (t) => {
  const node = await setupNode(t);
  value(await node.host.acceptTrust(trustDocument(8)));
  assert.equal(codeOf(await node.host.acceptTrust(trustDocument(7))), "TRUST_ROLLBACK");
  assert.equal(
    codeOf(await node.host.acceptTrust(trustDocument(9, { signer: generateKey("Ed25519") }))),
    "TRUST_ALTERED",
  );
  assert.deepEqual([node.host.trustVersion, node.restart().trustVersion, node.state.record.trustVersion], [8, 8, 8]);
});

test("a trust document past its end counts as none, from that moment on", async (t) => {
  const node = await setupNode(t);
  node.clock.at = addDuration(NOW, days(30));
  assert.equal(node.host.trustVersion, 7);
  node.clock.at = instant(node.clock.at + 1);
  assert.equal(node.host.trustVersion, 0);
  assert.equal(codeOf(await node.host.acceptPolicy(bundle(3))), "TRUST_MISSING");
});

test("documents that arrive together are taken one after the other", async (t) => {
  const node = await setupNode(t);
  const [trust, policy, old] = await Promise.all([
    node.host.acceptTrust(trustDocument(8, { policyKey: newPolicyKey })),
    node.host.acceptPolicy(bundle(4, { key: newPolicyKey })),
    node.host.acceptPolicy(bundle(3, { key: newPolicyKey })),
  ]);
  assert.deepEqual([trust.ok, policy.ok, codeOf(old)], [true, true, "BUNDLE_ROLLBACK"]);
});

test("a thread that ends without an answer leaves the old policy, and the next offer is judged afresh", async (t) => {
  const node = await setupNode(t);
  const running = value(await node.host.acceptPolicy(bundle(3)));
  node.thread.url = new URL("data:text/javascript,process.exit()");
  assert.deepEqual(await node.host.acceptPolicy(bundle(4)), {
    ok: false,
    error: { code: "POLICY_THREAD_FAILED", reason: "ended" },
  });
  assert.equal(node.host.active, running);
  assert.equal(node.restart().active?.sequence, 3);
  node.thread.url = policyWorkerUrl;
  assert.equal(value(await node.host.acceptPolicy(bundle(4))).sequence, 4);
});

test("a new trust document keeps its policy though no thread can open it", async (t) => {
  const node = await setupNode(t);
  value(await node.host.acceptPolicy(bundle(3)));
  node.thread.url = new URL("data:text/javascript,process.exit()");
  value(await node.host.acceptTrust(trustDocument(8)));
  assert.equal(node.host.active?.sequence, 3);
});

test("a policy that is expected is opened in the thread that waits for it", async (t) => {
  const node = await setupNode(t);
  {
    using _nothing = node.host.expectPolicy();
    assert.deepEqual([node.thread.started, node.thread.running], [1, 1]);
  }
  assert.deepEqual([node.thread.started, node.thread.running], [1, 0]);
  {
    using _expected = node.host.expectPolicy();
    assert.equal(value(await node.host.acceptPolicy(bundle(3))).sequence, 3);
    assert.deepEqual([node.thread.started, node.thread.running], [2, 0]);
  }
  assert.equal(value(await node.host.acceptPolicy(bundle(4))).sequence, 4);
  assert.deepEqual([node.thread.started, node.thread.running], [3, 0]);
});

/** A node with trust document 7 in force and no policy. */
async function setupNode(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "vedette-policy-host-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const files = { trustDocument: join(folder, "trust.jws"), policy: join(folder, "policy.tar.gz") };
  const clock = { at: NOW, now: (): Instant => clock.at };
  const state = new SealedState();
  const events: [name: string, facts: Readonly<Record<string, Json>>][] = [];
  const thread = { url: policyWorkerUrl, started: 0, running: 0 };
  const startThread = (): PolicyThread => {
    const started = new PolicyThread(thread.url);
    thread.started++;
    thread.running++;
    const end = started[Symbol.dispose].bind(started);
    return Object.assign(started, {
      [Symbol.dispose]: () => {
        thread.running--;
        end();
      },
    });
  };
  const restart = () => {
    const host = new PolicyHost({
      startThread,
      files,
      facts: { site: "store-17", trustKey: { keyId: "trust-1", algorithm: "Ed25519", spki: trustKey.spki } },
      state,
      evidence: { event: async (name, facts) => void events.push([name, facts]) },
      clock,
      crypto,
      random: systemRandom,
    });
    host.loadFromDisk();
    return host;
  };
  const host = restart();
  value(await host.acceptTrust(trustDocument(7)));
  return { host, files, clock, state, events, restart, thread };
}

/** Remembers like the sealed record, one turn of the event loop later. */
class SealedState {
  changes = 0;
  record = {
    epoch: 1n,
    policySequence: 0,
    trustVersion: 0,
    statusVersion: 0,
    timeFloor: NOW,
    spend: { timeFloor: NOW, counters: [] },
    journal: { size: 0, root: new Uint8Array(32) },
    hasAttestedWithTpm: true,
  };

  async change(change: object): Promise<void> {
    await new Promise(setImmediate);
    this.changes++;
    this.record = { ...this.record, ...change };
  }
}

function trustDocument(version: number, changes: { policyKey?: SoftwareKey; signer?: SoftwareKey } = {}): string {
  const { spki } = changes.policyKey ?? policyKey;
  const document: TrustDocument = {
    version,
    fleetDomain,
    notAfter: addDuration(NOW, days(30)),
    domains: [
      { domain: fleetDomain, kind: "fleet", anchors: [root] },
      { domain: value(siteDomain("store-17", fleetDomain)), kind: "site", anchors: [root] },
    ],
    revokedSites: [],
    policyKeys: [{ keyId: "policy-1", algorithm: "ES256", spki }],
    mirrors: [],
    witnesses: [],
    anchorsByClass: new Map(),
  };
  return signTrustDocument(document, "trust-1", changes.signer ?? trustKey);
}

const rule = { id: "r1", effect: "allow", subject: { type: "device" }, action: ["GET"], resource: { type: "pricing" } };

function bundle(sequence: number, changes: { rules?: object; key?: SoftwareKey } = {}): Uint8Array {
  const rules = changes.rules ?? { kind: "rules/v1", id: "store-17", default: "deny", rules: [rule] };
  const inventory = { kind: "vedette/inventory/v1", classes: {}, devices: [till] };
  const files = new Map([
    [RULES_FILE, utf8(JSON.stringify(rules))],
    ["vedette/inventory/data.json", utf8(JSON.stringify(inventory))],
  ]);
  const notAfter = addDuration(NOW, days(300));
  const manifest = { revision: `r${sequence}`, roots: ["vedette"], sequence, site: "store-17", notAfter };
  const built = value(buildPolicyBundle(files, manifest, { gzip, gunzip }));
  return value(
    signPolicyBundle(built, "policy-1", { signer: changes.key ?? policyKey, crypto, gzip: { gzip, gunzip } }),
  );
}

function codeOf(result: Result<unknown, { readonly code: string }>): string {
  return result.ok ? "OK" : result.error.code;
}

function value<T>(result: Result<T, unknown>): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}
