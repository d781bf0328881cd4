import type { Report } from "./json-text.ts";

/** Something that a tool found in a file. */
export interface Finding {
  readonly rule: string;
  readonly level: "error" | "warning" | "note";
  readonly message: string;
  readonly file: string | undefined;
  readonly row: number | undefined;
  readonly col: number | undefined;
}

/** Static Analysis Results Interchange Format 2.1.0 (OASIS), as code hosts show it beside the lines. */
export function findingsToSarif(findings: readonly Finding[]): Report {
  const rules = Array.from(new Set(findings.map(({ rule }) => rule)));
  return {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "vedette policy", rules: rules.map((id) => ({ id })) } },
        // Paths are as they were given; columns count code points, as Rego's do.
        columnKind: "unicodeCodePoints",
        results: findings.map(({ rule, level, message, file, row, col }) => ({
          ruleId: rule,
          ruleIndex: rules.indexOf(rule),
          level,
          message: { text: message },
          locations: file === undefined ? undefined : [locationOf(file, row, col)],
        })),
      },
    ],
  };
}

function locationOf(file: string, row: number | undefined, col: number | undefined): Report {
  return {
    physicalLocation: {
      artifactLocation: { uri: file.split("/").map(encodeURIComponent).join("/") },
      region: row === undefined ? undefined : { startLine: row, startColumn: col },
    },
  };
}
