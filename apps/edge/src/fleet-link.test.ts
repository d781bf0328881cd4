import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AdapterError, addDuration, err, hours, instant, milliseconds, Secret, utf8 } from "@vedette/base";
import { noteSignerOf } from "@vedette/envelope";
import { parseTrustDomain } from "@vedette/identity";
import { openJournal } from "@vedette/journal";
import type { ClientAnswer, HttpClient } from "@vedette/net";
import { createNodeCrypto, generateKey, systemRandom } from "@vedette/runtime";
import { FleetLink } from "./fleet-link.ts";

const crypto = createNodeCrypto();
const NOW = instant(1_790_000_000_000);
const ORIGIN = "store-17/edge-1/journal";
const signer = noteSignerOf("ed25519", ORIGIN, generateKey("Ed25519"), crypto);

test("a journal without news is no contact; an answer is", async (t) => {
  const node = await setupLink(t, { answer: () => undefined });
  node.link.start();
  await node.until(() => node.asked.includes("/v1/generations"));
  assert.deepEqual([node.link.status().contact, node.link.status().lastContact], ["unreachable", undefined]);
  const other = await setupLink(t, { answer: () => json(200, { policy: 0, trust: 0, status: 0 }) });
  other.link.start();
  await other.until(() => other.link.status().contact === "answering");
  assert.equal(other.link.status().lastContact, NOW);
});

test("a node that the control plane refuses re-attests at once, and is shown as refused", async (t) => {
  for (const refusal of [
    json(403, { error: { code: "NODE_CONTRAINDICATED", message: "" } }),
    json(403, { error: { code: "NODE_UNKNOWN", message: "" } }),
    json(401, { error: { code: "PRINCIPAL_EXPIRED", message: "" } }),
  ]) {
    let renewals = 0;
    const renew = async () => {
      renewals++;
      return addDuration(NOW, hours(8));
    };
    const node = await setupLink(t, { answer: () => refusal, renew });
    node.link.start();
    await node.until(() => renewals === 1);
    const { contact, isReachable } = node.link.status();
    assert.deepEqual([contact, isReachable], ["refused", true]);
    assert.equal(node.logged.filter((message) => message.includes("refuses this node")).length, 1);
    assert.equal(node.connections, 2);
    await node.link[Symbol.asyncDispose]();
  }
});

test("a refusal that is not about the node's standing is an answer like any other", async (t) => {
  const refusal = json(403, { error: { code: "LOG_FOREIGN", message: "" } });
  const node = await setupLink(t, { answer: () => refusal, renew: async () => assert.fail("no renewal") });
  node.link.start();
  await node.until(() => node.link.status().contact === "answering");
});

test("a bug in a loop reaches its owner, and the other loops go on", async (t) => {
  const bug = new TypeError("bug");
  const node = await setupLink(t, {
    answer: () => json(200, { policy: 0, trust: 0, status: 0 }),
    firstRenewal: NOW,
    renew: async () => {
      throw bug;
    },
  });
  node.link.start();
  await node.until(() => node.bugs.length > 0 && node.link.status().contact === "answering");
  assert.deepEqual(node.bugs, [bug]);
});

test("a renewal that fails is told and tried again", async (t) => {
  let tries = 0;
  const renew = async () => {
    if (tries++ === 0) throw new AdapterError("NET_UNREACHABLE", "nobody answers");
    return addDuration(NOW, hours(8));
  };
  const node = await setupLink(t, { answer: () => undefined, firstRenewal: NOW, renew });
  node.link.start();
  await node.until(() => node.link.status().renewals === 1);
  assert.equal(tries, 2);
});

