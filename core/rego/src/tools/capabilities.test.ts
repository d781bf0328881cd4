import assert from "node:assert/strict";
import { test } from "node:test";
import { BUILTINS } from "../builtins/registry.ts";
import { capabilitiesToValue, REFUSED_CALLS } from "./capabilities.ts";

interface Listed {
  readonly builtins: readonly {
    readonly name: string;
    readonly infix?: string;
    readonly decl: { readonly type: string };
  }[];
  readonly future_keywords: readonly string[];
  readonly features: readonly string[];
}

function listed(
  ...options: Parameters<typeof capabilitiesToValue> extends [unknown, ...infer Rest] ? Rest : never
): Listed {
  return JSON.parse(JSON.stringify(capabilitiesToValue(BUILTINS, ...options)));
}

test("capabilities list every builtin once, in order, with what it takes and gives", () => {
  const names = listed().builtins.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)].sort());
  assert.deepEqual(
    listed().builtins.find(({ name }) => name === "plus"),
    {
      name: "plus",
      decl: { args: [{ type: "number" }, { type: "number" }], result: { type: "number" }, type: "function" },
      infix: "+",
    },
  );
  for (const name of ["eq", "assign", "http.send", "rego.metadata.chain"]) assert.ok(names.includes(name), name);
});

test("a tier leaves out what it refuses, and keeps what only needs a clock or chance", () => {
  const edge = listed({ tier: "edge" }).builtins.map(({ name }) => name);
  for (const { name, tiers } of REFUSED_CALLS) assert.equal(edge.includes(name), !tiers.includes("edge"), name);
  for (const name of ["rand.intn", "uuid.rfc4122", "time.now_ns"]) assert.ok(edge.includes(name), name);
  assert.ok(listed({ tier: "gate" }).builtins.length > edge.length);
});

test("keywords are to be imported in v0 alone", () => {
  assert.deepEqual(listed().future_keywords, []);
  assert.deepEqual(listed({ regoVersion: 0 }).future_keywords, ["contains", "every", "if", "in"]);
  assert.ok(listed().features.includes("rego_v1"));
});

test("what is refused is a builtin that there is, with a reason", () => {
  for (const { name, reason } of REFUSED_CALLS) {
    assert.ok(
      BUILTINS.some((builtin) => builtin.name === name),
      name,
    );
    assert.ok(reason.length > 20, name);
  }
});
