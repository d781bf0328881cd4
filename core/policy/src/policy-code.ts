import { assert, type Crypto, err, type Instant, ok, parseUtf8, type Random, type Result } from "@vedette/base";
import {
  type BackEnd,
  BUILTINS,
  bindProgram,
  builtinCalls,
  type CompiledModules,
  compileModules,
  compileQuery,
  createRegoPolicy,
  inputPaths,
  inputProjection,
  isPlainObject,
  keepReachable,
  type LinkedProgram,
  linkProgram,
  type Module,
  type PreparedQuery,
  type Program,
  parseJson,
  parseModule,
  parseQuery,
  type QueryFailure,
  type RegoError,
  refusedCall,
  requireInput,
  type SoundProgram,
  type Value,
} from "@vedette/rego";
import { AnswerCache } from "./answer-cache.ts";
import type { PolicyError, PolicyFinding } from "./errors.ts";
import type { TarFiles } from "./tar.ts";

/** What a query needs from the world around it. */
export interface QueryDeps {
  readonly now: Instant;
  readonly crypto: Crypto;
  readonly random: Random;
}

/** The Rego modules of a policy bundle over its data, ready to be asked. */
export interface PolicyCode {
  /** Below `data`, of every module, each once. */
  readonly packages: readonly (readonly string[])[];
  /** What `decide` asks; undefined where the modules have no such rule. */
  readonly access: AccessRules;
  /** The document at a path below `data`, rules included; undefined when there is none. */
  document(path: readonly string[], input: Value | undefined, deps: QueryDeps): Result<Value | undefined, QueryFailure>;
  /** Forgets kept answers: a revocation or a quarantine changed what is true (PROTOCOLS 5.3). */
  flush(): void;
  /** All answers of a query, each with its variables by name. */
  query(
    text: string,
    input: Value | undefined,
    deps: QueryDeps,
  ): Result<readonly Answer[], QueryFailure | QueryRefused>;
}

export type Answer = Readonly<Record<string, Value>>;

/** The rules of the package `vedette.access`, by which Rego takes part in access decisions. */
interface AccessRules {
  /** Answers of these two say whether they missed something of the input. */
  readonly deny: AnswerCache | undefined;
  readonly escalate: AnswerCache | undefined;
  readonly allow: AnswerCache | undefined;
}

/** The text of a query cannot be parsed or compiled. */
export interface QueryRefused {
  readonly code: "query_invalid";
  readonly message: string;
  readonly errors: readonly RegoError[];
}

const ACCESS_PACKAGE: readonly string[] = ["vedette", "access"];

/** What people and programs write by hand; a longer one could nest deeper than a compiler's stack. */
const QUERY_LENGTH_MAX = 8_192;

/** Kept prepared: what dashboards and sidecars ask again and again. The oldest gives way. */
const PREPARED_MAX = 256;

/** Compare something with the time of the query without asking for it by name. */
const READS_CLOCK: ReadonlySet<string> = new Set([
  "io.jwt.decode_verify",
  "crypto.x509.parse_and_verify_certificates",
  "crypto.x509.parse_and_verify_certificates_with_options",
]);

/** An address may only tighten a decision (ID3): what an allow uses may not ask about networks. */
const ABOUT_ADDRESSES = /^net\.cidr_/;
const ADDRESS: readonly string[] = ["context", "ip"];

/**
 * Modules that passed every check, with their data, bound to it: what is left is to link them. Made where the bundle is
 * opened; `packCode` and `parseCode` hand it over to the thread that decides.
 */
export interface CheckedCode {
  readonly packages: readonly (readonly string[])[];
  readonly data: Value;
  readonly program: SoundProgram;
  /** Tells what of the input it missed; of the rules there are only those that `deny` and `escalate` use. */
  readonly cautious: SoundProgram;
  /** What of the input the rules read; undefined for those whose answers are not repeatable. */
  readonly projections: Readonly<Record<keyof AccessRules, InputPaths | undefined>>;
  /** For queries of somebody's own making. */
  readonly compiled: () => CompiledModules;
}

type InputPaths = readonly (readonly string[])[];

