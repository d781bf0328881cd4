import { type Value, valueToJson } from "@vedette/rego";

/** A value of a policy inside a report: printed with all its digits and its sets as arrays. */
export class PolicyValue {
  readonly value: Value;
  constructor(value: Value) {
    this.value = value;
  }
}

/** A report: members in the order in which they are written here, without those that are undefined. */
export type Report =
  | null
  | boolean
  | number
  | string
  | PolicyValue
  | readonly Report[]
  | { readonly [name: string]: Report | undefined };

const INDENT = "  ";

/** As `opa` writes its reports: two spaces for each level. */
export function reportToJson(report: Report, indent = ""): string {
  if (report instanceof PolicyValue) return valueToJson(report.value, { indent: INDENT, prefix: indent });
  if (report === null || typeof report !== "object") return valueToJson(report);
  const inner = indent + INDENT;
  if (Array.isArray(report))
    return enclose(
      "[",
      report.map((item: Report) => reportToJson(item, inner)),
      "]",
      indent,
    );
  const members = Object.entries(report).flatMap(([name, item]) =>
    item === undefined ? [] : [`${valueToJson(name)}: ${reportToJson(item, inner)}`],
  );
  return enclose("{", members, "}", indent);
}

function enclose(open: string, parts: readonly string[], close: string, indent: string): string {
  if (parts.length === 0) return open + close;
  return `${open}\n${parts.map((part) => indent + INDENT + part).join(",\n")}\n${indent}${close}`;
}
