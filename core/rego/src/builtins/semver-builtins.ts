import { ANY, BOOLEAN, functionOf, NUMBER, STRING } from "../types.ts";
import { compareText } from "../values/value.ts";
import { type Builtin, type BuiltinContext, type BuiltinResult, failure } from "./builtin.ts";
import { taking } from "./operands.ts";

/** OPA policy reference, "SemVer" (Semantic Versioning 2.0.0; a leading `v` is accepted). */
export const SEMVER_BUILTINS: readonly Builtin[] = [
  { name: "semver.is_valid", type: functionOf([ANY], BOOLEAN), run: taking(["any"], (_, text) => isVersion(text)) },
  { name: "semver.compare", type: functionOf([STRING, STRING], NUMBER), run: taking(["string", "string"], compare) },
];

interface Version {
  /** Major, minor, patch. */
  readonly numbers: readonly bigint[];
  readonly preRelease: readonly string[];
}

function isVersion(value: unknown): boolean {
  return typeof value === "string" && parseVersion(value) !== undefined;
}

function compare(_: BuiltinContext, one: string, other: string): BuiltinResult {
  const first = parseVersion(one);
  if (first === undefined) return failure(`operand 1: string ${JSON.stringify(one)} is not a valid SemVer`);
  const second = parseVersion(other);
  if (second === undefined) return failure(`operand 2: string ${JSON.stringify(other)} is not a valid SemVer`);
  return compareVersions(first, second);
}

// Semantic Versioning §2, §9, §10.
const VERSION = /^v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$/;
const NUMBER_MAX = 2n ** 63n - 1n;
/** The longest text of a number up to `NUMBER_MAX`: longer ones are never computed with. */
const NUMBER_LENGTH_MAX = 19;

function parseVersion(text: string): Version | undefined {
  const match = VERSION.exec(text);
  if (match === null) return undefined;
  const digits = match.slice(1, 4) as string[];
  if (digits.some((number) => number.length > NUMBER_LENGTH_MAX)) return undefined;
  const numbers = digits.map(BigInt);
  const preRelease = match[4]?.split(".") ?? [];
  const build = match[5]?.split(".") ?? [];
  if (numbers.some((number) => number > NUMBER_MAX) || [...preRelease, ...build].includes("")) return undefined;
  return preRelease.some((identifier) => isNumeric(identifier) && /^0./.test(identifier))
    ? undefined
    : { numbers, preRelease };
}

/** Semantic Versioning §11. */
function compareVersions(a: Version, b: Version): number {
  for (const [i, number] of a.numbers.entries()) {
    const other = b.numbers[i] as bigint;
    if (number !== other) return number < other ? -1 : 1;
  }
  // A version without a pre-release is above those with one.
  if (a.preRelease.length === 0 || b.preRelease.length === 0)
    return Math.sign(b.preRelease.length - a.preRelease.length);
  for (let i = 0; i < Math.min(a.preRelease.length, b.preRelease.length); i++) {
    const order = compareIdentifiers(a.preRelease[i] as string, b.preRelease[i] as string);
    if (order !== 0) return order;
  }
  return Math.sign(a.preRelease.length - b.preRelease.length);
}

function compareIdentifiers(a: string, b: string): number {
  if (isNumeric(a) !== isNumeric(b)) return isNumeric(a) ? -1 : 1;
  // Numbers without leading zeros: the longer is the larger, whatever its length.
  const order = isNumeric(a) && a.length !== b.length ? a.length - b.length : compareText(a, b);
  return Math.sign(order);
}

function isNumeric(identifier: string): boolean {
  return /^[0-9]+$/.test(identifier);
}
