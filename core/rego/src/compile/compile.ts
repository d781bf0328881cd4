import { err, ok, type Result } from "@vedette/base";
import type { Builtin } from "../builtins/builtin.ts";
import type { RegoError } from "../errors.ts";
import type { Body, Module } from "../syntax/ast.ts";
import { type CheckedRules, checkQuery, checkRules } from "./check.ts";
import { checkQueryDeclarations } from "./check-declarations.ts";
import { checkModules, ROOTS } from "./check-modules.ts";
import { ErrorLog } from "./error-log.ts";
import type { Program } from "./ir.ts";
import { type LoweredQuery, lowerQuery, lowerRules } from "./lower.ts";
import { metadataOf } from "./metadata.ts";
import { GlobalNames, packageKey, ruleNamesByPackage } from "./module-names.ts";
import { resolveModules, resolveQuery } from "./resolve.ts";
import type { ResolvedRule } from "./resolved.ts";
import { growRuleTree, type RuleTree } from "./rule-tree.ts";

/** Modules that stand together: resolved, ordered, free of recursion, lowered. */
export interface CompiledModules {
  readonly modules: readonly Module[];
  readonly rules: readonly ResolvedRule[];
  readonly checked: CheckedRules;
  readonly tree: RuleTree;
  readonly program: Program;
  readonly builtinByName: ReadonlyMap<string, Builtin>;
}

export interface CompileOptions {
  /** Refuses as well what is of no use: imports, arguments and variables (`opa check --strict`). */
  readonly isStrict?: boolean;
}

/**
 * Refuses what `opa check` refuses: the same errors at the same places, at most ten. OPA stops at the first stage whose
 * errors would mislead the next ones, and so do we.
 */
export function compileModules(
  modules: readonly Module[],
  builtins: readonly Builtin[],
  { isStrict = false }: CompileOptions = {},
): Result<CompiledModules, readonly RegoError[]> {
  const log = new ErrorLog();
  checkModules(modules, isStrict, log);
  if (log.mustStop) return err(log.errors);
  const builtinByName = new Map(builtins.map((builtin) => [builtin.name, builtin]));
  const resolved = resolveModules(modules, { builtinByName, metadataOf: metadataOf(modules) });
  const checked = checkRules(modules, resolved.rules, resolved.unresolved, isStrict, log);
  if (checked === undefined || log.errors.length > 0) return err(log.errors);
  const errors: RegoError[] = [];
  const tree = growRuleTree(
    resolved.rules,
    modules.map(({ package: { path } }) => path),
    errors,
  );
  if (errors.length > 0) return err(errors);
  const lowered = lowerRules(tree);
  if (lowered.errors.length > 0) return err(lowered.errors);
  return ok({ modules, rules: resolved.rules, checked, tree, program: lowered.program, builtinByName });
}

export interface CompiledQuery extends LoweredQuery {
  /** A row holds the values of these, then the value of each statement. */
  readonly names: readonly string[];
}

/** `packagePath` makes the query see the names of that package, and the imports of its modules. */
export function compileQuery(
  compiled: CompiledModules,
  body: Body,
  packagePath: readonly string[] = [],
): Result<CompiledQuery, readonly RegoError[]> {
  const names = namesSeenFrom(compiled, packagePath);
  const log = new ErrorLog();
  const globals = { has: (name: string) => !ROOTS.includes(name) && names.get(name) !== undefined };
  checkQueryDeclarations(body, { globals, isStrict: false, onGlobal: () => {} }, log);
  if (log.mustStop) return err(log.errors);
  const resolved = resolveQuery(body, compiled.modules, compiled.builtinByName, names);
  checkQuery(resolved.body, compiled.checked, resolved.unresolved, log);
  if (log.errors.length > 0) return err(log.errors);
  const lowered = lowerQuery(resolved, compiled.tree, compiled.program);
  if (lowered.errors.length > 0) return err(lowered.errors);
  return ok({ ...lowered, names: resolved.names });
}

function namesSeenFrom({ modules }: CompiledModules, packagePath: readonly string[]): GlobalNames {
  const key = packageKey(packagePath);
  const own = modules.filter((module) => packageKey(module.package.path) === key);
  const imports = own.flatMap((module) => module.imports);
  return new GlobalNames(
    packagePath,
    imports,
    packagePath.length === 0 ? new Set() : (ruleNamesByPackage(modules).get(key) ?? new Set()),
  );
}
