import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { unifiedDiff } from "./unified-diff.ts";

const NAMES = { before: "a/x.rego", after: "b/x.rego" };

function numbered(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i}\n`).join("");
}

/** What `patch` makes of a diff: a reader of the format that knows nothing of how it was written. */
function patched(before: string, diff: string): string {
  const old = before.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  let [after, passed] = ["", 0];
  for (const hunk of diff.split(/^(?=@@ )/m).slice(1)) {
    const [head = "", ...lines] = hunk.replaceAll("\n\\ No newline at end of file\n", "\0").split(/(?<=[\n\0])/);
    const [, row, count = "1", , added = "1"] = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@\n$/.exec(head) ?? [];
    const start = Number(row) - (count === "0" ? 0 : 1);
    after += old.slice(passed, start).join("");
    const texts = (kinds: string): string[] =>
      lines.filter((line) => kinds.includes(line.charAt(0))).map((line) => line.slice(1).replace("\0", ""));
    assert.deepEqual(texts(" -"), old.slice(start, start + Number(count)));
    assert.equal(texts(" +").length, Number(added));
    after += texts(" +").join("");
    passed = start + Number(count);
  }
  return after + old.slice(passed).join("");
}

test("texts that are the same have no diff", () => {
  assert.equal(unifiedDiff("", "", NAMES), "");
  assert.equal(unifiedDiff("a\nb", "a\nb", NAMES), "");
});

test("a change is shown with three lines on both sides", () => {
  const before = numbered(1, 9);
  assert.equal(
    unifiedDiff(before, before.replace("5\n", "five\nsix\n"), NAMES),
    "--- a/x.rego\n+++ b/x.rego\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-5\n+five\n+six\n 6\n 7\n 8\n",
  );
});

test("changes with up to six lines between them are one hunk", () => {
  const hunksWith = (between: number): number => {
    const same = numbered(1, between);
    return unifiedDiff(`a\n${same}b\n`, `c\n${same}d\n`, NAMES).split("@@ -").length - 1;
  };
  assert.equal(hunksWith(6), 1);
  assert.equal(hunksWith(7), 2);
});

test("of no lines, the line before is named, and of one line only the line", () => {
  assert.match(unifiedDiff("", "a\n", NAMES), /^@@ -0,0 \+1 @@\n\+a\n$/m);
  assert.match(unifiedDiff("a\nb\n", "", NAMES), /^@@ -1,2 \+0,0 @@\n-a\n-b\n$/m);
});

test("a line feed that is missing at the end is a difference", () => {
  assert.equal(
    unifiedDiff("a", "a\n", NAMES),
    "--- a/x.rego\n+++ b/x.rego\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n",
  );
});

test("a diff makes the one text of the other", () => {
  const text = fc.tuple(fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 40 }), fc.constantFrom("", "\n"));
  fc.assert(
    fc.property(text, text, (...texts) => {
      const [before, after] = texts.map(([lines, end]) => lines.join("\n") + end) as [string, string];
      assert.equal(patched(before, unifiedDiff(before, after, NAMES)), after);
    }),
    { numRuns: 500 },
  );
});

test("texts with nothing in common take no longer for that", () => {
  const [before, after] = [numbered(1, 50_000), numbered(100_001, 150_000)];
  assert.equal(patched(before, unifiedDiff(before, after, NAMES)), after);
});
