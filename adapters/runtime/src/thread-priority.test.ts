import assert from "node:assert/strict";
import { once } from "node:events";
import { getPriority } from "node:os";
import { platform } from "node:process";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

const skip = platform === "linux" ? false : "threads have no priority of their own here";

test("a thread that gives way does so alone", { skip }, async () => {
  const module = new URL("./thread-priority.ts", import.meta.url);
  const script = `
    import { readlinkSync } from "node:fs";
    import { getPriority } from "node:os";
    import { parentPort } from "node:worker_threads";
    import { yieldToOtherThreads } from "${module}";
    const thread = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
    const before = getPriority(thread);
    yieldToOtherThreads();
    parentPort.postMessage([before, getPriority(thread)]);
  `;
  const mine = getPriority();
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
  const [[before, after]] = await once(worker, "message");
  assert.equal(before, mine);
  assert.ok(after > before);
  assert.equal(getPriority(), mine);
});
