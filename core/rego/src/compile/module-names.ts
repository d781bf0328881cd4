import type { Import, Module } from "../syntax/ast.ts";

/** What a name at the top of a reference means in one module, when it is no local: a path below `input` or `data`. */
export interface GlobalName {
  readonly base: "input" | "data";
  readonly path: readonly string[];
}

/** All rule names of each package, whichever of the modules they stand in. */
export function ruleNamesByPackage(modules: readonly Module[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const {
    package: { path },
    rules,
  } of modules) {
    const key = packageKey(path);
    const names = found.get(key) ?? new Set<string>();
    found.set(key, names);
    for (const rule of rules) names.add(rule.head.name);
  }
  return found;
}

export function packageKey(path: readonly string[]): string {
  return JSON.stringify(path);
}

export function globalNames(
  packagePath: readonly string[],
  imports: readonly Import[],
  ruleNames: ReadonlySet<string>,
): ReadonlyMap<string, GlobalName> {
  const names = new Map<string, GlobalName>([
    ["input", { base: "input", path: [] }],
    ["data", { base: "data", path: [] }],
  ]);
  for (const name of ruleNames) names.set(name, { base: "data", path: [...packagePath, name] });
  for (const { path, alias } of imports) {
    const [base, ...rest] = path;
    if (base !== "input" && base !== "data") continue;
    names.set(alias ?? rest.at(-1) ?? base, { base, path: rest });
  }
  return names;
}

/** By the key of the function's path (`packageKey`). */
export function arityByFunction(modules: readonly Module[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const {
    package: { path },
    rules,
  } of modules)
    for (const { head } of rules) {
      const names = head.path.flatMap((term) => (term.type === "string" ? [term.value] : []));
      if (head.args !== undefined) found.set(packageKey([...path, head.name, ...names]), head.args.length);
    }
  return found;
}
