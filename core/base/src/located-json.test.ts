import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type LocatedJson, parseListedJson, parseLocatedJson } from "./located-json.ts";

const limits = { length: 10_000, depth: 64 };

function located(text: string): LocatedJson {
  const parsed = parseLocatedJson(text, limits);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

function refusal(text: string): { code: string; line: number; column: number; expected: string } {
  const parsed = parseLocatedJson(text, limits);
  assert.ok(!parsed.ok, `accepted ${text}`);
  return parsed.error;
}

test("what JSON.stringify writes is read back to the same value", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), fc.constantFrom(undefined, 2, "\t"), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const parsed = parseLocatedJson(text, limits);
      if (parsed.ok) assert.deepEqual(parsed.value.value, JSON.parse(text));
      else assert.ok(["JSON_NUMBER_INEXACT", "JSON_STRING_INVALID"].includes(parsed.error.code), text);
    }),
  );
});

test("a member name that comes again is found among few and among many, wherever it stands", () => {
  for (const count of [1, 8, 9, 40])
    for (const again of [0, count - 1]) {
      const names = Array.from({ length: count }, (_, i) => `"n${i}": 0`);
      located(`{${names.join(",")}}`);
      assert.equal(refusal(`{${[...names, names[again]].join(",")}}`).code, "JSON_KEY_DUPLICATE");
    }
});

test("nothing is accepted that JSON.parse refuses", () => {
  const pieces = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "a",
    "0",
    "-",
    ".",
    "1",
    "e",
    "true",
    "null",
    " ",
    "\n",
    "\\u00",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      if (parseLocatedJson(text, limits).ok) assert.doesNotThrow(() => JSON.parse(text), text);
    }),
    { numRuns: 2_000 },
  );
});

test("every member's position is the line and column where it stands", () => {
  const text = '{\n  "rules": [\n    { "id": "r1" },\n    { "a/b": { "~x": 7 } }\n  ]\n}';
  const json = located(text);
  assert.deepEqual(json.positionOf(""), { line: 1, column: 1 });
  assert.deepEqual(json.positionOf("/rules"), { line: 2, column: 12 });
  assert.deepEqual(json.positionOf("/rules", "key"), { line: 2, column: 3 });
  assert.deepEqual(json.positionOf("/rules/0/id"), { line: 3, column: 13 });
  assert.deepEqual(json.positionOf("/rules/1/a~1b/~0x"), { line: 4, column: 22 });
});

test("a member that is missing is located at its nearest parent", () => {
  const json = located('{\n "rules": [{}]\n}');
  assert.deepEqual(json.positionOf("/rules/0/subject/type"), { line: 2, column: 12 });
  assert.deepEqual(json.positionOf("/rules/7"), { line: 2, column: 11 });
});

