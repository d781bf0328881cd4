import assert from "node:assert/strict";
import { test } from "node:test";
import { AdapterError, err, type Instant, instant, milliseconds, ok, utf8 } from "@vedette/base";
import type { ClientAnswer } from "@vedette/net";
import { createNodeCrypto } from "@vedette/runtime";
import { GenerationFollower, type GenerationFollowerOptions } from "./generation-follower.ts";

type Host = GenerationFollowerOptions["host"];
type Verdict = Awaited<ReturnType<Host["acceptPolicy"]>>;

test("trust is taken before the policy, and what was taken is not fetched again", async () => {
  const node = setupFollower();
  await node.announce(1, 1);
  await node.announce(1, 1);
  assert.deepEqual(node.asked, ["/v1/trust", "/v1/policy", "/v1/policy/acknowledgements"]);
});

test("a number that went back is followed like any other: the bundle itself says what it is", async () => {
  const node = setupFollower();
  await node.announce(1, 5);
  node.asked.length = 0;
  await node.announce(1, 4);
  assert.deepEqual(node.asked[0], "/v1/policy");
});

test("a policy that is refused for good is fetched and acknowledged once", async () => {
  const node = setupFollower();
  node.verdicts = [err({ code: "BUNDLE_UNSIGNED" })];
  for (let i = 0; i < 3; i++) await node.announce(1, 1);
  assert.deepEqual(node.asked, ["/v1/trust", "/v1/policy", "/v1/policy/acknowledgements"]);
});

test("a policy that is only too early, or before its trust document, is tried again and acknowledged once", async () => {
  for (const code of ["TRUST_MISSING", "BUNDLE_NOT_YET_VALID"] as const) {
    const node = setupFollower();
    const refused = code === "TRUST_MISSING" ? err({ code }) : err({ code, notBefore: "2026-11-22T00:00:00Z" });
    node.verdicts = [refused, refused];
    for (let i = 0; i < 3; i++) await node.announce(1, 1);
    assert.equal(node.accepted, 3);
    // Of the refusal, and of the success.
    assert.equal(node.asked.filter((path) => path.endsWith("acknowledgements")).length, 2);
    await node.announce(1, 1);
    assert.equal(node.accepted, 3);
  }
});

test("a policy refused under one trust document is judged again under the next", async () => {
  const node = setupFollower();
  node.verdicts = [err({ code: "KEY_UNKNOWN", keyId: "policy-2" })];
  await node.announce(1, 1);
  await node.announce(2, 1);
  assert.equal(node.accepted, 2);
});

test("no answer, or another than 200, leaves the generation to the next poll, each kind by itself", async () => {
  for (const broken of [undefined, 503]) {
    const node = setupFollower();
    node.answers.set("/v1/policy", broken === undefined ? undefined : answer(broken));
    await node.announce(1, 1);
    node.answers.delete("/v1/policy");
    await node.announce(1, 1);
    assert.deepEqual(node.asked, ["/v1/trust", "/v1/policy", "/v1/policy", "/v1/policy/acknowledgements"]);
  }
});

test("an acknowledgement that was not heard is sent again", async () => {
  const node = setupFollower();
  node.answers.set("/v1/policy/acknowledgements", undefined);
  await node.announce(1, 1);
  node.answers.delete("/v1/policy/acknowledgements");
  await node.announce(1, 1);
  assert.equal(node.accepted, 1);
  assert.equal(node.asked.filter((path) => path.endsWith("acknowledgements")).length, 2);
});

test("a full disk is told and tried again, a bug is handed to its owner", async () => {
  const node = setupFollower();
  const full = new AdapterError("STORE_FULL", "the disk is full");
  const bug = new TypeError("bug");
  node.failures = [full, bug];
  await node.announce(1, 1);
  assert.deepEqual([node.logged, node.bugs], [1, []]);
  await node.announce(1, 1);
  assert.deepEqual([node.logged, node.bugs], [1, [bug]]);
  await node.announce(1, 1);
  assert.equal(node.accepted, 1);
});

/** A host that takes what comes unless told otherwise, and a control plane that answers. */
function setupFollower() {
  const asked: string[] = [];
  const answers = new Map<string, ClientAnswer | undefined>();
  const bugs: unknown[] = [];
  const host = { active: undefined as Host["active"], trustVersion: 0 };
  const node = {
    asked,
    answers,
    bugs,
    logged: 0,
    accepted: 0,
    expected: 0,
    verdicts: [] as Verdict[],
    failures: [] as Error[],
    announce: async (trust: number, policy: number): Promise<void> => {
      follower.follow({ trust, policy, status: 0 });
      await follower.settled();
      assert.equal(node.expected, 0, "nothing is expected any more");
    },
  };
  const follower = new GenerationFollower({
    host: {
      get active() {
        return host.active;
      },
      get trustVersion() {
        return host.trustVersion;
      },
      acceptTrust: async () => {
        host.trustVersion++;
        return err({ code: "TRUST_UNSIGNED" });
      },
      expectPolicy: () => {
        node.expected++;
        return { [Symbol.dispose]: () => void node.expected-- };
      },
      acceptPolicy: async () => {
        assert.equal(node.expected, 1);
        const failure = node.failures.shift();
        if (failure) throw failure;
        node.accepted++;
        const verdict = node.verdicts.shift() ?? ok(activated());
        if (verdict.ok) host.active = verdict.value;
        return verdict;
      },
    },
    wallClock: { now: (): Instant => instant(1_790_000_000_000), monotonic: () => milliseconds(0) },
    crypto: createNodeCrypto(),
    log: (_level, message) => {
      if (message.includes("stored")) node.logged++;
    },
    ask: async (_method, path) => {
      asked.push(path);
      if (answers.has(path)) return answers.get(path);
      return path.endsWith("acknowledgements") ? answer(204) : answer(200);
    },
    onBug: (error) => void bugs.push(error),
  });
  return node;
}

function answer(status: number): ClientAnswer {
  return { status, headers: { etag: '"7"' }, body: utf8("document") };
}

function activated(): Extract<Verdict, { readonly ok: true }>["value"] {
  const inventory = { kind: "vedette/inventory/v1", classes: {}, devices: [] } as const;
  const notAfter = instant(1_800_000_000_000);
  const compiled = {} as Extract<Verdict, { readonly ok: true }>["value"]["compiled"];
  return {
    compiled,
    inventory,
    deviceByName: new Map(),
    sequence: 7,
    revision: "r7",
    digest: "d".repeat(64),
    notAfter,
  };
}