/** Undefined when there is no Rego among the files. Refuses with every finding at once. */
export function compileCode(
  files: TarFiles,
  roots: readonly string[],
  backEnd: BackEnd,
): Result<PolicyCode | undefined, PolicyError> {
  const checked = checkCode(files, roots);
  return checked.ok ? ok(checked.value && linkCode(checked.value, backEnd)) : checked;
}

/** As `compileCode`, up to the back end: all that takes time. */
export function checkCode(files: TarFiles, roots: readonly string[]): Result<CheckedCode | undefined, PolicyError> {
  const parsed = parseModules(files);
  if (!parsed.ok) return parsed;
  if (parsed.value.length === 0) return ok(undefined);
  const data = mergeData(files);
  if (!data.ok) return data;
  const compiled = compileModules(parsed.value, BUILTINS);
  if (!compiled.ok) return refuse(compiled.error.map(findingOf));
  const findings = [
    ...checkRoots(parsed.value, roots),
    ...checkAccessRules(compiled.value.program, data.value),
    ...checkOffline(compiled.value.program),
    ...checkAddresses(compiled.value.program),
  ];
  return findings.length > 0 ? refuse(findings) : ok(bind(compiled.value, data.value));
}

function bind(compiled: CompiledModules, data: Value): CheckedCode {
  const { program, modules } = compiled;
  const paths = modules.map((module) => module.package.path);
  const asking = requireInput(keepReachable(program, [accessPath("deny"), accessPath("escalate")]));
  return {
    packages: Array.from(new Map(paths.map((path) => [path.join("/"), path])).values()),
    data,
    program: bindProgram(program, data),
    cautious: bindProgram(asking, data),
    projections: {
      deny: projectionOf(asking, "deny"),
      escalate: projectionOf(asking, "escalate"),
      allow: projectionOf(program, "allow"),
    },
    compiled: () => compiled,
  };
}

function projectionOf(program: Program, name: keyof AccessRules): InputPaths | undefined {
  const path = accessPath(name);
  const isRepeatable = builtinCalls(program, path).every(
    ({ builtin }) => !builtin.isNondeterministic && !READS_CLOCK.has(builtin.name),
  );
  return isRepeatable ? inputProjection(program, path) : undefined;
}

function accessPath(name: keyof AccessRules): readonly string[] {
  return [...ACCESS_PACKAGE, name];
}

/** Rules become functions when they are first asked. */
export function linkCode(checked: CheckedCode, backEnd: BackEnd): PolicyCode {
  return new LoadedCode(checked, backEnd);
}

class LoadedCode implements PolicyCode {
  readonly packages: readonly (readonly string[])[];
  readonly access: AccessRules;
  readonly #checked: CheckedCode;
  readonly #backEnd: BackEnd;
  readonly #linked: LinkedProgram;
  readonly #prepared = new Map<string, PreparedQuery>();

