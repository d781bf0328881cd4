import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Value } from "../values/value.ts";
import { CoverageObserver, type SourceRange } from "./coverage.ts";
import { testAsk } from "./tools-fixture.test.ts";

function cover(
  text: string,
  query: string,
  input?: Value,
): { covered: string[]; notCovered: string[]; coverage: number } {
  let observer: CoverageObserver | undefined;
  const { modules } = testAsk(
    { "p.rego": text },
    query,
    input,
    (instrumented) => (observer = new CoverageObserver(instrumented)),
  );
  const report = observer!.report(modules);
  const file = report.files.get("p.rego")!;
  assert.equal(file.coverage, report.coverage);
  return { covered: file.covered.map(rows), notCovered: file.notCovered.map(rows), coverage: file.coverage };
}

function rows({ start, end }: SourceRange): string {
  return `${start.row}:${start.col}-${end.row}:${end.col}`;
}

describe("coverage", () => {
  const ALLOW = `package p

default allow := false

allow if {
	input.a
	input.b
}

other := 1
`;

  test("has the statements that were entered and the heads that had a value", () => {
    assert.deepEqual(cover(ALLOW, "data.p.allow", { a: true, b: true }), {
      covered: ["5:1-5:6", "6:2-6:9", "7:2-7:9"],
      notCovered: ["3:9-3:23", "10:1-10:11"],
      coverage: 60,
    });
  });

  test("has a default only when nothing else had a value", () => {
    const { covered, notCovered } = cover(ALLOW, "data.p.allow", { a: true });
    assert.deepEqual(covered, ["3:9-3:23", "6:2-6:9", "7:2-7:9"]);
    assert.deepEqual(notCovered, ["5:1-5:6", "10:1-10:11"]);
  });

  test("looks into else branches and the bodies of comprehensions, and counts each line once", () => {
    const text = `package p

n := 1 if {
	input.a
} else := count([y |
	some y in [1, 2]
	y > 1
])
`;
    assert.deepEqual(cover(text, "data.p.n").notCovered, ["3:1-3:7"]);
    assert.deepEqual(cover(text, "data.p.n", { a: true }).notCovered, ["5:3-8:3", "6:2-6:18", "7:2-7:7"]);
  });

  test("of nothing is nothing", () => {
    assert.equal(cover("package p\n", "1").coverage, 0);
  });
});
