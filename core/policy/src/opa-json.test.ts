import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { opaJson } from "./opa-json.ts";

test("white space and order vanish, the value stays", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
      const text = opaJson(JSON.stringify(value, null, indent));
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      assert.equal(opaJson(text), text);
      assert.equal(opaJson(JSON.stringify(value)), text);
    }),
  );
});

test("numbers stay letter for letter, as Go's json.Number keeps them", () => {
  assert.equal(opaJson('{"c": 1.0, "b": 1e3, "a": -0.10}'), '{"a":-0.10,"b":1e3,"c":1.0}');
});

test("names are sorted by their UTF-8 bytes, not by UTF-16", () => {
  assert.equal(opaJson('{"\u{1f600}":1,"\uffee":2,"a":3,"ab":4}'), '{"a":3,"ab":4,"\uffee":2,"\u{1f600}":1}');
});

test("strings are written as Go writes them without HTML escapes", () => {
  assert.equal(
    opaJson('"<a href=\\u0022x\\u0022>\\/&\\u2028\\u007f\\u0001"'),
    '"<a href=\\"x\\">/&\\u2028\u007f\\u0001"',
  );
});
