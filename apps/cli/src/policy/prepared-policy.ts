import { err, ok, type Result } from "@vedette/base";
import {
  BUILTINS,
  type Builtin,
  builtinCalls,
  type CompiledModules,
  type CompiledQuery,
  compileModules,
  compileQuery,
  isPlainObject,
  type PolicyTier,
  parseJson,
  parseModule,
  parseQuery,
  refusedCall,
} from "@vedette/rego";
import { createNodeCrypto, systemClock, systemRandom } from "@vedette/runtime";
import { exitCode, UsageError } from "../command.ts";
import { readInput } from "../input-files.ts";
import { Refusal } from "../refusal.ts";
import { type Problem, problemOf } from "./problems.ts";
import type { PolicySources } from "./sources.ts";

/** A command's query ends when its person has lost patience, not at the limit of a decision. */
export const FUEL = Number.MAX_SAFE_INTEGER;

export const policyDeps: {
  readonly crypto: ReturnType<typeof createNodeCrypto>;
  readonly random: typeof systemRandom;
} = { crypto: createNodeCrypto(), random: systemRandom };

export function now(): ReturnType<typeof systemClock.now> {
  return systemClock.now();
}

/** Nanoseconds since some moment. */
export function stopwatch(): number {
  return Number(process.hrtime.bigint());
}

/** Which builtins there are for a policy: those of a tier, or those that an OPA capabilities file lists. */
export interface Capabilities {
  readonly builtins: readonly Builtin[];
  readonly tier: PolicyTier | undefined;
}

/** `edge`, `gate`, or the path of a file. */
export function readCapabilities(text: string | undefined): Capabilities {
  if (text === undefined) return { builtins: BUILTINS, tier: undefined };
  if (text === "edge" || text === "gate") return { builtins: BUILTINS, tier: text };
  const parsed = parseJson(new TextDecoder().decode(readInput(text)));
  const listed = parsed.ok && isPlainObject(parsed.value) ? parsed.value["builtins"] : undefined;
  if (!Array.isArray(listed))
    throw new Refusal("FILE_NOT_CAPABILITIES", `${text} has no list of builtins`, {}, exitCode.usage);
  const names = new Set(listed.flatMap((item) => (isPlainObject(item) ? [item["name"]] : [])));
  return { builtins: BUILTINS.filter(({ name }) => names.has(name)), tier: undefined };
}

export function compileSources(
  sources: PolicySources,
  { builtins, tier }: Capabilities,
  isStrict = false,
): Result<CompiledModules, readonly Problem[]> {
  if (sources.problems.length > 0) return err(sources.problems);
  const compiled = compileModules(sources.modules, builtins, { isStrict });
  if (!compiled.ok) return err(compiled.error.map(problemOf));
  const refused = tier === undefined ? [] : refusedCalls(compiled.value, tier);
  return refused.length > 0 ? err(refused) : compiled;
}

/** Calls that a tier refuses, each where it stands. */
function refusedCalls(compiled: CompiledModules, tier: PolicyTier): readonly Problem[] {
  return builtinCalls(compiled.program).flatMap(({ builtin, location }) => {
    const refused = refusedCall(builtin.name, tier);
    if (refused === undefined) return [];
    return [{ code: "rego_type_error", message: `${refused.name} is refused (${tier}): ${refused.reason}`, location }];
  });
}

export interface QueryContext {
  /** The package whose names the query sees, such as `a.b`. */
  readonly package?: string | undefined;
  /** `data.lib`, `input.user as u` */
  readonly imports?: readonly string[];
  readonly regoVersion?: 0 | 1;
}

export interface ReadyQuery {
  readonly body: CompiledBody;
  readonly text: string;
  readonly compiled: CompiledQuery;
}
type CompiledBody = Extract<ReturnType<typeof parseQuery>, { readonly ok: true }>["value"];

export function readQuery(
  modules: CompiledModules,
  text: string,
  context: QueryContext = {},
): Result<ReadyQuery, readonly Problem[]> {
  const body = parseQuery(text, { regoVersion: context.regoVersion ?? 1 });
  if (!body.ok) return err(body.error.map(problemOf));
  const surroundings = surround(modules, context);
  if (!surroundings.ok) return surroundings;
  const compiled = compileQuery(surroundings.value.modules, body.value, surroundings.value.path);
  if (!compiled.ok) return err(compiled.error.map(problemOf));
  return ok({ body: body.value, text, compiled: compiled.value });
}

/** A package that nobody writes: what a query imports when it asks from none. */
const QUERY_PACKAGE = "__query__";

/** Imports are those of one more module of the package. */
function surround(
  modules: CompiledModules,
  { package: named = "", imports = [] }: QueryContext,
): Result<{ readonly modules: CompiledModules; readonly path: readonly string[] }, readonly Problem[]> {
  if (imports.length === 0) return ok({ modules, path: packagePath(named) });
  const name = named === "" ? QUERY_PACKAGE : packagePath(named).join(".");
  const text = `package ${name}\n${imports.map((item) => `import ${item}\n`).join("")}`;
  const parsed = parseModule(text, { file: "--import" });
  if (!parsed.ok) return err(parsed.error.map(problemOf));
  return ok({ modules: { ...modules, modules: [...modules.modules, parsed.value] }, path: packagePath(name) });
}

function packagePath(text: string): readonly string[] {
  if (text === "") return [];
  const names = text.replace(/^data\./, "").split(".");
  if (names.some((name) => name === "")) throw new UsageError(`--package "${text}" is not a name such as a.b`);
  return names;
}
