import assert from "node:assert/strict";
import { test } from "node:test";
import { AdapterError, assert as assertInvariant, InvariantError, unreachable } from "./result.ts";

test("a broken invariant names itself", () => {
  assertInvariant(true, "holds");
  assert.throws(() => assertInvariant(false, "the index is dense"), new InvariantError("the index is dense"));
});

test("a value that no type foresaw stops the program and is shown", () => {
  assert.throws(() => unreachable("PURPLE" as never), /PURPLE/);
});

test("an adapter's error keeps its code, its facts and its cause", () => {
  const cause = new Error("ENOSPC");
  const error = new AdapterError("FILE_WRITE_FAILED", "could not write", { path: "x" }, cause);
  assert.deepEqual([error.code, error.facts, error.cause], ["FILE_WRITE_FAILED", { path: "x" }, cause]);
  assert.equal("cause" in new AdapterError("A", "b"), false);
});
