import assert from "node:assert/strict";
import { test } from "node:test";
import { testCreateCaller } from "./builtin-fixture.test.ts";
import { SEMVER_BUILTINS } from "./semver-builtins.ts";

const call = testCreateCaller(SEMVER_BUILTINS);

test("a version has three numbers without leading zeros, and identifiers that are not empty", () => {
  for (const text of [
    "1.0.0",
    "v1.2.3",
    "1.0.0-alpha.1",
    "1.0.0--",
    "1.0.0+001",
    "1.0.0-0a",
    "9223372036854775807.0.0",
  ])
    assert.equal(call("semver.is_valid", text), "true", text);
  for (const text of [
    "",
    "1",
    "1.0",
    "1.0.0.0",
    "01.0.0",
    "1.0.0-",
    "1.0.0+",
    "1.0.0-a..b",
    "1.0.0-01",
    "V1.0.0",
    "9223372036854775808.0.0",
    1,
  ])
    assert.equal(call("semver.is_valid", text), "false", String(text));
});

test("versions are in the order of Semantic Versioning §11", () => {
  const ascending = [
    "0.9.9",
    "1.0.0-1",
    "1.0.0-9",
    "1.0.0-10",
    // More digits than any machine word has.
    "1.0.0-99999999999999999998",
    "1.0.0-99999999999999999999",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
  ];
  for (const [i, a] of ascending.entries())
    for (const [j, b] of ascending.entries())
      assert.equal(call("semver.compare", a, b), String(Math.sign(i - j)), `${a} ${b}`);
  assert.equal(call("semver.compare", "1.0.0+a", "1.0.0+b"), "0");
});

test("what is no version is not compared", () => {
  assert.equal(call("semver.compare", "1", "1.0.0"), 'operand 1: string "1" is not a valid SemVer');
  assert.equal(call("semver.compare", "1.0.0", "x"), 'operand 2: string "x" is not a valid SemVer');
});
