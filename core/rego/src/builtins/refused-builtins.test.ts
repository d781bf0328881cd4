import assert from "node:assert/strict";
import { test } from "node:test";
import type { Crypto } from "@vedette/base";
import { RegoSet, type Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, type BuiltinResult } from "./builtin.ts";
import { DEBUGGING_BUILTINS } from "./debugging-builtins.ts";
import { REFUSED_BUILTINS } from "./refused-builtins.ts";
import { TEMPLATE_BUILTINS } from "./template-builtins.ts";

const context: BuiltinContext = {
  now: 0n,
  // None of them asks for these.
  crypto: {} as Crypto,
  random: { bytes: (length) => new Uint8Array(length) },
  memo: new Map(),
  spend() {},
};

function call(name: string, ...operands: readonly Value[]): BuiltinResult {
  const all = [...REFUSED_BUILTINS, ...DEBUGGING_BUILTINS, ...TEMPLATE_BUILTINS];
  return (all.find((candidate) => candidate.name === name) as Builtin).run(context, ...operands);
}

function why(result: BuiltinResult): string {
  assert.ok(result instanceof BuiltinFailure);
  return result.message;
}

test("no request is sent, and a malformed one says so as ever", () => {
  assert.match(
    why(call("http.send", { method: "GET", url: "http://example.com" })),
    /^sending requests is not available/,
  );
  assert.equal(why(call("http.send", { method: "GET" })), 'operand 1 missing required request parameters(s): {"url"}');
  assert.equal(
    why(call("http.send", { method: "GET", url: "http://example.com", verb: 1 })),
    'operand 1 invalid request parameters(s): {"verb"}',
  );
});

test("an address and this host resolve without asking, other names do not", () => {
  const lookUp = (name: string): Value => [...(call("net.lookup_ip_addr", name) as RegoSet)];
  assert.deepEqual(lookUp("10.0.0.1"), ["10.0.0.1"]);
  assert.deepEqual(lookUp("0:0::1"), ["::1"]);
  assert.deepEqual(lookUp("LocalHost"), ["127.0.0.1", "::1"]);
  assert.match(why(call("net.lookup_ip_addr", "example.com")), /^resolving names is not available/);
});

test("a policy is not told what it runs in", () => {
  assert.deepEqual(call("opa.runtime"), {});
});

test("all that ask the world are marked, so that repeatable tiers can leave them out", () => {
  assert.ok(REFUSED_BUILTINS.every((builtin) => builtin.isNondeterministic));
});

test("debugging holds and decides nothing", () => {
  assert.equal(call("trace", "note"), true);
  assert.equal(call("print", 1, "a"), true);
  assert.equal(call("internal.print", [RegoSet.of([])]), true);
  assert.equal(why(call("trace", 1)), "operand 1 must be string but got number");
});

test("the parts of a template are put together, the undefined ones too", () => {
  const parts = ["a ", RegoSet.of([[1, "b"]]), " ", RegoSet.of([]), " ", RegoSet.of(["c"]), 1, null, true];
  assert.equal(call("internal.template_string", parts), 'a [1, "b"] <undefined> c1nulltrue');
  assert.equal(
    why(call("internal.template_string", [RegoSet.of([1, 2])])),
    "template-strings must not produce multiple outputs",
  );
});
