import { relative } from "node:path";
import { performance } from "node:perf_hooks";
import { run } from "node:test";
import { spec, type TestEvent } from "node:test/reporters";

export interface TestRun {
  readonly top: string;
  /** Relative to `top`. */
  readonly files: readonly string[];
  /** These have the machine to themselves, one after the other. */
  readonly isAlone: (file: string) => boolean;
  readonly parallel: number;
  readonly timeoutMs: Timeouts;
}

/** A test that waits for ever is failed after `test`; a file that spins, or is held open by a leak, is killed after `file`. */
interface Timeouts {
  readonly test: number;
  readonly file: number;
}

/** What node:test counts, in the order it prints. */
const COUNTED = ["tests", "suites", "passed", "failed", "cancelled", "skipped", "todo"] as const;
const PRINTED_AS: Readonly<Record<string, string>> = { passed: "pass", failed: "fail" };
type Counts = Record<(typeof COUNTED)[number], number>;

/**
 * Runs every file in a process of its own and reports as `node --test` would: one listing, one summary, at the very end.
 * True when there were tests and all of them passed or were skipped.
 */
export async function runTests({ top, files, isAlone, parallel, timeoutMs }: TestRun): Promise<boolean> {
  const start = performance.now();
  const reporter = new spec();
  reporter.pipe(process.stdout);
  const totals: Counts = { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };
  const waiting = files.filter((file) => !isAlone(file));
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      // Held back until the file is done, so that files that run side by side are told one after the other.
      const events: TestEvent[] = [];
      addCounts(totals, await runFile(top, file, timeoutMs, (event) => events.push(event)));
      for (const event of events) reporter.write(event);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  for (const file of files.filter(isAlone))
    addCounts(totals, await runFile(top, file, timeoutMs, (event) => reporter.write(event)));
  const success = totals.tests > 0 && totals.failed === 0 && totals.cancelled === 0;
  for (const event of summaryOf(totals, success, performance.now() - start)) reporter.write(event);
  await new Promise((resolve) => reporter.end(resolve));
  return success;
}

async function runFile(
  top: string,
  file: string,
  timeoutMs: Timeouts,
  report: (event: TestEvent) => void,
): Promise<Counts | undefined> {
  const signal = AbortSignal.timeout(timeoutMs.file);
  let counts: Counts | undefined;
  for await (const event of run({
    cwd: top,
    files: [file],
    timeout: timeoutMs.test,
    signal,
  }) as AsyncIterable<TestEvent>) {
    if (event.type === "test:summary") {
      // Node counts `failed` as well; its published types lag behind.
      if (event.data.file === undefined) counts = { failed: 0, ...event.data.counts };
    } else if (event.type === "test:diagnostic" && event.data.file === undefined) {
      // node:test's own summary of this one file.
    } else if (event.type !== "test:plan") {
      report(event);
    }
  }
  if (signal.aborted) report(diagnosticOf(`${relative(top, file)} was killed after ${timeoutMs.file / 1_000} s`));
  return counts;
}

function addCounts(totals: Counts, counts: Counts | undefined): void {
  // INVARIANT: a file that ended without saying how is a failure.
  if (!counts) totals.failed++;
  else for (const name of COUNTED) totals[name] += counts[name];
}

/** The last events of a run, from which the reporter prints the counts and then every failure again. */
function summaryOf(totals: Counts, success: boolean, durationMs: number): TestEvent[] {
  return [
    ...COUNTED.map((name) => diagnosticOf(`${PRINTED_AS[name] ?? name} ${totals[name]}`)),
    diagnosticOf(`duration_ms ${durationMs.toFixed(0)}`),
    {
      type: "test:summary",
      data: { counts: { ...totals, topLevel: totals.tests }, duration_ms: durationMs, file: undefined, success },
    },
  ];
}

function diagnosticOf(message: string): TestEvent {
  return { type: "test:diagnostic", data: { nesting: 0, message, level: "info" } };
}
