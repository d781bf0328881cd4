import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseJson, valueToJson } from "../values/json.ts";
import type { Value } from "../values/value.ts";
import { parseYaml } from "./yaml.ts";
import { compareYamlKeys } from "./yaml-key-order.ts";
import { valueToYaml } from "./yaml-print.ts";

function read(text: string): string {
  const parsed = parseYaml(text);
  return parsed.ok ? valueToJson(parsed.value) : parsed.error.message;
}

test("what is written as YAML is read as the same value", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "binary", maxDepth: 4 }), (json) => {
      const value = parseJson(json);
      assert.ok(value.ok);
      assert.equal(read(valueToYaml(value.value)), valueToJson(value.value));
    }),
  );
});

test("strings that look like something else are written so that they are not", () => {
  const texts = ["", " a", "true", "no", "~", "1e5", "0x1f", "12:30", "2001-01-01", "- a", "a: b", "a #b", "---", "'"];
  for (const text of [...texts, "a\n", "\n", "a\n\n", " a\nb", "a \nb", "\ta", "\u0085", "😀", "key: |", "<<"])
    assert.equal(read(valueToYaml({ [text]: [text] })), JSON.stringify({ [text]: [text] }).replaceAll("<", "\\u003c"));
});

test("collections stand in block style, two spaces a level", () => {
  const value = { b: [1, { c: [], d: {} }, [2, [3]]], a: { x: "one\ntwo\n" } };
  assert.equal(
    valueToYaml(value),
    "a:\n  x: |\n    one\n    two\nb:\n  - 1\n  - c: []\n    d: {}\n  - - 2\n    - - 3\n",
  );
});

test("keys are sorted with the numbers in them, and a long one stands alone", () => {
  assert.equal(valueToYaml({ a10: 1, a9: 2, "1": 3, _: 4 }), '_: 4\n"1": 3\na9: 2\na10: 1\n');
  assert.equal(valueToYaml({ ["k".repeat(129)]: [1] }), `? ${"k".repeat(129)}\n: - 1\n`);
});

test("the order of keys is one", () => {
  const key = fc.string({ unit: fc.constantFrom("a", "B", "0", "1", "9", "_", "é"), maxLength: 4 });
  fc.assert(
    fc.property(key, key, (a, b) => {
      assert.equal(Math.sign(compareYamlKeys(a, b)), -Math.sign(compareYamlKeys(b, a)) + 0 || 0);
      assert.equal(compareYamlKeys(a, b) === 0, a === b);
    }),
  );
});

test("plain scalars are of YAML 1.2's core schema, with the octals of 1.1", () => {
  assert.equal(
    read("[yes, On, true, ~, null, 017, 0o17, 0x1F, 0b11, 1_000, .5, 5., +1, 1:30]"),
    '["yes","On",true,null,null,15,15,31,3,1000,0.5,5,1,"1:30"]',
  );
  assert.equal(read("[08, 1e3, 2001-01-01, 0x, -0x1f, .]"), '[8,1000,"2001-01-01","0x",-31,"."]');
  assert.match(read("a: .nan"), /unsupported value/);
});

test("a tag decides what a scalar is", () => {
  assert.equal(
    read('[!!str 1, !!int "3", !!float 2, !!binary aGk=, !!bool true, !!null "", !own 1]'),
    '["1",3,2,"hi",true,null,"1"]',
  );
  assert.equal(read("!!int x"), "yaml: cannot decode `x` as a !!int");
});

test("keys are strings, and merged members stand behind the map's own", () => {
  assert.equal(read("1: a\ntrue: b\n1.5: c"), '{"1":"a","1.5":"c","true":"b"}');
  assert.equal(read("[1]: a"), "yaml: invalid map key");
  const merged = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  c: 3\n  <<: [*x, *y]";
  assert.equal(read(merged), '{"x":{"a":1,"b":1},"y":{"b":2,"c":2},"z":{"a":1,"b":1,"c":3}}');
});

test("only the first document counts", () => {
  assert.equal(read("--- a\n--- [b"), '"a"');
  assert.equal(read("# nothing"), "null");
});

test("what is no YAML says so with its line", () => {
  assert.equal(read("a: 1\nb: [1,2"), "yaml: line 2: did not find expected ',' or ']'");
  assert.match(read("a: 'x"), /^yaml: line 1: /);
  assert.equal(read("a: \u0001"), "yaml: control characters are not allowed");
});

test("a bomb of aliases, an alias inside of itself and bottomless nesting are refused", () => {
  const bomb = Array.from({ length: 12 }, (_, i) => `a${i}: &a${i} [${i === 0 ? "x" : `*a${i - 1},`.repeat(9)}]`);
  assert.equal(read(bomb.join("\n")), "yaml: document contains excessive aliasing");
  assert.equal(read("&a [*a]"), "yaml: anchor 'a' value contains itself");
  assert.match(read("[".repeat(5_000) + "]".repeat(5_000)), /levels of nesting/);
});

test("nothing that is written makes the reader fail in a way of its own", () => {
  const pieces = ["a", ":", " ", "\n", "- ", "[", "]", "{", "}", ",", "&a ", "*a", "!!int ", "|", ">", "'", '"', "#"];
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...pieces, "? ", "---\n", "%YAML", "<<: ", "\t", "\\x", "\ud800")),
      (parts) => {
        const parsed = parseYaml(parts.join(""));
        if (parsed.ok) assert.doesNotThrow(() => valueToYaml(parsed.value as Value));
      },
    ),
  );
});
