import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { layOutJson } from "./json-layout.ts";

function laidOut(text: string): string {
  const result = layOutJson(text);
  assert.ok(result.ok, text);
  return result.value;
}

test("members keep their order and numbers their letters; flat lists stay on one line", () => {
  assert.equal(
    laidOut('{"b":[1.0,2,{"a":1e5}],"a":["x","y"],"c":{},"d":[]}'),
    `{
  "b": [
    1.0,
    2,
    {
      "a": 1e5
    }
  ],
  "a": ["x", "y"],
  "c": {},
  "d": []
}
`,
  );
});

test("a long list takes a line for each of its items", () => {
  const names = Array.from({ length: 20 }, (_, index) => `"name-${index}"`);
  assert.equal(laidOut(`[${names}]`).split("\n").length, 23);
});

test("any document means the same, and is left as it is the second time", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      // Numbers that two readers may take for different ones are refused.
      fc.pre(layOutJson(text).ok);
      const once = laidOut(text);
      assert.deepEqual(JSON.parse(once), JSON.parse(text));
      assert.equal(laidOut(once), once);
    }),
  );
});

test("what is no JSON says where", () => {
  const result = layOutJson('{\n  "a": }');
  assert.deepEqual(!result.ok && [result.error.line, result.error.column], [2, 8]);
});
