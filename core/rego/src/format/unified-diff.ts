/** Unchanged lines before and behind a change. */
const CONTEXT = 3;

/**
 * Lines that differ, removed and added ones together. Beyond them finding the fewest takes too long (quadratic in
 * their number), and all that lies between the first and the last change counts as changed.
 */
const DIFFERENCES_MAX = 2000;

interface Names {
  readonly before: string;
  readonly after: string;
}

/** One line; one that ends without a line feed is the last. */
interface Line {
  readonly kind: " " | "-" | "+";
  readonly text: string;
}

/** What changed between two texts, line by line, in the unified format that `patch` reads; empty when nothing did. */
export function unifiedDiff(before: string, after: string, names: Names): string {
  const lines = compareLines(linesOf(before), linesOf(after));
  const hunks = hunksOf(lines);
  if (hunks.length === 0) return "";
  return `--- ${names.before}\n+++ ${names.after}\n${hunks.join("")}`;
}

function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function compareLines(before: readonly string[], after: readonly string[]): readonly Line[] {
  const sameMax = Math.min(before.length, after.length);
  let head = 0;
  while (head < sameMax && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < sameMax - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const [removed, added] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)];
  return [
    ...mark(" ", before.slice(0, head)),
    ...(fewestChanges(removed, added) ?? [...mark("-", removed), ...mark("+", added)]),
    ...mark(" ", before.slice(before.length - tail)),
  ];
}

function mark(kind: Line["kind"], lines: readonly string[]): readonly Line[] {
  return lines.map((text) => ({ kind, text }));
}

/**
 * E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), §2: how many lines of `before` one can pass
 * on each diagonal with 0, 1, 2, … differences, until all lines are passed. On diagonal k one has passed k lines more
 * of `before` than of `after`.
 */
function fewestChanges(before: readonly string[], after: readonly string[]): readonly Line[] | undefined {
  const rounds: Round[] = [];
  for (let d = 0; d <= Math.min(before.length + after.length, DIFFERENCES_MAX); d++) {
    const previous = rounds.at(-1);
    const round = new Int32Array(2 * d + 1);
    rounds.push(round);
    for (let k = -d; k <= d; k += 2) {
      let x = previous ? stepFrom(previous, d, k).x : 0;
      while (x < before.length && x - k < after.length && before[x] === after[x - k]) x++;
      round[k + d] = x;
      if (x >= before.length && x - k >= after.length) return changesOf(before, after, rounds);
    }
  }
  return undefined;
}

/** With d differences; diagonal k is at k + d. */
type Round = Int32Array;

interface Step {
  readonly kind: "-" | "+";
  /** Lines of `before` that are passed with it. */
  readonly x: number;
}

/** The d-th difference, onto diagonal k: the one of two that gets further. */
function stepFrom(previous: Round, d: number, k: number): Step {
  const removed = k === -d ? -1 : (previous[k - 1 + d - 1] as number) + 1;
  const added = k === d ? -1 : (previous[k + 1 + d - 1] as number);
  return removed > added ? { kind: "-", x: removed } : { kind: "+", x: added };
}

/** The way there, from its end to its beginning. */
function changesOf(before: readonly string[], after: readonly string[], rounds: readonly Round[]): readonly Line[] {
  const lines: Line[] = [];
  let [x, y] = [before.length, after.length];
  for (let d = rounds.length - 1; d >= 0; d--) {
    const step = d > 0 ? stepFrom(rounds[d - 1] as Round, d, x - y) : undefined;
    for (const start = step?.x ?? 0; x > start; x--, y--) lines.push({ kind: " ", text: before[x - 1] as string });
    if (step?.kind === "-") lines.push({ kind: "-", text: before[--x] as string });
    if (step?.kind === "+") lines.push({ kind: "+", text: after[--y] as string });
  }
  return lines.reverse();
}

function hunksOf(lines: readonly Line[]): readonly string[] {
  let [before, after, end] = [0, 0, 0];
  return changesIn(lines).map(([first, last]) => {
    const start = Math.max(0, first - CONTEXT);
    before += start - end;
    after += start - end;
    end = Math.min(lines.length, last + CONTEXT + 1);
    const hunk = lines.slice(start, end);
    const removed = hunk.filter(({ kind }) => kind !== "+").length;
    const added = hunk.filter(({ kind }) => kind !== "-").length;
    const head = `@@ -${rangeOf(before, removed)} +${rangeOf(after, added)} @@\n`;
    before += removed;
    after += added;
    return head + hunk.map(textOf).join("");
  });
}

/** First and last line of what changed; changes whose contexts touch are one. */
function changesIn(lines: readonly Line[]): readonly (readonly [number, number])[] {
  const changes: [number, number][] = [];
  lines.forEach(({ kind }, i) => {
    const change = changes.at(-1);
    if (kind === " ") return;
    if (change && i - change[1] <= 2 * CONTEXT + 1) change[1] = i;
    else changes.push([i, i]);
  });
  return changes;
}

/** Lines count from 1; of none, the line before is named. */
function rangeOf(before: number, count: number): string {
  if (count === 1) return String(before + 1);
  return `${count === 0 ? before : before + 1},${count}`;
}

function textOf({ kind, text }: Line): string {
  return text.endsWith("\n") ? kind + text : `${kind}${text}\n\\ No newline at end of file\n`;
}
