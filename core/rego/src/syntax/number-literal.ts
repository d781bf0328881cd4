import { parseNumber } from "../values/big-number.ts";
import type { NumberValue } from "../values/value.ts";

/** OPA's bounds, 2^±100000: beyond them printing one number takes seconds. As powers of ten. */
const MAGNITUDE_MAX = 30_102;
const MAGNITUDE_MIN = -30_103;

const LITERAL = /^(-?)(\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

export type NumberFault = "expected number without leading zero" | "number too big" | "invalid number";

/** A number as Rego writes it: JSON's (RFC 8259 §6), where the zero before the point may be missing. */
export function parseNumberLiteral(text: string): NumberValue | NumberFault {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = LITERAL.exec(text) ?? [];
  if (whole === "" && fraction === "") return "invalid number";
  if (whole.length > 1 && whole.startsWith("0")) return "expected number without leading zero";
  const digits = whole + fraction;
  const leading = digits.search(/[1-9]/);
  if (leading < 0) return 0;
  const magnitude = Number(exponent) + whole.length - leading - 1;
  if (magnitude > MAGNITUDE_MAX || magnitude < MAGNITUDE_MIN) return "number too big";
  const json = whole === "" ? `${sign}0${text.slice(sign.length)}` : text;
  return parseNumber(json) ?? "invalid number";
}
