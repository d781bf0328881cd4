import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJson, RegoSet } from "@vedette/rego";
import { PolicyValue, reportToJson } from "./json-text.ts";

test("a report keeps the order of its members and leaves out what is undefined", () => {
  assert.equal(
    reportToJson({ b: 1, a: undefined, list: [], object: {}, nested: [{ x: "<" }] }),
    `{
  "b": 1,
  "list": [],
  "object": {},
  "nested": [
    {
      "x": "\\u003c"
    }
  ]
}`,
  );
});

test("values of a policy are indented with what is around them, with all their digits", () => {
  const number = parseJson("[12345678901234567890]");
  assert.ok(number.ok);
  assert.equal(
    reportToJson({ value: new PolicyValue(number.value), set: new PolicyValue(RegoSet.of([2, 1])) }),
    `{
  "value": [
    12345678901234567890
  ],
  "set": [
    1,
    2
  ]
}`,
  );
});
