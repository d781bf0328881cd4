import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseTarget, TARGET_LENGTH_MAX } from "./request-target.ts";

const reasonOf = (target: string) => {
  const parsed = parseTarget(target);
  return parsed.ok ? `read as ${parsed.value.path}` : parsed.error.reason;
};

test("a plain path and its query are read as they stand", () => {
  assert.deepEqual(parseTarget("/prices/42?currency=EUR&q=%2F"), {
    ok: true,
    value: { path: "/prices/42", query: "currency=EUR&q=%2F" },
  });
  assert.deepEqual(parseTarget("/folder/"), { ok: true, value: { path: "/folder/", query: "" } });
});

test("two spellings of one path become one", () => {
  assert.equal(reasonOf("/%61dmin"), reasonOf("/admin"));
  assert.equal(reasonOf("/caf%c3%a9"), reasonOf("/caf%C3%A9"));
});

test("a path that another server may read differently is refused", () => {
  const refused: Readonly<Record<string, string>> = {
    "/a/../admin": "segments",
    "/a/%2e%2e/admin": "segments",
    "/a/.%2E/admin": "segments",
    "/./admin": "segments",
    "//admin": "segments",
    "/a//b": "segments",
    "/a%2Fb": "encoding",
    "/a%2fb": "encoding",
    "/a%5Cb": "encoding",
    "/a%00": "encoding",
    "/a%0d%0aHost:x": "encoding",
    "/a%zz": "encoding",
    "/a%": "encoding",
    "/a\\b": "characters",
    "/a#b": "characters",
    "/a b": "characters",
    "/ä": "characters",
    "http://other.example.org/": "form",
    "other.example.org:443": "form",
    "*": "form",
    "": "form",
    [`/${"a".repeat(TARGET_LENGTH_MAX)}`]: "form",
  };
  for (const [target, reason] of Object.entries(refused)) assert.equal(reasonOf(target), reason, target);
});

test("reading a path again changes nothing, and no reading holds a dot segment or an encoded separator", () => {
  const character = fc.constantFrom(..."ab./%25eEfFcC0123?#\\ ~_-".split(""));
  fc.assert(
    fc.property(fc.string({ unit: character, maxLength: 24 }), (text) => {
      const first = parseTarget(`/${text}`);
      if (!first.ok) return;
      assert.deepEqual(parseTarget(first.value.path), { ok: true, value: { path: first.value.path, query: "" } });
      assert.doesNotMatch(first.value.path, /\/\.{1,2}(\/|$)|\/\/|%2F|%5C|%2E/i);
    }),
  );
});
