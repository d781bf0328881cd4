import type { RegoError } from "../errors.ts";
import type { Import, Module, Rule, Term } from "../syntax/ast.ts";
import { checkDeclarations } from "./check-declarations.ts";
import type { ErrorLog } from "./error-log.ts";
import { LayeredSet } from "./layered.ts";
import { packageKey, ruleNamesByPackage } from "./module-names.ts";
import { statementsOf } from "./syntax-parts.ts";
import { pathToText } from "./term-text.ts";

/** The documents that every policy sees. */
export const ROOTS: readonly string[] = ["input", "data"];

/** What can be said of modules by their names alone (compiler stages "resolve refs" to "rewrite local vars"). */
export function checkModules(modules: readonly Module[], isStrict: boolean, log: ErrorLog): void {
  for (const module of modules) for (const rule of module.rules) log.refuse(...shadowedByArguments(rule));
  if (log.mustStop) return;
  const ruleNames = ruleNamesByPackage(modules);
  for (const module of modules) {
    if (module.regoVersion === 1 || isStrict) log.report(...shadowedRoots(module), ...shadowedImports(module));
    const documents = module.imports.filter(({ path }) => ROOTS.includes(path[0] ?? ""));
    const globals = new LayeredSet(ruleNames.get(packageKey(module.package.path)));
    for (const item of documents) globals.add(nameOf(item));
    const mentioned = new Set<string>();
    const onGlobal = (name: string) => mentioned.add(name);
    for (const rule of module.rules) checkDeclarations(rule, { globals, isStrict, onGlobal }, log);
    if (!isStrict) continue;
    for (const item of documents)
      if (!mentioned.has(nameOf(item))) log.report(compileError(`${importToText(item)} unused`, item.location));
  }
}

function shadowedByArguments({ head, location }: Rule): readonly RegoError[] {
  const name = (head.args ?? []).map(rootIn).find((found) => found !== undefined);
  if (name === undefined) return [];
  return [compileError(`args must not shadow ${name} (use a different variable name)`, location)];
}

/** A root document in the place of a variable. */
function rootIn(pattern: Term): string | undefined {
  switch (pattern.type) {
    case "var":
      return ROOTS.includes(pattern.name) ? pattern.name : undefined;
    case "array":
      return pattern.items.map(rootIn).find((name) => name !== undefined);
    case "object":
      return pattern.entries.map(([, value]) => rootIn(value)).find((name) => name !== undefined);
    default:
      return undefined;
  }
}

function shadowedRoots({ rules }: Module): readonly RegoError[] {
  return rules.flatMap((rule) => {
    const { name } = rule.head;
    const own = ROOTS.includes(name)
      ? [compileError(`rules must not shadow ${name} (use a different rule name)`, rule.location)]
      : [];
    const assigned = statementsOf(rule).flatMap(({ what, location }): readonly RegoError[] => {
      if (what.type !== "assign" || what.target.type !== "var" || !ROOTS.includes(what.target.name)) return [];
      return [compileError(`variables must not shadow ${what.target.name} (use a different variable name)`, location)];
    });
    return [...own, ...assigned];
  });
}

function shadowedImports({ imports }: Module): readonly RegoError[] {
  const first = new Map<string, Import>();
  return imports.flatMap((item) => {
    const known = first.get(nameOf(item));
    if (known !== undefined) return [compileError(`import must not shadow ${importToText(known)}`, item.location)];
    first.set(nameOf(item), item);
    return [];
  });
}

function nameOf({ path, alias }: Import): string {
  return alias ?? path.at(-1) ?? "";
}

function importToText({ path, alias }: Import): string {
  const [root = "", ...rest] = path;
  return `import ${root}${pathToText(rest).slice("data".length)}${alias === undefined ? "" : ` as ${alias}`}`;
}

function compileError(message: string, location: RegoError["location"]): RegoError {
  return { code: "rego_compile_error", message, location };
}
