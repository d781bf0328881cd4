import type { Report } from "./json-text.ts";
import { stopwatch } from "./prepared-policy.ts";

/** Long enough for the engine to have compiled what it will compile. */
const WARM_UP = 3e8;
const DURATION = 1e9;
/** Below this, reading the clock is a good part of what is measured: then several calls share one reading. */
const SAMPLE_MIN = 2_000;
const SAMPLES_MAX = 500_000;
const CALLS_UNWATCHED_MAX = 1_000;

/** How long one call takes, in nanoseconds. */
export interface Measurement {
  readonly calls: number;
  readonly total: number;
  readonly mean: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Calls that one sample is the mean of. */
  readonly batch: number;
  /** Growth of the heap; undefined when it shrank meanwhile. */
  readonly bytes: number | undefined;
}

/** Calls again and again for about a second, after warming up. */
export function measure(act: () => void): Measurement {
  const once = warmUp(act);
  const batch = Math.max(1, Math.ceil(SAMPLE_MIN / once));
  const samples: number[] = [];
  const heap = process.memoryUsage().heapUsed;
  const start = stopwatch();
  let end = start;
  while (end - start < DURATION && samples.length < SAMPLES_MAX) {
    const before = end;
    for (let i = 0; i < batch; i++) act();
    end = stopwatch();
    samples.push((end - before) / batch);
  }
  const grown = process.memoryUsage().heapUsed - heap;
  const calls = samples.length * batch;
  samples.sort((a, b) => a - b);
  const at = (share: number) => samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? 0;
  return {
    calls,
    total: end - start,
    mean: (end - start) / calls,
    min: at(0),
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
    max: at(1),
    batch,
    bytes: grown >= 0 ? grown / calls : undefined,
  };
}

/** Nanoseconds of one call, once warm. Of many calls between two looks at the clock: that costs more than a call may. */
function warmUp(act: () => void): number {
  const start = stopwatch();
  let each = 0;
  for (let before = start, calls = 1; before - start < WARM_UP; calls = Math.min(calls * 2, CALLS_UNWATCHED_MAX)) {
    for (let i = 0; i < calls; i++) act();
    const end = stopwatch();
    each = (end - before) / calls;
    if (end - before > WARM_UP / 10) calls = 1;
    before = end;
  }
  return each;
}

/** Rows of a table, as `opa bench` names them. */
export function measurementRows(measurement: Measurement): readonly (readonly [string, string])[] {
  const { calls, mean, bytes, batch } = measurement;
  const percentiles = (["min", "p50", "p90", "p99", "p999", "max"] as const).map((name): readonly [string, string] => [
    `${name} ns/op`,
    String(Math.round(measurement[name])),
  ]);
  return [
    ["samples", String(calls)],
    ["ns/op", String(Math.round(mean))],
    ...percentiles,
    ...(batch > 1 ? [["calls for each sample", String(batch)] as const] : []),
    ...(bytes === undefined ? [] : [["B/op", String(Math.round(bytes))] as const]),
  ];
}

export function measurementToReport(measurement: Measurement): Report {
  const { calls, total, mean, bytes, min, p50, p90, p99, p999, max, batch } = measurement;
  const whole = Object.entries({ mean, min, p50, p90, p99, p999, max }).map(([name, value]) => [
    `${name}_ns`,
    Math.round(value),
  ]);
  return {
    N: calls,
    T: Math.round(total),
    BytesPerOp: bytes === undefined ? undefined : Math.round(bytes),
    Extra: { ...Object.fromEntries(whole), batch },
  };
}

/** A line that `benchstat` reads. */
export function measurementToGoBench(name: string, { calls, mean, p50, p90, p99, bytes }: Measurement): string {
  const figures = [
    `${Math.round(mean)} ns/op`,
    `${Math.round(p50)} p50-ns/op`,
    `${Math.round(p90)} p90-ns/op`,
    `${Math.round(p99)} p99-ns/op`,
    ...(bytes === undefined ? [] : [`${Math.round(bytes)} B/op`]),
  ];
  return [name, String(calls), ...figures].join("\t");
}
