import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isJsonObject, type Json } from "./canonical-json.ts";
import { readJson } from "./read-json.ts";

test("a text that somebody sent before does not rename the members of another", () => {
  readJson(String.raw`{"first":1,"\\":2}`);
  assert.deepEqual(readJson(String.raw`{"first":1,"\n":3}`), { first: 1, "\n": 3 });
  readJson(String.raw`{"second":1,"\\u0072ole":2}`);
  assert.deepEqual(readJson(String.raw`{"second":1,"\u0072ole":3}`), { second: 1, role: 3 });
});

test("the fault that we go round is there, or this file may go", (t) => {
  JSON.parse(String.raw`{"third":1,"\\":2}`);
  const [, name] = Object.keys(JSON.parse(String.raw`{"third":1,"\n":3}`));
  if (name === "\n") t.diagnostic("JSON.parse of this Node reads escaped names well: nodejs/node#63785 is gone");
  else assert.equal(name, "\\");
});

test("names with escapes are own members, `__proto__` and repeated ones too", () => {
  const value = readJson(String.raw`{ "\u005f_proto__" : {"a":1} , "x\ty" : [ ] , "x\ty" : [-1.5e3 , null,true] }`);
  assert.deepEqual(Object.entries(value ?? {}), [
    ["__proto__", { a: 1 }],
    ["x\ty", [-1500, null, true]],
  ]);
});

test("what is no JSON is refused, whatever its names", () => {
  for (const text of [
    "",
    "{",
    String.raw`{"\n":1`,
    String.raw`{"\x":1}`,
    String.raw`{"\n":01}`,
    String.raw`{"\n":1,}`,
    "'a'",
  ])
    assert.throws(() => readJson(text), SyntaxError, text);
});

test("every text is read as it was written, however its names are escaped", () => {
  const name = fc.oneof(fc.string(), fc.constantFrom("\\", "\n", '"', "\\n", "\\u0072", "__proto__"));
  const { value } = fc.letrec<{ value: Json; list: Json; members: Json }>((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, fc.jsonValue() as fc.Arbitrary<Json>, tie("list"), tie("members")),
    list: fc.array(tie("value"), { maxLength: 4 }),
    members: fc.dictionary(name, tie("value"), { maxKeys: 4 }),
  }));
  fc.assert(
    fc.property(value, fc.constantFrom("", " ", "\n\t"), (written, space) => {
      const plain = JSON.stringify(written);
      assert.equal(JSON.stringify(readJson(plain)), plain);
      assert.equal(JSON.stringify(readJson(withEscapedNames(written, space))), plain);
    }),
  );
});

function withEscapedNames(value: Json, space: string): string {
  const list = (items: readonly string[]) => space + items.join(`${space},${space}`) + space;
  if (Array.isArray(value)) return `[${list(value.map((item) => withEscapedNames(item, space)))}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => {
    const units = Array.from({ length: name.length }, (_, i) => name.charCodeAt(i).toString(16).padStart(4, "0"));
    return `"${units.map((unit) => `\\u${unit}`).join("")}"${space}:${space}${withEscapedNames(member, space)}`;
  });
  return `{${list(members)}}`;
}
