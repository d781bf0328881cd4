import type { Import, Module } from "../syntax/ast.ts";
import { ModulePrinter } from "./module-printer.ts";

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
 * Other than `opa fmt`, it does not leave code with comments in unexpected places as it was, writes no calls as
 * operators (`plus(1, 2)` may call a rule), and keeps `-x`, repeated elements and the constants in template strings.
 */
export function formatModule(module: Module, options: FormatOptions = {}): string {
  const regoVersion = options.regoVersion ?? module.regoVersion;
  const imports = regoVersion === 1 ? withoutKeywords(module) : module.imports;
  const hasKeyword = (keyword: string): boolean => regoVersion === 1 || module.imports.some(isKeywordImport, keyword);
  return new ModulePrinter(
    { ...module, imports },
    {
      regoVersion,
      hasIf: hasKeyword("if"),
      hasContains: hasKeyword("contains"),
      hasDottedHeads: hasDeepHead(module),
    },
  ).print();
}
