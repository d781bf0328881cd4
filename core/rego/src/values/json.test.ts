import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BigNumber } from "./big-number.ts";
import { parseJson, valueToJson } from "./json.ts";
import { JSON_DEPTH_MAX } from "./json-scanner.ts";
import { isEqual, ObjectBuilder, RegoSet, type Value } from "./value.ts";

function parsed(text: string): Value {
  const result = parseJson(text);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

function fault(text: string): { readonly message: string; readonly offset: number } {
  const result = parseJson(text);
  assert.ok(!result.ok, `accepted ${text.slice(0, 40)}`);
  return result.error;
}

test("what JSON.stringify writes is the same value, and so is what we write of it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, "", "  "), (json, indent) => {
      const value = parsed(JSON.stringify(json));
      assert.ok(isEqual(value, json as Value));
      const layout = indent === undefined ? {} : { indent };
      assert.ok(isEqual(parsed(valueToJson(value, layout)), value));
    }),
  );
});

test("nothing is accepted that JSON.parse refuses, and nothing refused that it accepts", () => {
  const piece = fc.constantFrom(...'{}[],:"\\a0-.1eE+ \n', "true", "null", '"a"', "\\u0041", "\u0001");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join("");
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      assert.equal(parseJson(text).ok, isJson, text);
    }),
    { numRuns: 3000 },
  );
});

test("an escaped name is never taken for the name of a member that another text had", () => {
  // Each text is read after one whose member's name begins with the other's escape as it is written.
  const pairs: readonly (readonly [string, string, string])[] = [
    [String.raw`{"a":1,"\\":2}`, String.raw`{"a":1,"\n":3}`, "\n"],
    [String.raw`{"b":1,"\\":2}`, String.raw`{"b":1,"\"":3}`, '"'],
    [String.raw`{"c":1,"\\u006":2}`, String.raw`{"c":1,"\u0061dmin":3}`, "admin"],
    [String.raw`{"d":1,"\\":2}`, String.raw`{"d":1,"\u0000":12345678901234567890}`, "\0"],
  ];
  for (const [before, text, name] of pairs) {
    parsed(before);
    assert.deepEqual(Object.keys(parsed(text) as object).slice(1), [name]);
  }
});

test("a text that JSON.parse would misread is read the same otherwise", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      const text = JSON.stringify(json);
      const [, value] = parsed(`[{"\\u0061": 1}, ${text}]`) as readonly Value[];
      assert.ok(isEqual(value as Value, parsed(text)));
    }),
  );
  assert.deepEqual(parsed(' {"\\u0061" : [ ] , "b":[1 , {} ,"\\"x\\\\"]} '), { a: [], b: [1, {}, '"x\\'] });
  const own = parsed('{"\\u005f_proto__": {"admin": true}, "x": 1, "x": 2}') as { readonly [key: string]: Value };
  assert.deepEqual(Object.keys(own), ["__proto__", "x"]);
  assert.deepEqual([own["x"], own["admin"]], [2, undefined]);
});

test("numbers keep every digit, wherever they stand", () => {
  const text = '{"a":[12345678901234567891,0.1],"b":{"c":-1.00000000000000000000001}}';
  assert.equal(valueToJson(parsed(text)), text);
  assert.ok(parsed("9007199254740993") instanceof BigNumber);
  assert.equal(parsed("9007199254740992"), 9007199254740992);
  assert.equal(valueToJson(parsed("[1.0,1e3,-0]")), "[1,1000,0]");
  assert.equal(fault("[1e1000000000]").offset, 1);
});

test("the last of members with one name stands, also when numbers are large", () => {
  assert.deepEqual(parsed('{"a":1,"a":2}'), { a: 2 });
  assert.equal(valueToJson(parsed('{"a":1,"a":12345678901234567891}')), '{"a":12345678901234567891}');
  assert.equal(valueToJson(parsed('{"a":12345678901234567891,"a":1}')), '{"a":1}');
});

test("a member called __proto__ is a member", () => {
  for (const text of ['{"__proto__":{"admin":true}}', '{"__proto__":{"admin":12345678901234567891}}']) {
    const value = parsed(text) as { readonly [key: string]: Value };
    assert.deepEqual(Object.keys(value), ["__proto__"]);
    assert.equal(value["admin"], undefined);
    assert.equal(valueToJson(value), text);
  }
});

test("half of a surrogate pair becomes the replacement character", () => {
  assert.deepEqual(parsed('["\\ud800", "\\udc80x", "\\ud83d\\ude00", "\\ud800\\ud83d\\ude00", "\\\\ud800"]'), [
    "\ufffd",
    "\ufffdx",
    "😀",
    "\ufffd😀",
    "\\ud800",
  ]);
  assert.deepEqual(parsed('{"\\udc80":1}'), { "\ufffd": 1 });
  assert.equal(parsed('"\ud800"'), "\ufffd");
});

test("a fault says where it is", () => {
  for (const [text, offset, message] of [
    ["", 0, "unexpected end of the text"],
    ["[1,2", 4, "unexpected end of the text"],
    ['{"a":}', 5, 'unexpected "}"'],
    ['{"a" 1}', 5, 'unexpected "1"'],
    ["[1] x", 4, 'unexpected "x"'],
    ["01", 1, 'unexpected "1"'],
    ['"\\x"', 1, "an escape that JSON has not"],
    ['"a\nb"', 2, 'unexpected "\\n"'],
    ["[1, 1e99999]", 4, "a number that is too big"],
  ] as const)
    assert.deepEqual(fault(text), { message, offset });
});

test("nesting ends where walking the value would need too much stack", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  assert.equal(valueToJson(parsed(nested(JSON_DEPTH_MAX))), nested(JSON_DEPTH_MAX));
  assert.equal(fault(nested(JSON_DEPTH_MAX + 1)).offset, JSON_DEPTH_MAX);
  assert.equal(fault("[".repeat(1_000_000)).offset, JSON_DEPTH_MAX);
});

test("sets are sorted arrays, and keys that are no strings their own text", () => {
  assert.equal(valueToJson(RegoSet.of(["b", 1, RegoSet.of([])])), '[1,"b",[]]');
  const object = ObjectBuilder.from([
    ["z", 1],
    [true, 2],
    [["<"], 3],
    [1, "number"],
    ["1", "string"],
  ]);
  assert.equal(valueToJson(object), '{"1":"string","[\\"\\\\u003c\\"]":3,"true":2,"z":1}');
});

test("what HTML and JavaScript would take for their own is escaped", () => {
  assert.equal(valueToJson("<a>&\u2028\u2029é\u0007\u007f"), '"\\u003ca\\u003e\\u0026\\u2028\\u2029é\\u0007\u007f"');
});

test("lines are indented, and begin with the prefix but for the first", () => {
  assert.equal(
    valueToJson({ a: [1, []], b: {} }, { indent: "\t", prefix: "> " }),
    '{\n> \t"a": [\n> \t\t1,\n> \t\t[]\n> \t],\n> \t"b": {}\n> }',
  );
  assert.equal(valueToJson({ a: 1 }, { prefix: "> " }), '{"a":1}');
});

test("a text beyond its limit is refused", () => {
  let value: Value = ["a"];
  for (let i = 0; i < 60; i++) value = [value, value];
  assert.throws(() => valueToJson(value, { lengthMax: 100_000 }), { name: "LimitExceeded", limit: "result-size" });
  assert.equal(valueToJson([1, 2], { lengthMax: 5 }), "[1,2]");
  assert.throws(() => valueToJson([1, 2], { lengthMax: 4 }), { name: "LimitExceeded" });
});
