import { performance } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { instant, type Result } from "@vedette/base";
import { inTurns, PolicyThread } from "@vedette/edge";
import {
  type AccessRequest,
  adoptPolicy,
  type CompiledPolicy,
  type DecisionContext,
  decide,
  RULES_FILE,
} from "@vedette/policy";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import type { Measurement } from "./measurement.ts";
import { createRegoMix } from "./rego-mix.ts";
import { createRuleMix } from "./rule-mix.ts";
import { createSignedBundle, type SignedBundle } from "./signed-bundle.ts";
import { median, percentile } from "./statistics.ts";

const ACTIVATIONS = 7;
/** Decisions of one turn of the event loop: few enough that a held loop is seen in many turns. */
const BATCH = 20;
const STEADY_TURNS = 5_000;
const NOW = instant(Date.UTC(2026, 10, 22, 12));

interface Scenario {
  readonly name: string;
  readonly signed: SignedBundle;
  /** Decided on by what came out, which must not be another policy. */
  readonly requests: readonly AccessRequest[];
  /** Milliseconds to open it, where there is a limit. */
  readonly openMax?: number;
}

/** From the bytes of a signed bundle to a policy that decides, opened in another thread while this one goes on deciding. */
export async function activation(): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  for (const create of [() => rules(1_000, 10), () => rules(100_000, 400), () => regoRules(2_000)])
    measurements.push(...(await measure(create())));
  return measurements;
}

function rules(size: number, openMax: number): Scenario {
  const { text, requests } = createRuleMix(size);
  const signed = createSignedBundle({ [RULES_FILE]: text }, NOW);
  return { name: `1e${Math.log10(size)}`, signed, requests: JSON.parse(requests), openMax };
}

function regoRules(size: number): Scenario {
  const { module, data, requests } = createRegoMix(size);
  const signed = createSignedBundle({ "access.rego": module, "site/data.json": data }, NOW);
  return { name: `rego.${size / 1_000}e3`, signed, requests };
}

async function measure(scenario: Scenario): Promise<readonly Measurement[]> {
  const policy = await openOnce(scenario.signed);
  const runs: Swap[] = [];
  for (let i = 0; i < ACTIVATIONS; i++) runs.push(await swapWhileDeciding(scenario, policy));
  const of = (read: (swap: Swap) => number): number => median(runs.map(read));
  const figure = (metric: string, value: number, unit: string, atMost?: number): Measurement => ({
    bench: "activation",
    metric: `${scenario.name}.${metric}`,
    value,
    unit,
    ...(atMost !== undefined && { atMost }),
  });
  return [
    figure(
      "open",
      of(({ again }) => again),
      "ms",
      scenario.openMax,
    ),
    figure(
      "swap",
      of(({ whole }) => whole),
      "ms",
    ),
    figure(
      "swap.held",
      of(({ held }) => held),
      "ms",
    ),
    figure(
      "swap.decide.p99.ratio",
      of(({ p99, steadyP99 }) => p99 / steadyP99),
      "×",
      2,
    ),
  ];
}

interface Swap {
  /** Milliseconds from the bytes to the policy that decides, the start of the thread included. */
  readonly whole: number;
  /** The same in a thread that has just done it: what the work alone takes. */
  readonly again: number;
  /** The longest turn of the event loop meanwhile, in milliseconds. */
  readonly held: number;
  /** Of the turns with and without an activation beside them. */
  readonly p99: number;
  readonly steadyP99: number;
}

async function openOnce(signed: SignedBundle): Promise<CompiledPolicy> {
  using thread = new PolicyThread();
  return await open(thread, signed);
}

async function swapWhileDeciding({ signed, requests }: Scenario, policy: CompiledPolicy): Promise<Swap> {
  const steady = await decideUntil(policy, requests, (turn) => turn === STEADY_TURNS);
  const start = performance.now();
  const thread = new PolicyThread();
  let whole: number | undefined;
  const opened = open(thread, signed).then((adopted) => {
    whole = performance.now() - start;
    return adopted;
  });
  const turns = await decideUntil(policy, requests, () => whole !== undefined);
  const adopted = await opened;
  for (const request of requests)
    if (decide(adopted, request, CONTEXT).effect !== decide(policy, request, CONTEXT).effect)
      throw new Error("another policy came out");
  const second = performance.now();
  await open(thread, signed);
  const again = performance.now() - second;
  thread[Symbol.dispose]();
  return {
    whole: whole ?? Number.NaN,
    again,
    held: turns.reduce((most, turn) => Math.max(most, turn), 0),
    p99: percentile(turns, 99),
    steadyP99: percentile(steady, 99),
  };
}

async function open(thread: PolicyThread, { bytes, terms }: SignedBundle): Promise<CompiledPolicy> {
  const opened = need(await thread.open(bytes, terms));
  return need(await inTurns(adoptPolicy(undefined, opened, { crypto: createNodeCrypto(), random: systemRandom })))
    .policy;
}

/** Milliseconds from turn to turn of the event loop, each with a batch of decisions; whatever else it does is in them. */
async function decideUntil(
  policy: CompiledPolicy,
  requests: readonly AccessRequest[],
  isOver: (turn: number) => boolean,
): Promise<readonly number[]> {
  const turns: number[] = [];
  let before = performance.now();
  for (let turn = 0; !isOver(turn); turn++) {
    const first = (turn * BATCH) % requests.length;
    for (let i = 0; i < BATCH; i++) decide(policy, requests[first + i]!, CONTEXT);
    await nextTurn();
    const now = performance.now();
    turns.push(now - before);
    before = now;
  }
  return turns;
}

const CONTEXT: DecisionContext = {
  now: NOW,
  attestation: { state: "fresh", at: NOW },
  counters: { spent: () => 0 },
  labels: { site: "bench" },
  requestedBy: "bench",
};

function need<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error("the bench's own bundle is refused", { cause: result.error });
  return result.value;
}
