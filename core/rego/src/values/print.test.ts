import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNumber } from "./big-number.ts";
import { quote, valueToText } from "./print.ts";
import { ObjectBuilder, RegoSet, type Value } from "./value.ts";

test("a value prints as it is written in a policy", () => {
  const big = parseNumber("123456789123456789123") as Value;
  for (const [value, expected] of [
    [null, "null"],
    [true, "true"],
    [1.5, "1.5"],
    [big, "123456789123456789123"],
    ["a\n", '"a\\n"'],
    [[], "[]"],
    [[1, "a"], '[1, "a"]'],
    [{}, "{}"],
    [{ b: [1], a: { c: null } }, '{"a": {"c": null}, "b": [1]}'],
    [RegoSet.of([]), "set()"],
    [RegoSet.of([3, "x", 1]), '{1, 3, "x"}'],
    [RegoSet.of([RegoSet.of([])]), "{set()}"],
    [
      ObjectBuilder.from([
        ["a", 1],
        [null, 2],
        [[1], 3],
      ]),
      '{null: 2, "a": 1, [1]: 3}',
    ],
  ] as readonly [Value, string][])
    assert.equal(valueToText(value), expected);
});

test("a member called __proto__ prints like any other", () => {
  assert.equal(valueToText(JSON.parse('{"__proto__": 1}') as Value), '{"__proto__": 1}');
});

test("a text is quoted as a Go string literal", () => {
  for (const [text, quoted] of [
    ["plain ~!", '"plain ~!"'],
    ['"\\', '"\\"\\\\"'],
    ["\u0007\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'],
    ["\u0000\u001f\u007f", '"\\x00\\x1f\\x7f"'],
    ["é世😀", '"é世😀"'],
    ["\u00a0\u200b\u2028\ufeff", '"\\u00a0\\u200b\\u2028\\ufeff"'],
    ["\u{e0001}", '"\\U000e0001"'],
    ["'", '"\'"'],
    // A byte that is no part of UTF-8, and half a surrogate pair that is none.
    ["\udcff", '"\\xff"'],
    ["\ud800", '"\ufffd"'],
  ] as const)
    assert.equal(quote(text), quoted);
  assert.equal(quote("é😀'", { mark: "'", isAscii: true }), "'\\u00e9\\U0001f600\\''");
});

test("a value that shares its parts does not print without end", () => {
  let value: Value = [1];
  for (let i = 0; i < 60; i++) value = [value, value];
  assert.throws(() => valueToText(value, { lengthMax: 100_000 }), { name: "LimitExceeded", limit: "result-size" });
  assert.equal(valueToText([1, 2], { lengthMax: 6 }), "[1, 2]");
  assert.throws(() => valueToText([1, 2], { lengthMax: 5 }), { name: "LimitExceeded" });
});
