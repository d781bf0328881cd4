import { numberOfInteger, parseNumber } from "../values/big-number.ts";
import type { NumberValue } from "../values/value.ts";

/** What a plain scalar says. Undefined for infinities and not-a-number, which no Rego value is. */
export type PlainScalar = null | boolean | NumberValue | string | undefined;

/**
 * A scalar without quotes and tag, as Go's `yaml.v3` reads it: YAML 1.2's core schema (§10.3.2), and of YAML 1.1 the
 * octals with a leading zero, binary numbers and `_` between digits. `yes`, `on` and timestamps are strings.
 */
export function resolvePlainScalar(text: string): PlainScalar {
  if (NULLS.has(text)) return null;
  if (TRUES.has(text)) return true;
  if (FALSES.has(text)) return false;
  if (NO_NUMBER.test(text)) return undefined;
  return resolveNumber(text) ?? text;
}

const NULLS: ReadonlySet<string> = new Set(["", "~", "null", "Null", "NULL"]);
const TRUES: ReadonlySet<string> = new Set(["true", "True", "TRUE"]);
const FALSES: ReadonlySet<string> = new Set(["false", "False", "FALSE"]);
const NO_NUMBER: RegExp = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

export function resolveNumber(text: string): NumberValue | undefined {
  if (!/^[-+.0-9]/.test(text)) return undefined;
  const digits = text.startsWith(".") ? text : text.replaceAll("_", "");
  return resolveInteger(digits) ?? resolveDecimal(digits);
}

const UNSIGNED_MAX = 2n ** 64n - 1n;
/** 64 binary digits, their prefix and some zeros. */
const PREFIXED_LENGTH_MAX = 80;
const PREFIXED: RegExp = /^([-+]?)0([xX][0-9a-fA-F]+|[oO]?[0-7]+|[bB][01]+)$/;

function resolveInteger(text: string): NumberValue | undefined {
  const [, sign, digits] = (text.length <= PREFIXED_LENGTH_MAX && PREFIXED.exec(text)) || [];
  if (digits === undefined) return undefined;
  const integer = BigInt(/^[0-7]/.test(digits) ? `0o${digits}` : `0${digits.toLowerCase()}`);
  if (integer > UNSIGNED_MAX) return undefined;
  return numberOfInteger(sign === "-" ? -integer : integer);
}

const DECIMAL: RegExp = /^([-+]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([-+]?[0-9]+))?$/;

function resolveDecimal(text: string): NumberValue | undefined {
  const parts = DECIMAL.exec(text);
  if (parts === null) return undefined;
  const [, sign, integer = "0", fraction = parts[4] ?? "", , exponent = "0"] = parts;
  const literal = `${sign === "-" ? "-" : ""}${withoutLeadingZeros(integer)}${fraction && `.${fraction}`}`;
  return parseNumber(exponent === "0" ? literal : `${literal}e${exponent}`);
}

function withoutLeadingZeros(digits: string): string {
  return digits.replace(/^0+(?=[0-9])/, "");
}
