import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ObjectBuilder, RegoSet, type Value } from "../values/value.ts";
import { testCreateCaller, testCreateContext } from "./builtin-fixture.test.ts";
import { ENCODING_BUILTINS } from "./encoding-builtins.ts";

const call = testCreateCaller(ENCODING_BUILTINS);
const anyText = fc.string({ unit: "binary" });

test("what is encoded is decoded again", () => {
  const pairs = [
    ["base64.encode", "base64.decode"],
    ["base64url.encode", "base64url.decode"],
    ["base64url.encode_no_pad", "base64url.decode"],
    ["hex.encode", "hex.decode"],
    ["urlquery.encode", "urlquery.decode"],
    ["json.marshal", "json.unmarshal"],
    ["yaml.marshal", "yaml.unmarshal"],
  ] as const;
  fc.assert(
    fc.property(anyText, fc.constantFrom(...pairs), (text, [encode, decode]) => {
      assert.equal(JSON.parse(call(decode, JSON.parse(call(encode, text)))), text, encode);
    }),
  );
});

test("bytes that are no text go from one encoding to another unharmed", () => {
  assert.equal(call("hex.encode", "\udcff\udc80"), '"ff80"');
  const decode = ENCODING_BUILTINS.find(({ name }) => name === "base64.decode");
  const encode = ENCODING_BUILTINS.find(({ name }) => name === "hex.encode");
  const bytes = decode?.run(testCreateContext(), "/4A=") as Value;
  assert.equal(encode?.run(testCreateContext(), bytes), "ff80");
});

test("a query's values keep their order below sorted keys", () => {
  const encoded = call("urlquery.encode_object", { b: ["2", "1"], a: "x y", c: RegoSet.of(["q"]) });
  assert.equal(JSON.parse(encoded), "a=x+y&b=2&b=1&c=q");
  assert.equal(call("urlquery.decode_object", "b=2&a=%41&b=1&c"), '{"a":["A"],"b":["2","1"],"c":[""]}');
  assert.equal(call("urlquery.decode_object", "a;b"), "invalid semicolon separator in query");
  assert.equal(call("urlquery.decode", "%zz"), 'invalid URL escape "%zz"');
  assert.match(call("urlquery.encode_object", { a: 1 }), /^operand 1 values must be string, array/);
});

test("what is not hexadecimal or base64 says where", () => {
  assert.equal(call("hex.decode", "6g"), "encoding/hex: invalid byte: U+0067 'g'");
  assert.equal(call("hex.decode", "6"), "encoding/hex: odd length hex string");
  assert.equal(call("base64.decode", "YQ=!"), "illegal base64 data at input byte 2");
});

test("JSON is laid out as the options say, and prefix and indent imply pretty", () => {
  assert.equal(JSON.parse(call("json.marshal_with_options", { a: [1] }, {})), '{"a":[1]}');
  assert.equal(
    JSON.parse(call("json.marshal_with_options", { a: [1] }, { indent: "-", prefix: ">" })),
    '>{\n>-"a": [\n>--1\n>-]\n>}',
  );
  assert.equal(JSON.parse(call("json.marshal_with_options", [1], { indent: "-", pretty: false })), "[1]");
  assert.equal(call("json.marshal_with_options", 1, { foo: 1 }), 'operand 2 object contained unknown key "foo"');
  assert.equal(call("json.marshal_with_options", 1, { pretty: 1 }), 'operand 2 key "pretty" failed cast to bool');
});

test("validity is asked of any value, and what is no string is not valid", () => {
  for (const name of ["json.is_valid", "yaml.is_valid", "base64.is_valid"]) {
    assert.equal(call(name, ""), name === "json.is_valid" ? "false" : "true", name);
    assert.equal(call(name, 1), "false", name);
  }
});

test("numbers keep their digits on the way through JSON and YAML", () => {
  for (const name of ["json.unmarshal", "yaml.unmarshal"])
    assert.equal(call(name, "123456789012345678901234567890"), "123456789012345678901234567890");
});

test("keys that are no strings are their JSON", () => {
  assert.equal(JSON.parse(call("yaml.marshal", ObjectBuilder.from([[[1], "x"]]))), "'[1]': x\n");
});
