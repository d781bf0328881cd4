import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorLog } from "./error-log.ts";

function errorAt(row: number, message = "wrong", file = "a.rego") {
  return { code: "rego_compile_error", message, location: { file, row, col: 1, start: 0, end: 0 } } as const;
}

test("later stages go on after an error that does not mislead them", () => {
  const log = new ErrorLog();
  log.report(errorAt(2));
  assert.ok(!log.mustStop);
  log.refuse();
  assert.ok(!log.mustStop);
  log.refuse(errorAt(1));
  assert.ok(log.mustStop);
});

test("errors are in the order of the text, whichever was found first", () => {
  const log = new ErrorLog();
  log.report(errorAt(2), errorAt(1), errorAt(1, "also"), errorAt(3, "wrong", "A.rego"));
  assert.deepEqual(
    log.errors.map(({ message, location: { file, row } }) => `${file}:${row} ${message}`),
    ["A.rego:3 wrong", "a.rego:1 also", "a.rego:1 wrong", "a.rego:2 wrong"],
  );
});

test("the tenth error is the last", () => {
  const log = new ErrorLog();
  log.report(...Array.from({ length: 9 }, (_, row) => errorAt(row + 1)));
  assert.ok(!log.mustStop);
  log.report(errorAt(10), errorAt(11));
  assert.ok(log.mustStop);
  assert.equal(log.errors.length, 10);
});
