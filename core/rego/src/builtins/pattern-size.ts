/**
 * At least as many instructions as the program of a regular expression has (RE2 syntax): one for each character or
 * class, some for each group, and each counted repetition as often as it counts. Without building any of it.
 */
export function estimatePatternSize(text: string): number {
  const outerSizes: number[] = [];
  let size = 0;
  let last = PROGRAM_SIZE; // of what a repetition that follows repeats
  for (const { 0: token, groups: { flags, open, close, most, quoted } = {} } of text.matchAll(TOKEN)) {
    // They are no term: a repetition behind them repeats what stands before them.
    if (flags !== undefined) continue;
    if (open !== undefined) {
      outerSizes.push(size + last);
      size = GROUP_SIZE;
      last = 0;
    } else if (close !== undefined) {
      last += size;
      size = outerSizes.pop() ?? 0;
    } else if (most !== undefined) last = Number(most) * (last + 1) + 1;
    else if (REPETITIONS.includes(token)) last += REPETITION_SIZE;
    else {
      size += last;
      last = quoted?.length ?? (token === "|" ? ALTERNATIVE_SIZE : 1);
    }
  }
  return outerSizes.reduce((sum, outer) => sum + outer, size + last) + classSize(text);
}

/** Start and end of every program, and something to do in between. */
const PROGRAM_SIZE = 3;
/** The choice, and an instruction where the alternative is empty. */
const ALTERNATIVE_SIZE = 2;
const REPETITIONS: readonly string[] = ["*", "+", "?"];
/** The loop, and the way around it where what is repeated may be empty. */
const REPETITION_SIZE = 2;
/** Two captures, and an instruction where the group is empty. */
const GROUP_SIZE = 3;

/** Classes of many characters take as long to make as so many instructions. */
function classSize(text: string): number {
  const unicodeClasses = text.match(UNICODE_CLASS)?.length ?? 0;
  const foldedRanges = IGNORES_CASE.test(text) ? (text.match(WIDE_RANGE)?.length ?? 0) : 0;
  return unicodeClasses * UNICODE_CLASS_SIZE + foldedRanges * FOLDED_RANGE_SIZE;
}

/** Its tables are read. */
const UNICODE_CLASS_SIZE = 24;
const UNICODE_CLASS: RegExp = /\\[pP]/g;
/** Every character of the range is looked up in both cases. */
const FOLDED_RANGE_SIZE = 512;
const WIDE_RANGE: RegExp = /-[\\\u0080-\uffff]/g;
const IGNORES_CASE: RegExp = /\(\?[imsU-]*i/;

/** No alternative scans past where the next of its kind could start, so that all of them together are linear. */
const TOKEN: RegExp = new RegExp(
  [
    /\\Q(?<quoted>(?:[^\\]|\\(?!E))*)(?:\\E)?/, // literal text
    /\\[pPx]\{[^}\\]*\}/, // a class or a character by its name
    /\\./,
    /\[\^?\]?(?:\[:[^:\]]*:\]|\\.|[^\]\\])*\]?/, // a class
    /(?<flags>\(\?[imsU-]*\))/,
    /(?<open>\()(?:\?(?:P?<[^>(]*>|[imsU-]*:?))?/,
    /(?<close>\))/,
    /\{(?:[0-9]+,)?(?<most>[0-9]+),?\}/, // {n}, {n,}, {n,m}
    /./,
  ]
    .map((alternative) => alternative.source)
    .join("|"),
  "gs",
);