test("stopping waits for the renewal and the activation under way", async (t) => {
  const renewal = Promise.withResolvers<void>();
  const activation = Promise.withResolvers<void>();
  const done: string[] = [];
  const node = await setupLink(t, {
    answer: () => json(200, { policy: 0, trust: 1, status: 0 }),
    firstRenewal: NOW,
    renew: async () => {
      await renewal.promise;
      done.push("renewal");
      return addDuration(NOW, hours(8));
    },
    acceptTrust: async () => {
      await activation.promise;
      done.push("activation");
      return err({ code: "TRUST_UNSIGNED" });
    },
  });
  node.link.start();
  await node.until(() => node.asked.includes("/v1/trust"));
  const stopped = node.link[Symbol.asyncDispose]().then(() => done.push("stopped"));
  setTimeout(activation.resolve, 20);
  setTimeout(renewal.resolve, 40);
  await stopped;
  assert.deepEqual(done, ["activation", "renewal", "stopped"]);
  assert.equal(node.connections, 1);
});

interface LinkSetup {
  /** Undefined: nobody answers. */
  readonly answer: (path: string) => ClientAnswer | undefined;
  readonly firstRenewal?: typeof NOW;
  readonly renew?: () => Promise<typeof NOW>;
  readonly acceptTrust?: ConstructorParameters<typeof FleetLink>[0]["host"]["acceptTrust"];
}

async function setupLink(t: TestContext, setup: LinkSetup) {
  const folder = mkdtempSync(join(tmpdir(), "vedette-link-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const journal = await openJournal({ path: join(folder, "journal.db"), origin: ORIGIN, gapLeaf: () => utf8("gap") });
  const fleet = parseTrustDomain("example.org");
  assert.ok(fleet.ok);
  const begun = Date.now();
  const wallClock = {
    now: () => instant(NOW + (setup.firstRenewal ? Date.now() - begun : 0)),
    monotonic: () => milliseconds(0),
  };
  const node = { asked: [] as string[], bugs: [] as unknown[], logged: [] as string[], connections: 0 };
  const client = (): HttpClient => {
    node.connections++;
    const unanswered = () => new AdapterError("NET_UNREACHABLE", "nobody answers");
    return {
      request: async (_method, path) => {
        node.asked.push(path);
        const answered = setup.answer(path);
        if (!answered) throw unanswered();
        return answered;
      },
      open: async (_method, _path, extras) => {
        await new Promise((resolve) => extras?.signal?.addEventListener("abort", resolve));
        throw unanswered();
      },
      withConnection: () => Promise.reject(unanswered()),
      close: () => {},
      [Symbol.dispose]: () => {},
    };
  };
  const link = new FleetLink({
    facts: { fleet: fleet.value, fleetUrl: "https://127.0.0.1:1", root: new Uint8Array(0) },
    host: {
      trust: undefined,
      trustVersion: 0,
      active: undefined,
      acceptTrust: setup.acceptTrust ?? (async () => err({ code: "TRUST_UNSIGNED" })),
      expectPolicy: () => new DisposableStack(),
      acceptPolicy: async () => err({ code: "TRUST_MISSING" }),
    },
    journal,
    journalSigner: signer,
    wallClock,
    clock: { witnessCosignature: () => {} },
    random: systemRandom,
    crypto,
    log: (_level, message) => void node.logged.push(message),
    timeout: milliseconds(1_000),
    identity: () => ({ chainPem: "", key: new Secret(new Uint8Array(0)) }),
    renew: setup.renew ?? (() => Promise.reject(new AdapterError("NET_UNREACHABLE", "nobody answers"))),
    firstRenewal: setup.firstRenewal ?? addDuration(NOW, hours(8)),
    connect: client,
    onBug: (error) => void node.bugs.push(error),
  });
  t.after(async () => {
    await link[Symbol.asyncDispose]();
    await journal.close();
  });
  const until = async (isReached: () => boolean): Promise<void> => {
    for (let i = 0; !isReached(); i++) {
      assert.ok(i < 1_000, "it comes to that");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return Object.assign(node, { link, until });
}

function json(status: number, body: object): ClientAnswer {
  return { status, headers: {}, body: utf8(JSON.stringify(body)) };
}