  constructor(checked: CheckedCode, backEnd: BackEnd) {
    const { packages, program, cautious, data, projections } = checked;
    this.packages = packages;
    this.#checked = checked;
    this.#backEnd = backEnd;
    this.#linked = linkProgram(program, data, backEnd);
    const asking = linkProgram(cautious, data, backEnd);
    const rule = (name: keyof AccessRules, linked: LinkedProgram): AnswerCache | undefined => {
      const path = accessPath(name);
      if (!hasRuleAt(program, path)) return undefined;
      const query = linked.prepareDocument(path);
      // A rule that is there and cannot be asked must not count as one that does not hold.
      assert(query !== undefined, "a rule of a compiled module can be asked for");
      return new AnswerCache(query, projections[name]);
    };
    this.access = {
      deny: rule("deny", asking),
      escalate: rule("escalate", asking),
      allow: rule("allow", this.#linked),
    };
  }

  flush(): void {
    for (const rule of Object.values(this.access)) rule?.flush();
  }

  document(
    path: readonly string[],
    input: Value | undefined,
    deps: QueryDeps,
  ): Result<Value | undefined, QueryFailure> {
    const key = JSON.stringify(path);
    const query = this.#prepared.get(key) ?? this.#keep(key, this.#linked.prepareDocument(path));
    if (query === undefined) return ok(undefined);
    const rows = query.evaluate({ ...deps, input });
    return rows.ok ? ok(rows.value[0]?.[0]) : rows;
  }

  query(
    text: string,
    input: Value | undefined,
    deps: QueryDeps,
  ): Result<readonly Answer[], QueryFailure | QueryRefused> {
    const prepared = this.#prepare(text);
    if (!prepared.ok) return prepared;
    const rows = prepared.value.evaluate({ ...deps, input });
    if (!rows.ok) return rows;
    const { names } = prepared.value;
    return ok(rows.value.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]!]))));
  }

  #prepare(text: string): Result<PreparedQuery, QueryRefused> {
    // No path begins so.
    const key = `?${text}`;
    const known = this.#prepared.get(key);
    if (known !== undefined) return ok(known);
    const query = this.#compileQuery(text);
    return query.ok ? ok(this.#keep(key, query.value)) : query;
  }

  #compileQuery(text: string): Result<PreparedQuery, QueryRefused> {
    if (text.length > QUERY_LENGTH_MAX)
      return err({
        code: "query_invalid",
        message: `the query is longer than ${QUERY_LENGTH_MAX} characters`,
        errors: [],
      });
    const compiled = this.#checked.compiled();
    const body = parseQuery(text);
    const query = body.ok ? compileQuery(compiled, body.value) : body;
    if (!query.ok) return err({ code: "query_invalid", message: "the query is no valid Rego", errors: query.error });
    const { data } = this.#checked;
    return ok(createRegoPolicy(compiled, { backEnd: this.#backEnd, data, linked: this.#linked }).prepare(query.value));
  }

  #keep<Query extends PreparedQuery | undefined>(key: string, query: Query): Query {
    const [oldest] = this.#prepared.keys();
    if (this.#prepared.size >= PREPARED_MAX && oldest !== undefined) this.#prepared.delete(oldest);
    if (query !== undefined) this.#prepared.set(key, query);
    return query;
  }
}

function hasRuleAt({ procedures }: Program, path: readonly string[]): boolean {
  return procedures.some((procedure) => path.every((part, i) => procedure.path[i] === part));
}

/** The modules among the files. */
export function parseModules(files: TarFiles): Result<readonly Module[], PolicyError> {
  const modules: Module[] = [];
  const findings: PolicyFinding[] = [];
  for (const [file, contents] of files) {
    if (!file.endsWith(".rego")) continue;
    const text = parseUtf8(contents);
    const parsed = text.ok ? parseModule(text.value, { file }) : undefined;
    if (parsed === undefined) findings.push(notUtf8(file));
    else if (parsed.ok) modules.push(parsed.value);
    else findings.push(...parsed.error.map(findingOf));
  }
  return findings.length > 0 ? refuse(findings) : ok(modules);
}

/** The data files as one document, each below the path of its folder. JSON rules are no data for Rego. */
function mergeData(files: TarFiles): Result<Value, PolicyError> {
  const root: Record<string, Value> = Object.create(null);
  // Shorter paths first, so that a folder's own file is there before those below it.
  for (const [file, contents] of Array.from(files).sort(([a], [b]) => a.length - b.length)) {
    if (!file.endsWith("data.json") || file === "vedette/rules/data.json") continue;
    const text = parseUtf8(contents);
    const json = text.ok ? parseJson(text.value) : undefined;
    if (!json?.ok) return refuse([notUtf8(file)]);
    const names = file.split("/").slice(0, -1);
    if (!place(root, names, json.value)) return refuse([overlap(file)]);
  }
  return ok(root);
}

function place(root: Record<string, Value>, names: readonly string[], value: Value): boolean {
  let at = root;
  for (const name of names.slice(0, -1)) {
    if (!Object.hasOwn(at, name)) define(at, name, Object.create(null));
    const next = at[name]!;
    if (!isPlainObject(next)) return false;
    at = next as Record<string, Value>;
  }
  const last = names.at(-1);
  if (last === undefined) {
    if (!isPlainObject(value)) return false;
    for (const name of Object.keys(value)) define(root, name, value[name]!);
    return true;
  }
  if (Object.hasOwn(at, last)) return false;
  define(at, last, value);
  return true;
}

/** A member of its own, whatever its name: assigning to `__proto__` would be something else. */
function define(object: Record<string, Value>, name: string, value: Value): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

/**
 * `deny`, `escalate` and `allow` are rules with one value or sets. As a function, an object of rules, a package or data, one
 * of them would be there for its author and not for us.
 */
function checkAccessRules(program: Program, data: Value): PolicyFinding[] {
  const expected = "a rule with one value, or a set: `deny contains …`, `allow if …`";
  const findings = program.procedures.flatMap(({ path, kind, location }) => {
    const isOurs = path
      .slice(0, ACCESS_PACKAGE.length + 1)
      .every((name, i) => (i < 2 ? ACCESS_PACKAGE[i] : undefined) === name || (i === 2 && ACCESS_RULES.has(name)));
    if (!isOurs) return [];
    const isRule = path.length === ACCESS_PACKAGE.length + 1 && (kind === "value" || kind === "set");
    return isRule
      ? []
      : [finding("VALUE_INVALID", location, `data.${path.join(".")} is no rule that can be asked`, expected)];
  });
  const below = lookupData(data, ACCESS_PACKAGE);
  const isData =
    below !== undefined && isPlainObject(below) && Object.keys(below).some((name) => ACCESS_RULES.has(name));
  const place = { file: "vedette/access/data.json", row: 1, col: 1 };
  return isData
    ? [...findings, finding("VALUE_INVALID", place, "data stands in the place of a rule", expected)]
    : findings;
}

const ACCESS_RULES: ReadonlySet<string> = new Set(["deny", "escalate", "allow"]);

function lookupData(data: Value, path: readonly string[]): Value | undefined {
  let value: Value | undefined = data;
  for (const name of path) {
    if (value === undefined || !isPlainObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** OPA refuses a bundle whose packages lie outside of what its manifest claims. */
function checkRoots(modules: readonly Module[], roots: readonly string[]): PolicyFinding[] {
  return modules.flatMap(({ package: { path, location } }) => {
    const at = path.join("/");
    if (roots.some((root) => root === "" || at === root || at.startsWith(`${root}/`))) return [];
    const message = `package ${path.join(".")} lies outside the roots of the manifest`;
    return [finding("VALUE_INVALID", location, message, `a package below ${roots.join(", ")}`)];
  });
}

/** A policy that cannot run offline does not belong on the edge (PL3). */
function checkOffline(program: Program): PolicyFinding[] {
  return builtinCalls(program).flatMap(({ builtin: { name }, location }) => {
    const refused = refusedCall(name, "edge");
    if (refused === undefined) return [];
    const message = `${name} cannot run offline: ${refused.reason}`;
    return [finding("NOT_OFFLINE", location, message, "only what the request, the bundle and the node carry")];
  });
}

function checkAddresses(program: Program): PolicyFinding[] {
  const path = [...ACCESS_PACKAGE, "allow"];
  const expected = "deny outside the network instead: an address never allows anything";
  const calls = builtinCalls(program, path)
    .filter(({ builtin }) => ABOUT_ADDRESSES.test(builtin.name))
    .map(({ builtin, location }) => finding("IP_ALLOWS", location, `an allow uses ${builtin.name}`, expected));
  const allow = program.procedures.find((procedure) => path.every((name, i) => procedure.path[i] === name));
  const reads = inputPaths(program, path).some((at) => ADDRESS.every((name, i) => at[i] === name));
  if (!reads || allow === undefined) return calls;
  return [...calls, finding("IP_ALLOWS", allow.location, "an allow reads input.context.ip", expected)];
}

function findingOf({ code, message, location }: RegoError): PolicyFinding {
  return finding(code, location, message, "");
}

function finding(
  code: PolicyFinding["code"],
  { file, row, col }: { readonly file: string; readonly row: number; readonly col: number },
  message: string,
  expected: string,
): PolicyFinding {
  return { code, file, line: row, column: col, message, expected };
}

function notUtf8(file: string): PolicyFinding {
  return { code: "VALUE_INVALID", file, line: 1, column: 1, message: "cannot be read", expected: "UTF-8 text" };
}

function overlap(file: string): PolicyFinding {
  const message = "a file of a folder above it has a value here";
  return { code: "VALUE_INVALID", file, line: 1, column: 1, message, expected: "each value in one file" };
}

function refuse(findings: readonly PolicyFinding[]): Result<never, PolicyError> {
  return err({ code: "POLICY_REFUSED", findings });
}
