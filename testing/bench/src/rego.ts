import { performance } from "node:perf_hooks";
import { closures, javascript } from "@vedette/rego";
import type { Measurement } from "./measurement.ts";
import { CEDAR_MODELS } from "./rego-cedar-models.ts";
import { benchOpa, createCedar, createOpaWasm, createOurs, type Engine, findOpa, versionOf } from "./rego-engines.ts";
import { clauses, lookup, rbac } from "./rego-rbac.ts";
import type { Question, Scenario } from "./rego-scenario.ts";
import { interleaved, median } from "./statistics.ts";

const ROUNDS = 200;
const WARM_UP_ROUNDS = 60;
/** The slowest peer takes a millisecond each. */
const PEER_BATCH = 20;
const SIZES = [5, 10, 20, 50] as const;
const CEDAR = versionOf("@cedar-policy/cedar-wasm");
const OPA_WASM = versionOf("@open-policy-agent/opa-wasm");

/** Rego decided by both back ends, against OPA's WebAssembly, OPA itself and Cedar over the same facts. */
export async function rego(): Promise<readonly Measurement[]> {
  if (findOpa() === undefined)
    console.error("bench: no opa on the PATH or in VEDETTE_OPA: opa and opa-wasm are left out");
  const measurements = [...(await measure(rbac(), 50)), ...parsing(rbac()), ...opaItself(rbac())];
  measurements.push(...(await measure(clauses())), ...(await measure(lookup())));
  for (const model of CEDAR_MODELS)
    for (const size of SIZES) measurements.push(...(await measure(model(size), undefined, `.${size}`)));
  return measurements;
}

async function measure(scenario: Scenario, atMost?: number, suffix = ""): Promise<readonly Measurement[]> {
  const wasm = await createOpaWasm(scenario);
  const engines = {
    javascript: createOurs(scenario, javascript),
    closures: createOurs(scenario, closures),
    ...(wasm && { wasm }),
    ...(scenario.cedar !== "" && { cedar: createCedar(scenario) }),
  };
  checkAgreement(scenario, engines);
  const questions = JSON.stringify(scenario.questions);
  const few = JSON.stringify(scenario.questions.slice(0, PEER_BATCH));
  const figures = await interleaved(WARM_UP_ROUNDS + ROUNDS, {
    javascript: () => nanosecondsEach(JSON.parse(questions), engines.javascript),
    closures: () => nanosecondsEach(JSON.parse(questions), engines.closures),
  });
  const peerFigures = await interleaved(ROUNDS / 4, {
    wasm: () => (engines.wasm ? nanosecondsEach(JSON.parse(few), engines.wasm) : Number.NaN),
    cedar: () => (engines.cedar ? nanosecondsEach(JSON.parse(few), engines.cedar) : Number.NaN),
  });
  const p50 = (all: readonly number[]): number => median(all.slice(all.length / 5));
  const ours = { javascript: p50(figures.javascript), closures: p50(figures.closures) };
  const peers = { [OPA_WASM]: p50(peerFigures.wasm), [CEDAR]: p50(peerFigures.cedar) };
  const found = Object.entries(peers).filter(([, value]) => !Number.isNaN(value));
  const name = `${scenario.name}${suffix}`;
  const figure = (back: "javascript" | "closures"): Measurement[] => {
    const metric = back === "javascript" ? `${name}.decide.p50` : `${name}.closures.p50`;
    const base = { bench: "rego", metric, value: ours[back], unit: "ns" };
    const limited = back === "javascript" && atMost !== undefined ? { ...base, atMost } : base;
    const compared = found.map(([peer, value]) => ({ ...limited, peer, ratio: value / ours[back] }));
    return compared.length > 0 ? compared : [limited];
  };
  return [...figure("javascript"), ...figure("closures")];
}

/** The text of the input parsed within the measurement. */
function parsing(scenario: Scenario): readonly Measurement[] {
  const engine = createOurs(scenario, javascript);
  const texts = scenario.questions.map((question) => JSON.stringify(question));
  const times: number[] = [];
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    const start = performance.now();
    let allowed = 0;
    for (const text of texts) if (engine(JSON.parse(text))) allowed++;
    times.push(((performance.now() - start) * 1e6) / texts.length);
    if (allowed === 0 || allowed === texts.length) throw new Error("every question is answered alike");
  }
  const value = median(times.slice(WARM_UP_ROUNDS));
  return [{ bench: "rego", metric: `${scenario.name}.parse-decide.p50`, value, unit: "ns" }];
}

function opaItself(scenario: Scenario): readonly Measurement[] {
  if (findOpa() === undefined) return [];
  const times = scenario.questions.slice(0, 3).flatMap((question) => benchOpa(scenario, question) ?? []);
  return [{ bench: "rego", metric: `${scenario.name}.opa-bench`, value: median(times), unit: "ns" }];
}

/** A faster engine that answers otherwise has measured nothing. */
function checkAgreement({ name, questions }: Scenario, engines: Readonly<Record<string, Engine>>): void {
  let allowed = 0;
  for (const question of questions) {
    const answers = Object.entries(engines).map(([engine, decide]) => [engine, decide(question)] as const);
    if (new Set(answers.map(([, answer]) => answer)).size > 1)
      throw new Error(`the engines disagree in ${name}`, { cause: { question, answers } });
    if (answers[0]?.[1]) allowed++;
  }
  if (allowed === 0 || allowed === questions.length) throw new Error(`every question of ${name} is answered alike`);
}

function nanosecondsEach(questions: readonly Question[], decide: Engine): number {
  const start = performance.now();
  let allowed = 0;
  for (const question of questions) if (decide(question)) allowed++;
  const elapsed = performance.now() - start;
  if (allowed > questions.length) throw new Error("unreachable");
  return (elapsed * 1e6) / questions.length;
}
