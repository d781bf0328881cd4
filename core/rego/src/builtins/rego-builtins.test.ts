import assert from "node:assert/strict";
import { test } from "node:test";
import type { Crypto } from "@vedette/base";
import { type Builtin, type BuiltinContext, BuiltinFailure } from "./builtin.ts";
import { REGO_BUILTINS } from "./rego-builtins.ts";

const context: BuiltinContext = {
  now: 0n,
  // Parsing asks for neither.
  crypto: {} as Crypto,
  random: { bytes: (length) => new Uint8Array(length) },
  memo: new Map(),
  spend() {},
};

function parse(text: string): unknown {
  const result = (REGO_BUILTINS[0] as Builtin).run(context, "policy.rego", text);
  return result instanceof BuiltinFailure ? `${result.code}: ${result.message}` : result;
}

test("a module is parsed to its syntax tree", () => {
  assert.deepEqual(parse("package a\n# note"), {
    package: {
      path: [
        { type: "var", value: "data" },
        { type: "string", value: "a" },
      ],
    },
    comments: [{ Text: "IG5vdGU=", Location: { file: "policy.rego", row: 2, col: 1 } }],
  });
});

test("what is no module says where and why", () => {
  assert.match(
    String(parse("package a.")),
    /^eval_builtin_error: 1 error occurred: policy\.rego:1: rego_parse_error: unexpected eof token: expected ident/,
  );
  assert.match(String(parse("package a\nr := 0x1")), /^eval_builtin_error: [0-9]+ errors? occurred: policy\.rego:2: /);
});
