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

/** What the names of one module mean. Modules of a package share the names of its rules. */
export class GlobalNames {
  readonly #packagePath: readonly string[];
  readonly #ruleNames: ReadonlySet<string>;
  readonly #imported = new Map<string, GlobalName>();

  constructor(packagePath: readonly string[], imports: readonly Import[], ruleNames: ReadonlySet<string>) {
    this.#packagePath = packagePath;
    this.#ruleNames = ruleNames;
    for (const { path, alias } of imports) {
      const [base, ...rest] = path;
      if (base !== "input" && base !== "data") continue;
      this.#imported.set(alias ?? rest.at(-1) ?? base, { base, path: rest });
    }
  }

  get(name: string): GlobalName | undefined {
    const imported = this.#imported.get(name);
    if (imported !== undefined) return imported;
    if (this.#ruleNames.has(name)) return { base: "data", path: [...this.#packagePath, name] };
    return name === "input" || name === "data" ? { base: name, path: [] } : undefined;
  }
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
