import assert from "node:assert/strict";
import { test } from "node:test";
import { testCreateCaller } from "./builtin-fixture.test.ts";
import { URI_BUILTINS } from "./uri-builtins.ts";

const call = testCreateCaller(URI_BUILTINS);

test("a URI is taken apart, without its user, and without what is empty", () => {
  const parts = {
    fragment: "frag x",
    hostname: "example.com",
    path: "/a/b/c",
    port: "8080",
    raw_path: "/a%2Fb/c",
    raw_query: "x=1&y=%20",
    scheme: "https",
  };
  const text = "https://user:pa%20ss@example.com:8080/a%2Fb/c?x=1&y=%20#frag%20x";
  assert.deepEqual(JSON.parse(call("uri.parse", text)), parts);
  assert.equal(call("uri.parse", ""), "{}");
  assert.equal(call("uri.parse", "//"), "{}");
  assert.deepEqual(JSON.parse(call("uri.parse", "mailto:a@b.c")), { scheme: "mailto" });
});

test("a path is told as written where its escapes hide something", () => {
  const rawPath = (text: string) => JSON.parse(call("uri.parse", text)).raw_path;
  assert.equal(rawPath("http://h/%2f..%2fadmin"), "/%2f..%2fadmin");
  assert.equal(rawPath("http://h/%41"), "/%41");
  // As Go writes it: the usual escapes are no trick.
  assert.equal(rawPath("http://h/a%20b"), "/a b");
});

test("addresses stand in brackets, and their zones behind an escaped percent sign", () => {
  const hostname = (text: string) => JSON.parse(call("uri.parse", text)).hostname;
  assert.equal(hostname("http://[::1]:80/"), "::1");
  assert.equal(hostname("http://[fe80::1%25en0]/"), "fe80::1%en0");
  for (const text of ["http://[zz]/", "http://[1.2.3.4]/", "http://[]/", "http://[::1", "//[::1%25]", "http://::1/"])
    assert.equal(call("uri.is_valid", text), "false", text);
});

test("what Go's net/url refuses is no URI, and neither is the empty text", () => {
  const refused = [
    "%zz",
    ":foo",
    "1http://x",
    "x\u0001y",
    " http://h",
    "http://a b/",
    "http://h:port/",
    "http://h:80:90/",
    "http://us er@h/",
    "http://h%20x/",
    "http://%41/",
    "http://h\\x/",
    "http://h/%zz",
    "http://h/#%zz",
  ];
  for (const text of refused) {
    assert.equal(call("uri.is_valid", text), "false", text);
    assert.match(call("uri.parse", text), /is no URI$/);
  }
  for (const text of ["a", "*", "./a:b", "?q", "#f", "http://ü/", "http://a..b/", "http://h/?a=%zz"])
    assert.equal(call("uri.is_valid", text), "true", text);
  assert.equal(call("uri.is_valid", ""), "false");
  assert.equal(call("uri.is_valid", 1), "false");
  assert.equal(call("uri.parse", 1), "operand 1 must be string but got number");
});
