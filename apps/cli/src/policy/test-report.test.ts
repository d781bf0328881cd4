import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestResult } from "@vedette/rego";
import { summaryOf, testReport } from "./test-report.ts";

const location = { file: "p_test.rego", row: 3, col: 1, start: 0, end: 0 };

function result(name: string, changes: Partial<TestResult> = {}): TestResult {
  return {
    package: "data.p",
    name,
    location,
    outcome: "pass",
    error: undefined,
    duration: 1_500,
    printed: [],
    cases: [],
    gaveUp: [],
    ...changes,
  };
}

const CASES = [
  { name: "one", hasFailed: false, cases: [] },
  { name: "two", hasFailed: true, cases: [] },
];

const RESULTS: readonly TestResult[] = [
  result("test_a"),
  result("test_b", { outcome: "fail", cases: CASES, printed: ["<hello> & \u0001"] }),
  result("todo_test_c", { outcome: "skip", duration: 0 }),
  result("test_d", { outcome: "error", error: { code: "eval_conflict_error", message: 'not "one"', location } }),
];

function report(format: string, isVerbose = false): string {
  return testReport({ results: RESULTS, measured: new Map() }, format, isVerbose);
}

describe("a report of tests", () => {
  test("counts cases rather than the tests that hold them", () => {
    assert.deepEqual(summaryOf(RESULTS), { passed: 2, failed: 1, skipped: 1, errors: 1 });
  });

  test("shows what did not pass, and with -v everything", () => {
    const text = report("pretty");
    assert.doesNotMatch(text, /test_a/);
    assert.match(text, /p_test\.rego:3:\ndata\.p\.test_b: FAIL \(1\.5µs\)\n {2}two: FAIL\n\n {2}<hello>/);
    assert.match(text, /data\.p\.todo_test_c: SKIPPED\n/);
    assert.match(text, /data\.p\.test_d: ERROR \(1\.5µs\)\n {2}p_test\.rego:3: eval_conflict_error: not "one"/);
    assert.match(text, /-{80}\nPASS: 2\/5\nFAIL: 1\/5\nSKIPPED: 1\/5\nERROR: 1\/5$/);
    assert.match(report("pretty", true), /test_a: PASS \(1\.5µs\)[\s\S]*one: PASS/);
  });

  test("is nothing when all is well and nobody asked", () => {
    assert.equal(testReport({ results: [], measured: new Map() }, "pretty", false), "");
    assert.equal(testReport({ results: [result("test_a")], measured: new Map() }, "pretty", false), "PASS: 1/1");
  });

  test("as JSON has the members of opa test", () => {
    const [, failed, skipped, broken] = JSON.parse(report("json"));
    assert.deepEqual(
      { ...failed, duration: 0, failed_at: undefined },
      {
        location: { file: "p_test.rego", row: 3, col: 1 },
        package: "data.p",
        name: "test_b",
        fail: true,
        duration: 0,
        output: Buffer.from("<hello> & \u0001\n").toString("base64"),
        sub_results: { one: { name: "one" }, two: { name: "two", fail: true } },
        failed_at: undefined,
      },
    );
    assert.equal(skipped.skip, true);
    assert.equal(broken.error.code, "eval_conflict_error");
  });

  test("as JUnit's XML counts each outcome and escapes what XML cannot hold", () => {
    const text = report("junit");
    assert.match(text, /<testsuite name="data\.p" tests="4" failures="1" errors="1" skipped="1" time="0\.000005">/);
    assert.match(text, /<system-out>&lt;hello&gt; &amp; \ufffd<\/system-out>/);
    assert.match(text, /<error message="not &quot;one&quot;"\/>/);
  });

  test("as SARIF points at each test that did not pass", () => {
    const sarif = JSON.parse(report("sarif"));
    assert.equal(sarif.version, "2.1.0");
    assert.deepEqual(
      sarif.runs[0].results.map((each: { ruleId: string }) => each.ruleId),
      ["test-failed", "test-error"],
    );
  });
});
