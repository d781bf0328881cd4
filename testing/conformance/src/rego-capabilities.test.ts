import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { BUILTINS, capabilitiesToValue } from "@vedette/rego";
import { OPA, opaMissing } from "./rego-differential.ts";

interface Capabilities {
  readonly builtins: readonly ({ readonly name: string; readonly decl: object } & Readonly<Record<string, unknown>>)[];
  readonly features: readonly string[];
  readonly future_keywords: readonly string[];
}

/** The same twice here: schemas are never fetched. */
const REPEATABLE_HERE = ["json.match_schema", "json.verify_schema"];

/** What only a module with `import rego.v2` or a future keyword sees: a language that is still being made. */
const NOT_YET = { features: ["rego_v2", "rego_v2_import"], keywords: ["and", "not", "or"] };

test("builtins are OPA's: all of them, of the same types, repeatable where they are there", {
  skip: opaMissing,
}, () => {
  const theirs = capabilitiesOfOpa();
  const ours = JSON.parse(JSON.stringify(capabilitiesToValue(BUILTINS))) as Capabilities;
  const known = new Map(ours.builtins.map((builtin) => [builtin.name, builtin]));
  for (const builtin of theirs.builtins) {
    const { name } = builtin;
    const own = known.get(name);
    assert.ok(own !== undefined, `there is no ${name}`);
    assert.deepEqual(own.decl, withoutProse(builtin.decl), name);
    assert.deepEqual([own["infix"], own["relation"]], [builtin["infix"], builtin["relation"]], name);
    const isRepeatable = builtin["nondeterministic"] !== true || REPEATABLE_HERE.includes(name);
    assert.equal(own["nondeterministic"] !== true, isRepeatable, name);
  }
  assert.deepEqual(
    ours.builtins.map(({ name }) => name),
    theirs.builtins.map(({ name }) => name).toSorted(),
  );
});

test("features are OPA's but for those of the next version of the language", { skip: opaMissing }, () => {
  const theirs = capabilitiesOfOpa();
  const ours = JSON.parse(JSON.stringify(capabilitiesToValue(BUILTINS))) as Capabilities;
  assert.deepEqual([...ours.features, ...NOT_YET.features].toSorted(), theirs.features.toSorted());
  assert.deepEqual([...ours.future_keywords, ...NOT_YET.keywords].toSorted(), theirs.future_keywords.toSorted());
});

function capabilitiesOfOpa(): Capabilities {
  const text = execFileSync(OPA ?? "opa", ["capabilities", "--current"], { encoding: "utf8" });
  return JSON.parse(text) as Capabilities;
}

/** Names of operands and what they mean are documentation; what is left is a type. */
function withoutProse(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutProse);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value);
  const isType = "type" in value;
  return Object.fromEntries(
    members
      .filter(([key]) => !isType || (key !== "name" && key !== "description"))
      .map(([key, item]) => [key, withoutProse(item)]),
  );
}