test("the position of each member leads back to its value", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.integer(), { maxKeys: 6 }), (members) => {
      const text = JSON.stringify(members, null, 1);
      const json = located(text);
      for (const [key, value] of Object.entries(members)) {
        const { line, column } = json.positionOf(`/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
        assert.ok(
          text
            .split("\n")
            [line - 1]?.slice(column - 1)
            .startsWith(String(value)),
        );
      }
    }),
  );
});

test("a duplicate name is refused where it stands the second time, however it is escaped", () => {
  assert.deepEqual(refusal('{"a": 1,\n "\\u0061": 2}'), {
    code: "JSON_KEY_DUPLICATE",
    line: 2,
    column: 2,
    expected: "each member name once",
  });
});

test("a syntax error says where it is and what was expected", () => {
  assert.deepEqual(refusal('{\n  "a": 1\n  "b": 2\n}'), {
    code: "JSON_SYNTAX",
    line: 3,
    column: 3,
    expected: '"," or "}"',
  });
  assert.match(refusal('{"a": }').expected, /^a value/);
  assert.match(refusal("{a: 1}").expected, /member name in double quotes/);
  assert.match(refusal('{"a" 1}').expected, /":"/);
  assert.match(refusal('["\n"]').expected, /closing quote/);
  assert.match(refusal('["\\x"]').expected, /escape/);
  assert.match(refusal("[1] 2").expected, /end of the text/);
});

test("trailing commas, comments, leading zeros, NaN, a byte order mark and an empty text are refused", () => {
  for (const text of ["[1,]", "[1] // x", "[01]", "[NaN]", "\ufeff[]", "", " ", "[+1]", "[.5]", "[1.]", "nul"])
    assert.equal(refusal(text).code, "JSON_SYNTAX", text);
});

test("numbers that a double does not carry are refused", () => {
  for (const text of ["[1e400]", "[9007199254740993]", "[-1e21]"])
    assert.equal(refusal(text).code, "JSON_NUMBER_INEXACT");
  assert.deepEqual(located("[9007199254740991, -0.1, 1e3]").value, [9_007_199_254_740_991, -0.1, 1_000]);
});

test("lone surrogates are refused, pairs are read", () => {
  assert.equal(refusal('["\\ud800"]').code, "JSON_STRING_INVALID");
  assert.equal(refusal('["\ud800"]').code, "JSON_STRING_INVALID");
  assert.deepEqual(located('["\\ud83d\\ude00", "😀"]').value, ["😀", "😀"]);
});

test("nesting is allowed up to the limit and refused one deeper", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert.ok(parseLocatedJson(nested(64), limits).ok);
  const tooDeep = refusal(nested(65));
  assert.deepEqual([tooDeep.code, tooDeep.column], ["JSON_TOO_DEEP", 65]);
  assert.equal(refusal("[".repeat(9_000)).code, "JSON_TOO_DEEP");
});

test("a text is read up to the length limit and refused one character beyond", () => {
  assert.ok(parseLocatedJson("[1]", { length: 3, depth: 1 }).ok);
  const refused = parseLocatedJson("[10]", { length: 3, depth: 1 });
  assert.equal(!refused.ok && refused.error.code, "JSON_TOO_LARGE");
});

test("a member named __proto__ is an ordinary member", () => {
  const { value } = located('{"__proto__": {"isAdmin": true}}');
  assert.deepEqual(Object.keys(value as object), ["__proto__"]);
  assert.equal((value as Record<string, unknown>)["isAdmin"], undefined);
});

test("a long list is left out of the document, and its items are the ones that stand there", () => {
  const document = fc.record({ before: fc.jsonValue(), list: fc.array(fc.jsonValue()), after: fc.jsonValue() });
  fc.assert(
    fc.property(document, fc.constantFrom(undefined, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const whole = parseLocatedJson(text, limits);
      const listed = parseListedJson(text, limits, "list");
      assert.equal(listed.ok, whole.ok);
      if (!whole.ok || !listed.ok) return;
      const { value: rest, items, positionOf } = listed.value;
      assert.ok(items);
      const read = Array.from({ length: items.length }, (_, index) => items.at(index));
      assert.deepEqual({ ...(rest as object), list: read }, { ...(whole.value.value as object) });
      assert.deepEqual(positionOf("/list/0"), whole.value.positionOf("/list/0"));
    }),
  );
});

test("only a list of that name in the document itself is one", () => {
  for (const text of ['{"a": 1}', '{"list": {}}', '{"a": {"list": [1]}}', '[{"list": [1]}]', '[["list"]]']) {
    const parsed = parseListedJson(text, limits, "list");
    assert.ok(parsed.ok);
    assert.equal(parsed.value.items, undefined);
    assert.deepEqual(parsed.value.value, JSON.parse(text));
  }
});

test("an item is as strict as the document around it", () => {
  for (const [text, code] of [
    ['{"list": [1, {"a": 1, "a": 2}]}', "JSON_KEY_DUPLICATE"],
    ['{"list": [1, 01]}', "JSON_SYNTAX"],
    ['{"list": [1], "list": [2]}', "JSON_KEY_DUPLICATE"],
    ['{"list": [1', "JSON_SYNTAX"],
    [`{${Array.from({ length: 40 }, (_, i) => `"k${i}": 0`).join()}, "k3": 1}`, "JSON_KEY_DUPLICATE"],
  ] as const) {
    const parsed = parseListedJson(text, limits, "list");
    assert.equal(!parsed.ok && parsed.error.code, code, text);
  }
});
