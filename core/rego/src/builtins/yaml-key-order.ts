/**
 * The order of keys in YAML that Go's `yaml.v3` writes: numbers inside of keys by their value, letters behind all
 * other characters, but before digits that follow digits.
 */
export function compareYamlKeys(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  let at = 0;
  while (at < left.length && at < right.length && left[at] === right[at]) at++;
  const [x, y] = [left[at], right[at]];
  if (x === undefined || y === undefined) return left.length - right.length;
  const isLetterX = LETTER.test(x);
  const isLetterY = LETTER.test(y);
  if (isLetterX && isLetterY) return compareCharacters(x, y);
  if (isLetterX !== isLetterY) {
    const isAfterDigit = at > 0 && DIGIT.test(left[at - 1] as string);
    return isLetterX === isAfterDigit ? -1 : 1;
  }
  return compareNumbersAt(left, right, at) || compareCharacters(x, y);
}

const LETTER: RegExp = /^\p{L}$/u;
const DIGIT: RegExp = /^[0-9]$/;

/** Whether digits before this place are more than leading zeros decides if a zero here counts. */
function compareNumbersAt(left: readonly string[], right: readonly string[], at: number): number {
  const x = digitsFrom(left, at);
  const y = digitsFrom(right, at);
  const prefix = isInNumber(left, at) ? "1" : "";
  const [valueX, valueY] = [withoutZeros(prefix + x), withoutZeros(prefix + y)];
  const order = valueX.length - valueY.length || (valueX < valueY ? -1 : valueX > valueY ? 1 : 0);
  return order || x.length - y.length;
}

function isInNumber(characters: readonly string[], at: number): boolean {
  for (let i = at - 1; i >= 0 && DIGIT.test(characters[i] as string); i--) if (characters[i] !== "0") return true;
  return false;
}

function digitsFrom(characters: readonly string[], at: number): string {
  let digits = "";
  for (let i = at; i < characters.length && DIGIT.test(characters[i] as string); i++) digits += characters[i];
  return digits;
}

function withoutZeros(digits: string): string {
  return digits.replace(/^0+/, "");
}

function compareCharacters(a: string, b: string): number {
  return (a.codePointAt(0) as number) - (b.codePointAt(0) as number);
}
