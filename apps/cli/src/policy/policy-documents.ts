import { CASES_KIND } from "./access-cases.ts";
import { kindOf, textOf } from "./json-rules.ts";
import { findFiles } from "./source-files.ts";

/** JSON files that say what they are, and so are no data of the policy. */
export interface Documents {
  readonly rules: readonly string[];
  readonly cases: readonly string[];
  readonly all: ReadonlySet<string>;
}

export function findDocuments(paths: readonly string[], ignored: readonly string[]): Documents {
  const files = findFiles(paths, ignored).filter(({ path }) => path.endsWith(".json"));
  const kinds = files.map(({ path }): readonly [string, string] => [path, kindOf(textOf(path)) ?? ""]);
  const rules = kinds.flatMap(([path, kind]) => (kind.startsWith("rules/") ? [path] : []));
  const cases = kinds.flatMap(([path, kind]) => (kind === CASES_KIND ? [path] : []));
  return { rules, cases, all: new Set([...rules, ...cases]) };
}
