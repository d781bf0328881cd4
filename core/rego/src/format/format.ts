import type { Import, Module } from "../syntax/ast.ts";
import { ModulePrinter } from "./module-printer.ts";
import { spellingOf } from "./spelling.ts";

export interface FormatOptions {
  /** 1 spells a module of v0 as one of v1 that v0 takes as well: with `import rego.v1`. */
  readonly regoVersion?: 1;
}

/**
 * Writes a module as `opa fmt` does: one layout for all, in which nothing is gained by writing it another way. It
 * means what it meant, each comment stays at its place or at the end of its line, and what is written is not changed
 * by writing it again. A module of v0 is spelled as v0 unless `options` ask for v1; where it uses a keyword of v1 as
 * a name it then cannot be read again, and needs its author.
 *
 * Other than `opa fmt`, it lays out what has comments in unexpected places as well, begins a comprehension behind its
 * bracket, and never changes what is meant: parentheses stay where operators need them, calls stay calls (`plus(1, 2)`
 * may call a rule), and so do `-x`, repeated elements of a set, and constants in template strings.
 */
export function formatModule(module: Module, options: FormatOptions = {}): string {
  const regoVersion = options.regoVersion ?? module.regoVersion;
  const imports = regoVersion === 1 ? directImports(module) : module.imports;
  return new ModulePrinter(module, spellingOf(module, regoVersion)).print({ ...module, imports });
}

/** In v1, `import rego.v1` stands for the keywords that one could import; a module that was v0 needs it. */
function directImports({ imports, regoVersion, package: start, rules }: Module): readonly Import[] {
  if (regoVersion === 1 && !imports.some(({ path }) => path[0] === "rego")) return imports;
  const others = imports.filter(({ path }) => !isFuture(path));
  if (regoVersion === 1) return others;
  const last = imports.findLast(({ path }) => isFuture(path))?.location;
  const isLate = last === undefined || rules.some(({ location }) => location.start < last.start);
  const location = isLate ? { ...start.location, row: 1, start: start.location.end } : { ...last, row: last.row + 1 };
  return [...others, { path: ["rego", "v1"], alias: undefined, location }];
}

function isFuture(path: readonly string[]): boolean {
  return path[0] === "future";
}
