import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gaveUpToText } from "./explain-text.ts";
import type { TestCase, TestResult } from "./test-runner.ts";
import { testRun, testSuite } from "./tools-fixture.test.ts";

const POLICY = `package p

default allow := false

allow if {
	some role in input.roles
	role == "admin"
	input.age > 18
}

f(x) := x + 1
`;

function outcomes(text: string): readonly string[] {
  return testRun({ "p.rego": POLICY, "p_test.rego": `package p_test\n\nimport data.p\n\n${text}` }).map(describeResult);
}

function describeResult({ name, outcome, cases }: TestResult): string {
  return [`${name} ${outcome}`, ...cases.map(describeCase)].join(" ");
}

function describeCase({ name, hasFailed, cases }: TestCase): string {
  const inner = cases.length > 0 ? `(${cases.map(describeCase).join(" ")})` : "";
  return `${name}${inner}:${hasFailed ? "fail" : "pass"}`;
}

describe("a test", () => {
  test("passes when it is true, and fails when it is false, undefined or anything else", () => {
    assert.deepEqual(
      outcomes(`test_true if p.f(1) == 2
test_false := false
test_undefined if p.f(1) == 3
test_number := 1
test_set contains 1`),
      ["test_true pass", "test_false fail", "test_undefined fail", "test_number fail", "test_set fail"],
    );
  });

  test("is skipped while it is to do, and no test without the word in front", () => {
    assert.deepEqual(outcomes("todo_test_later if false\nhelper if true\nmy_test_x if true"), ["todo_test_later skip"]);
  });

  test("may stand below other names", () => {
    assert.deepEqual(outcomes("foo.test_bar if true\nfoo.bar if true"), ["foo.test_bar pass"]);
  });

  test("that is there twice is two tests", () => {
    assert.deepEqual(outcomes("test_a if true\ntest_a if false\ntest_a if true"), [
      "test_a pass",
      "test_a#01 fail",
      "test_a#02 pass",
    ]);
  });

  test("ends in an error when evaluation does, and others go on", () => {
    const [broken, good] = testRun({
      "p_test.rego": "package p\ntest_a if g == 1\ntest_b if true\ng := x if some x in [1, 2]",
    });
    assert.deepEqual([broken?.outcome, broken?.error?.code], ["error", "eval_conflict_error"]);
    assert.equal(good?.outcome, "pass");
  });

  test("that does not end is ended at its timeout", () => {
    const [result] = testRun(
      { "p_test.rego": "package p\ntest_long if {\n\tnumbers.range(1, 3000)[_] + numbers.range(1, 3000)[_] == 0\n}" },
      { timeout: 10_000 },
    );
    assert.deepEqual([result?.outcome, result?.error?.code], ["error", "limit"]);
  });

  test("keeps what it printed to itself", () => {
    const results = testRun({ "p_test.rego": 'package p\ntest_a if print("a", 1)\ntest_b if print({"x"})' });
    assert.deepEqual(
      results.map(({ printed }) => printed),
      [["a 1"], ['{"x"}']],
    );
  });

  test("is run when its full name is wanted", () => {
    const suite = testSuite(
      { "p_test.rego": "package p\ntest_a if true\ntest_b if true" },
      { isWanted: (name) => name === "data.p.test_b" },
    );
    assert.deepEqual(
      suite.tests.map(({ path }) => path),
      [["test_b"]],
    );
  });
});

describe("a test with cases", () => {
  test("has a result for each, also for those that gave up before they had a value", () => {
    assert.deepEqual(
      outcomes(`test_f[note] if {
	some note, tc in {"one": {"a": 1, "e": 2}, "two": {"a": 1, "e": 3}}
	p.f(tc.a) == tc.e
}`),
      ["test_f fail one:pass two:fail"],
    );
  });

  test("may nest them, and name them by numbers", () => {
    assert.deepEqual(
      outcomes(`test_n[a][b] if {
	some a in ["x", "y"]
	some b in [1, 2]
	b == 1
}`),
      ["test_n fail x(1:pass 2:fail):fail y(1:pass 2:fail):fail"],
    );
  });

  test("names a case by any term, whatever the order of the statements", () => {
    const text = `test_t[sprintf("case %v", [tc.n])] if {
	some tc in [{"n": 1}, {"n": 3}]
	tc.n < 3
}
test_d[x] if {
	some x
	y := x * 2
	[1, 2][_] = x
	y == 2
}`;
    assert.deepEqual(outcomes(text), ["test_t fail case 1:pass case 3:fail", "test_d fail 1:pass 2:fail"]);
  });

  test("passes without any, and reports what it reports itself", () => {
    assert.deepEqual(outcomes("test_none[x] if some x in []"), ["test_none pass"]);
    assert.deepEqual(outcomes("test_own[x] if {\n\tsome x in [1, 2]\n\tinternal.test_case([x])\n\tx == 1\n}"), [
      "test_own fail 1:pass 2:fail",
    ]);
  });
});

describe("a failed test says", () => {
  function failure(text: string): string {
    const [result] = testRun({ "p.rego": POLICY, "p_test.rego": `package p_test\nimport data.p\n${text}` });
    return (result?.gaveUp ?? []).map(gaveUpToText).join("");
  }

  test("where it gave up, what it looked at, and why what it asked was not so", () => {
    assert.equal(
      failure('test_a if {\n\tx := 17\n\tp.allow with input as {"roles": ["admin"], "age": x}\n}'),
      `p_test.rego:5:
  p.allow with input as {"roles": ["admin"], "age": x}
  x is 17, p.allow is false
  data.p.allow is false, its default (p.rego:3):
    the definition at p.rego:5 gave up at line 8: input.age > 18
      input.age is 17
`,
    );
  });

  test("both sides of a comparison", () => {
    assert.match(failure("test_a if p.f(1) == 1 + 3"), /p\.f\(1\) is 2, 1 \+ 3 is 4/);
  });

  test("which case it was", () => {
    assert.match(failure("test_a[n] if {\n\tsome n in [1, 2]\n\tp.f(n) == 2\n}"), /n is 2, p\.f\(n\) is 3/);
  });
});
