import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { instant, type Result } from "@vedette/base";
import {
  type AccessRequest,
  activatePolicy,
  type CompiledPolicy,
  compilePolicy,
  type DecisionContext,
  decide,
  openPolicyBundle,
  type PolicyDocument,
  parsePolicy,
  RULES_FILE,
} from "@vedette/policy";
import { createNodeCrypto, gunzip, gzip, systemRandom } from "@vedette/runtime";
import { countCandidates, decideLinearly } from "./linear-rules.ts";
import type { Measurement } from "./measurement.ts";
import { createRuleMix, type RuleMix } from "./rule-mix.ts";
import { createSignedBundle } from "./signed-bundle.ts";
import { interleaved, median, percentile } from "./statistics.ts";

const ROUNDS = 200;
const WARM_UP_ROUNDS = 50;
/** The peer takes about a millisecond each: enough for a median, not for a coffee. */
const PEER_ROUNDS = 15;
const PEER_BATCH = 20;
const ACTIVATIONS = 5;
const SIZES = [1_000, 10_000, 100_000] as const;
const CANDIDATES_MIN = 8;
const SHAPES_MIN = 50;
const SEARCHED_SHARE_MIN = 0.2;
const NOW = instant(Date.UTC(2026, 10, 22, 12));

/** One decision among many rules; activation from the signed bundle; memory that a hundred thousand rules keep. */
export async function rules(): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  for (const size of SIZES) measurements.push(...(await measureSize(size)));
  return measurements;
}

async function measureSize(size: (typeof SIZES)[number]): Promise<readonly Measurement[]> {
  const mix = createRuleMix(size);
  const name = `1e${Math.log10(size)}`;
  const document = parse(mix);
  checkMix(document, mix);
  const policy = compile(document);
  const decisions = await measureDecisions(policy, mix);
  const { ratio } = await compareWithPeer(policy, document, mix);
  const figures: Measurement[] = [
    {
      bench: "rules",
      metric: `${name}.decide.p50`,
      value: percentile(decisions, 50),
      unit: "ns",
      ...(size === 10_000 && { atMost: 1_000 }),
      peer: "the same rules read one after the other",
      ratio,
    },
    { bench: "rules", metric: `${name}.decide.p99`, value: percentile(decisions, 99), unit: "ns" },
    { bench: "rules", metric: `${name}.activate`, value: measureActivation(mix), unit: "ms" },
  ];
  if (size === SIZES.at(-1))
    figures.push({ bench: "rules", metric: `${name}.memory`, value: measureMemory(mix), unit: "MB", atMost: 16 });
  return figures;
}

/** Each figure is one batch of a thousand requests, parsed just before from JSON as if from the wire. */
async function measureDecisions(policy: CompiledPolicy, { requests }: RuleMix): Promise<readonly number[]> {
  const { batch } = await interleaved(WARM_UP_ROUNDS + ROUNDS, {
    batch: () =>
      nanosecondsEach(JSON.parse(requests), (request) => decide(policy, request, CONTEXT).effect === "allow"),
  });
  return batch.slice(WARM_UP_ROUNDS);
}

async function compareWithPeer(
  policy: CompiledPolicy,
  { rules: all }: PolicyDocument,
  { requests }: RuleMix,
): Promise<{ ratio: number }> {
  const some: readonly AccessRequest[] = JSON.parse(requests).slice(0, PEER_BATCH);
  for (const request of some)
    if (decide(policy, request, CONTEXT).effect !== decideLinearly(all, request))
      throw new Error("the peer decides otherwise: one of the two is wrong");
  const figures = await interleaved(PEER_ROUNDS, {
    ours: () => nanosecondsEach(JSON.parse(requests), (request) => decide(policy, request, CONTEXT).effect === "allow"),
    peer: () => nanosecondsEach(some, (request) => decideLinearly(all, request) === "allow"),
  });
  return { ratio: median(figures.peer) / median(figures.ours) };
}

function nanosecondsEach(requests: readonly AccessRequest[], isAllowed: (request: AccessRequest) => boolean): number {
  const start = performance.now();
  let allowed = 0;
  for (const request of requests) if (isAllowed(request)) allowed++;
  const elapsed = performance.now() - start;
  if (allowed === 0 || allowed === requests.length) throw new Error("every request is decided alike");
  return (elapsed * 1e6) / requests.length;
}

/** From the bytes on disk to rules that decide: unpack, verify signature and digests, check, compile. */
function measureActivation({ text }: RuleMix): number {
  const { bytes, terms } = createSignedBundle({ [RULES_FILE]: text }, NOW);
  const crypto = createNodeCrypto();
  const times: number[] = [];
  for (let i = 0; i < ACTIVATIONS; i++) {
    const start = performance.now();
    const bundle = need(openPolicyBundle(bytes, { ...terms, crypto, gzip: { gzip, gunzip } }));
    need(activatePolicy(undefined, bundle, { crypto, random: systemRandom }));
    times.push(performance.now() - start);
  }
  return median(times);
}

/** Heap and buffers that the compiled policy alone keeps: text and document are gone by then. */
function measureMemory(mix: RuleMix): number {
  const before = usedBytes();
  const kept = compileMix(mix);
  const after = usedBytes();
  if (kept.ruleCount !== SIZES.at(-1)) throw new Error("nothing was kept");
  return (after - before) / 1e6;
}

/** A function of its own, so that no stack frame holds the document while memory is measured. */
function compileMix(mix: RuleMix): CompiledPolicy {
  return compile(parse(mix));
}

function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  // The second collection frees what finalisers of the first let go.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The mix is what the figure claims. */
function checkMix({ rules: all }: PolicyDocument, { requests }: RuleMix): void {
  const shapes = new Set(
    all.map((rule) => JSON.stringify(rule.when, (key, value) => (isConstant(key, value) ? "" : value))),
  );
  if (shapes.size < SHAPES_MIN) throw new Error(`only ${shapes.size} shapes of condition`);
  const searched = all.filter(
    ({ resource, when }) => resource.id?.kind !== "exact" || JSON.stringify(when).includes("cidr"),
  );
  if (searched.length < SEARCHED_SHARE_MIN * all.length) throw new Error("too few prefix, glob and CIDR rules");
  const some: readonly AccessRequest[] = JSON.parse(requests).slice(0, PEER_BATCH);
  for (const request of some)
    if (countCandidates(all, request) < CANDIDATES_MIN) throw new Error("a request meets too few rules");
}

function isConstant(key: string, value: unknown): boolean {
  return ["to", "list", "text", "networks"].includes(key) && value !== undefined;
}

const CONTEXT: DecisionContext = {
  now: NOW,
  attestation: { state: "fresh", at: NOW },
  counters: { spent: () => 0 },
  labels: { site: "bench" },
  requestedBy: "bench",
};

function parse({ text }: RuleMix): PolicyDocument {
  return need(parsePolicy(text, "rules.json"));
}

function compile(document: PolicyDocument): CompiledPolicy {
  return compilePolicy(document, { bundle: "bench", revision: "1", notAfter: NOW });
}

function need<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error("the bench's own rules are refused", { cause: result.error });
  return result.value;
}
