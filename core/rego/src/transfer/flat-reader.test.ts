import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BUILTINS } from "../builtins/registry.ts";
import { assertSound, type SoundProgram } from "../compile/verify-program.ts";
import { bindProgram } from "../evaluate/query.ts";
import { testCompile } from "../evaluate/query-fixture.test.ts";
import { runParts } from "../parts.ts";
import { parseNumber } from "../values/big-number.ts";
import { isEqual, ObjectBuilder, RegoSet, type Value } from "../values/value.ts";
import type { FlatCode } from "./flat-code.ts";
import { readFlatCode } from "./flat-reader.ts";
import { FlatWriter } from "./flat-writer.ts";

const MODULE = `package a

import rego.v1

f(x) := count(x)

p contains x if some x in input.list

q[k] := v if some k, v in data.b

q[7].x contains 1 if input.x

r if { every x in p { x > 0 } } else := false

s := v if { v := f([1]) with f as 2 }

t := v if { v := f(p) with count as sum with data.b as {"c": 1} with input.list as [] }

u := [data.b, {data.b}, {1: data.b, "a": [99999999999999999999, 0.5, null]}]

w := [x | some name; x := data.c[name].d; not x == input.none; startswith(x, "a")]
`;

function flatten(data: Value = { b: { c: 1 } }): FlatCode {
  return write(data, bindProgram(testCompile(MODULE, OTHER).program, data));
}

function write(data: Value, program: SoundProgram): FlatCode {
  const writer = new FlatWriter();
  writer.value(data);
  writer.program(program);
  return writer.finish();
}

/** Asks about all of a package of other rules. */
const OTHER = `package c

import rego.v1

e.d := 1

g contains name if some name, _ in data.c.h

h[x] := 1 if some x in input.list
`;

const read = (flat: FlatCode) =>
  runParts(
    readFlatCode(flat, BUILTINS, function* (reader) {
      return { data: reader.value(), program: yield* reader.program() };
    }),
  );

test("a program that was read is written as it was, without the statements of its source", () => {
  const flat = flatten();
  const back = read(flat);
  assert.ok(back.ok, JSON.stringify(back));
  assert.deepEqual(back.value.program.statements, []);
  assert.deepEqual(write(back.value.data, back.value.program), flat);
});

test("data that stands in many places is written once, and is one value again", () => {
  const list = Array.from({ length: 1_000 }, (_, i) => `item-${i}`);
  const one = flatten({ b: { list } });
  const many = flatten({ b: { list, again: list, nested: [list, [list]] } });
  assert.ok(many.values.length < one.values.length + 100);
  const back = read(many);
  assert.ok(back.ok);
  const { b } = back.value.data as { readonly b: { readonly list: Value; readonly again: Value } };
  assert.equal(b.list, b.again);
});

test("a constant whose parts are shared a hundred levels deep is verified as fast as it is written", () => {
  let nested: Value = [1];
  for (let level = 0; level < 100; level++) nested = level % 2 === 0 ? [nested, nested] : { a: nested, b: nested };
  const { program } = testCompile("package a\n\np := 1");
  const [only] = program.procedures;
  assert.ok(only);
  const emit = { op: "emit" as const, values: [{ op: "constant" as const, value: nested }] };
  const clauses = only.clauses.map((clause) => ({ ...clause, body: [emit] }));
  const back = read(write(null, assertSound({ ...program, procedures: [{ ...only, clauses }] })));
  assert.ok(back.ok);
});

const arbitraryValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Value>(null, true, false, 0, 1, 2 ** 31, -(2 ** 31), 0.1, parseNumber("1e400")!),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    fc.string({ unit: "binary" }),
    fc.array(tie("value")),
    fc.array(tie("value")).map((items) => RegoSet.of(items)),
    fc.array(fc.tuple(tie("value"), tie("value"))).map((entries) => ObjectBuilder.from(entries)),
    fc
      .array(fc.tuple(fc.constantFrom("__proto__", "a", "constructor"), tie("value")))
      .map((entries) => ObjectBuilder.from(entries)),
  ),
})).value;

const NOTHING = bindProgram(testCompile("package a").program, {});

test("any value is read as it was written", () => {
  fc.assert(
    fc.property(arbitraryValue, (value) => {
      const writer = new FlatWriter();
      writer.value(value);
      writer.program(NOTHING);
      const back = read(writer.finish());
      assert.ok(back.ok);
      assert.ok(isEqual(back.value.data, value));
    }),
  );
});

test("whatever the arrays hold, what comes out is a verified program or a refusal", () => {
  const flat = flatten();
  const arrays = ["code", "values"] as const;
  fc.assert(
    fc.property(fc.constantFrom(...arrays), fc.nat(), fc.integer({ min: -3, max: 40 }), (name, at, number) => {
      const changed = flat[name].slice();
      changed[at % changed.length] = number;
      const back = read({ ...flat, [name]: changed });
      if (!back.ok) assert.equal(back.error.code, "CODE_UNSOUND");
    }),
    { numRuns: 2_000 },
  );
});

test("a refusal says what is wrong", () => {
  const flat = flatten();
  const fault = (change: Partial<FlatCode>): string => {
    const back = read({ ...flat, ...change });
    return back.ok ? "" : back.error.fault;
  };
  assert.equal(fault({}), "");
  assert.equal(fault({ code: flat.code.slice(0, -1) }), "a list is longer than the code");
  assert.equal(fault({ code: Int32Array.of(...flat.code, 0) }), "the code goes on behind its end");
  const renamed = flat.texts.map((text) => (text === "startswith" ? "no.such" : text));
  assert.equal(fault({ texts: renamed }), "there is no builtin no.such");
  const shorter = flat.texts.map((text) => (text === "startswith" ? "count" : text));
  assert.match(fault({ texts: shorter }), /count has 1 operands, not 2/);
  assert.equal(fault({ numbers: Float64Array.of(Number.NaN) }), "no number");
  assert.equal(fault({ texts: [1 as never] }), "no flat code");
  // A list within itself.
  assert.equal(fault({ values: Int32Array.of(7, 1, 0) }), "a part of a value that is not there");
});

test("a program says more than its depth allows, and is refused", () => {
  // Sixty thousand negations within each other.
  const nested = Array.from({ length: 60_000 }, () => [1, 6]).flat();
  const code = Int32Array.of(0, 1, 0, 0, 0, 0, 1, ...nested);
  assert.ok(!runParts(readFlatCode({ ...flatten(), code }, BUILTINS, (reader) => reader.program())).ok);
});
