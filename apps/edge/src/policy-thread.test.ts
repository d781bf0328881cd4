import assert from "node:assert/strict";
import { test } from "node:test";
import { instant, milliseconds } from "@vedette/base";
import { PolicyThread } from "./policy-thread.ts";
import { policyWorkerUrl } from "./policy-worker-url.ts";

const terms = { keys: [], site: "store-17", now: instant(1_790_000_000_000), sequenceAtLeast: 1 };
const bytes = new Uint8Array([1, 2, 3]);

test("what is no bundle is refused with the reason, as often as one asks", async () => {
  using thread = new PolicyThread();
  for (let i = 0; i < 2; i++) {
    const opened = await thread.open(bytes, terms);
    assert.equal(opened.ok ? "OK" : opened.error.code, "BUNDLE_MALFORMED");
    const verified = await thread.verify(bytes, terms);
    assert.equal(verified.ok ? "OK" : verified.error.code, "BUNDLE_MALFORMED");
  }
});

test("a thread that crashes answers once and for all that it ended", async () => {
  using thread = new PolicyThread(new URL("data:text/javascript,throw new Error('boom')"));
  const ended = { ok: false, error: { code: "POLICY_THREAD_FAILED", reason: "ended" } };
  assert.deepEqual(await thread.open(bytes, terms), ended);
  assert.deepEqual(await thread.open(bytes, terms), ended);
});

test("a thread that does not answer is not waited for", async () => {
  const silent = new URL("data:text/javascript,setInterval(() => {}, 1000)");
  using thread = new PolicyThread(silent, milliseconds(50));
  assert.deepEqual(await thread.verify(bytes, terms), {
    ok: false,
    error: { code: "POLICY_THREAD_FAILED", reason: "timeout" },
  });
});

test("who stops while a bundle is opened gets an answer, and nothing runs on", async () => {
  const thread = new PolicyThread(policyWorkerUrl);
  const opened = thread.open(bytes, terms);
  thread[Symbol.dispose]();
  assert.equal((await opened).ok, false);
});
