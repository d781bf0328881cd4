import { readlinkSync } from "node:fs";
import { constants, getPriority, setPriority } from "node:os";
import { platform } from "node:process";

/** Added to what the process has: a third of the weight of its other threads. */
const NICENESS = 5;

/**
 * Lets threads that somebody waits for run before this one when there are not enough cores: for work beside an event loop.
 * On Linux, setpriority(2) takes the id of a thread; elsewhere, priorities belong to whole processes and nothing changes.
 */
export function yieldToOtherThreads(): void {
  if (platform !== "linux") return;
  // proc(5): "1234/task/1240", by which thread reads it.
  const thread = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
  setPriority(thread, Math.min(getPriority(thread) + NICENESS, constants.priority.PRIORITY_LOW));
}
