// `node testing/conformance/src/rego-peer.ts --count 20000 --seed 1`: expressions, asked of OPA 0.47 and of us.
import { parseArgs } from "node:util";
import {
  BUILTINS,
  closures,
  compileModules,
  compileQuery,
  createRegoPolicy,
  isPlainObject,
  parseJson,
  parseModule,
  parseQuery,
  valueToText,
} from "@vedette/rego";
import { createNodeCrypto, systemClock, systemRandom } from "@vedette/runtime";
import fc from "fast-check";
import { OpaInWasm } from "./opa-in-wasm.ts";
import { arbitraryExpression } from "./rego-expressions.ts";

/** What an expression is: its value as JSON and as `sprintf` writes it; "undefined", or "refused". */
type Answers = readonly string[];

export interface PeerDifference {
  readonly expression: string;
  readonly ours: string;
  readonly opa: string;
}

const KEYWORDS = ["in", "every", "if", "contains"].map((keyword) => `import future.keywords.${keyword}\n`).join("");

function rulesOf(expressions: readonly string[]): string {
  return expressions
    .map((text, i) => `answers["${i}"] = [sprintf("%v", [value]), json.marshal(value)] {\n  value := ${text}\n}`)
    .join("\n");
}

function askOurs(expressions: readonly string[]): Answers {
  const module = `package ${OpaInWasm.packageName}\n${KEYWORDS}${rulesOf(expressions)}\n`;
  const parsed = parseModule(module, { file: "peer.rego", regoVersion: 0 });
  const compiled = parsed.ok ? compileModules([parsed.value], BUILTINS) : parsed;
  const query = parseQuery(`data.${OpaInWasm.packageName}.answers`);
  const ready = compiled.ok && query.ok ? compileQuery(compiled.value, query.value) : undefined;
  if (!compiled.ok || !ready?.ok)
    return expressions.length === 1 ? ["refused"] : expressions.flatMap((each) => askOurs([each]));
  const policy = createRegoPolicy(compiled.value, { backEnd: closures, data: {} });
  const rows = policy.prepare(ready.value).evaluate({
    now: systemClock.now(),
    crypto: createNodeCrypto(),
    random: systemRandom,
    input: undefined,
  });
  if (!rows.ok) return expressions.length === 1 ? [rows.error.code] : expressions.flatMap((each) => askOurs([each]));
  const [[answers] = []] = rows.value;
  return expressions.map((_, i) => {
    const value = answers !== undefined && isPlainObject(answers) ? answers[`${i}`] : undefined;
    return value === undefined ? "undefined" : valueToText(value);
  });
}

/** One that OPA refuses takes its module with it: the module is halved until it stands alone. */
async function askOpa(peer: OpaInWasm, expressions: readonly string[]): Promise<Answers> {
  const answer = await peer.ask(rulesOf(expressions));
  if ("error" in answer) {
    if (expressions.length === 1) return [/eval_/.exec(answer.error) ? "eval_conflict_error" : "refused"];
    const middle = expressions.length >> 1;
    return [...(await askOpa(peer, expressions.slice(0, middle))), ...(await askOpa(peer, expressions.slice(middle)))];
  }
  const parsed = parseJson(answer.answers);
  const value = parsed.ok ? parsed.value : undefined;
  return expressions.map((_, i) => {
    const found = value !== undefined && isPlainObject(value) ? value[`${i}`] : undefined;
    return found === undefined ? "undefined" : valueToText(found);
  });
}

/** A module of some dozens takes OPA as long as one of a single expression. */
const BATCH = 50;

/** Asks both about `count` expressions. */
export async function comparePeer(
  count: number,
  seed: number,
  told: (difference: PeerDifference) => void,
): Promise<{ readonly compared: number; readonly defined: number; readonly differences: number }> {
  await using peer = await OpaInWasm.start();
  const sums = { compared: 0, defined: 0, differences: 0 };
  for (let batch = 0; sums.compared < count; batch++) {
    const expressions = fc.sample(arbitraryExpression, {
      seed: seed + batch,
      numRuns: Math.min(BATCH, count - sums.compared),
    });
    const ours = askOurs(expressions);
    const theirs = await askOpa(peer, expressions);
    for (const [i, expression] of expressions.entries()) {
      sums.compared++;
      if (ours[i] !== "undefined") sums.defined++;
      if (ours[i] === theirs[i]) continue;
      sums.differences++;
      told({ expression, ours: ours[i] ?? "", opa: theirs[i] ?? "" });
    }
  }
  return sums;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { count: { type: "string", default: "2000" }, seed: { type: "string", default: "1" } },
  });
  const sums = await comparePeer(Number(values.count), Number(values.seed), (difference) =>
    process.stdout.write(`${JSON.stringify(difference)}\n`),
  );
  process.stderr.write(`${JSON.stringify(sums)}\n`);
}

if (import.meta.main) await main();
