import { valueToText } from "../values/print.ts";
import { RegoSet, type Value } from "../values/value.ts";

/** A loop in an operand prints each of its values; beyond this many lines the rest says nothing new. */
const LINES_MAX = 1_000;

/**
 * What `print` prints: its operands with blanks between. An operand that may have no or many values arrives as the set
 * of them (`isSetOfValues`): none of them prints as undefined, several give a line for each combination.
 */
export function printedLines(values: readonly (Value | undefined)[], isSetOfValues: readonly boolean[]): string[] {
  let lines: string[][] = [[]];
  for (const [index, value] of values.entries()) {
    const choices = isSetOfValues[index] && value instanceof RegoSet ? value.sorted : [value];
    const texts = choices.length === 0 ? ["<undefined>"] : choices.map(printed);
    lines = lines.flatMap((line) => texts.map((text) => [...line, text])).slice(0, LINES_MAX);
  }
  return lines.map((line) => line.join(" "));
}

function printed(value: Value | undefined): string {
  if (value === undefined) return "<undefined>";
  return typeof value === "string" ? value : valueToText(value);
}
