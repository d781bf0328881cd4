import assert from "node:assert/strict";
import { test } from "node:test";
import { type Crypto, canonicalJson, hex, instant, type Json, type JsonObject, utf8 } from "@vedette/base";
import { createNodeCrypto } from "@vedette/runtime";
import { ENTRY_LENGTH_MAX } from "@vedette/tlog";
import fc from "fast-check";
import { DECISIONS_MAX } from "./decision-batch.ts";
import { decisionsIn, encodeLeaf, type Leaf, numbersIn, parseLeaf } from "./leaf.ts";

const crypto: Crypto = createNodeCrypto();

const decision: Leaf = {
  kind: "decision",
  number: 41,
  record: { decision_id: "41", input: { method: "GET" }, path: "gateway/http", result: { effect: "deny" } },
};
const decisions: Leaf = {
  kind: "decisions",
  decisions: [
    { number: 41, record: { input: { method: "GET" }, path: "gateway/http", result: { effect: "deny" } } },
    { number: 43, record: { input: { method: "PUT" }, path: "gateway/http", result: { effect: "deny" } } },
  ],
};
const leaves: readonly Leaf[] = [
  decision,
  { kind: "gap", from: 7, to: 9, atMost: 2 },
  { kind: "summary", principal: "*", from: instant(1), to: instant(2), count: 2, firstNumber: 5, lastNumber: 8 },
  { kind: "event", name: "start", at: instant(1_700_000_000_000), facts: { version: "0.1.0" } },
  decisions,
];

test("every kind of leaf survives encoding and parsing", () => {
  for (const leaf of leaves) assert.deepEqual(parseLeaf(bytesOf(leaf)), { ok: true, value: leaf });
});

test("the bytes of a leaf are for ever: version, kind, canonical JSON", () => {
  assert.equal(
    hex(bytesOf({ kind: "gap", from: 7, to: 9, atMost: 2 })),
    `0102${hex(utf8('{"atMost":2,"from":7,"to":9}'))}`,
  );
  assert.deepEqual(
    leaves.map((leaf) => bytesOf(leaf)[1]),
    [1, 2, 3, 4, 5],
  );
  assert.equal(
    Buffer.from(bytesOf(decisions)).toString("latin1"),
    '\x02\x05{"decisions":[{"number":41,"record":{"input":{"method":"GET"}}},{"number":43,"record":{"input":{"method":"PUT"}}}],' +
      '"shared":{"path":"gateway/http","result":{"effect":"deny"}}}',
  );
});

test("any record survives encoding and parsing", () => {
  const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.dictionary(fc.string(), json), (number, fields) => {
      // -0 has no canonical text of its own, and the prototype is no field.
      const record = JSON.parse(canonicalJson({ ...fields })) as JsonObject;
      const bytes = bytesOf({ kind: "decision", number, record });
      const parsed = parseLeaf(bytes);
      assert.ok(parsed.ok);
      assert.deepEqual(bytesOf(parsed.value), bytes);
    }),
  );
});

test("any records of one leaf survive encoding and parsing, each whole and under its number", () => {
  const json = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>;
  // Few names, so that records have members in common, and some of them the same value.
  const member = fc.tuple(fc.constantFrom("a", "b", "__proto__", "toString", ""), fc.oneof(fc.constant(1), json));
  const record = fc.array(member, { maxLength: 4 }).map((members) => Object.fromEntries(members));
  const numbers = fc.uniqueArray(fc.maxSafeNat(), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(numbers, fc.array(record, { minLength: 5, maxLength: 5 }), (unsorted, records) => {
      const several = unsorted
        .toSorted((a, b) => a - b)
        .map((number, i) => ({ number, record: JSON.parse(canonicalJson(records[i] ?? {})) as JsonObject }));
      const bytes = bytesOf({ kind: "decisions", decisions: several });
      const parsed = parseLeaf(bytes);
      assert.ok(parsed.ok);
      assert.deepEqual(
        decisionsIn(parsed.value).map(({ number, record: whole }) => [number, canonicalJson(whole)]),
        several.map(({ number, record: whole }) => [number, canonicalJson(whole)]),
      );
      assert.deepEqual(bytesOf(parsed.value), bytes);
    }),
  );
});

test("a leaf of another version is refused politely", () => {
  const bytes = bytesOf(decision);
  bytes[0] = 3;
  assert.deepEqual(parseLeaf(bytes), { ok: false, error: { code: "LEAF_VERSION_UNKNOWN", version: 3 } });
});

test("a kind in a version that is not its own is no leaf", () => {
  for (const leaf of leaves) {
    const bytes = bytesOf(leaf);
    bytes[0] = leaf.kind === "decisions" ? 1 : 2;
    assert.deepEqual(parseLeaf(bytes), { ok: false, error: { code: "LEAF_MALFORMED" } }, leaf.kind);
  }
});

test("a hostile leaf of several decisions is refused: one alone, none, too many, a number twice, a member twice or in the wrong place", () => {
  const one = '{"number":1,"record":{"a":1}}';
  const many = Array.from({ length: DECISIONS_MAX + 1 }, (_, number) => `{"number":${number},"record":{}}`);
  for (const json of [
    "{}",
    '{"decisions":[]}',
    '{"decisions":[],"shared":{}}',
    `{"decisions":[${one}],"shared":{}}`,
    `{"decisions":{"0":${one}},"shared":{}}`,
    `{"decisions":[${one},{"number":2,"record":{"a":2}}]}`,
    `{"decisions":[${one},{"number":2,"record":{"a":2}}],"shared":[]}`,
    `{"decisions":[${one},{"number":2,"record":{"a":2}}],"extra":1,"shared":{}}`,
    `{"decisions":[${one},{"number":1,"record":{"a":2}}],"shared":{}}`,
    `{"decisions":[{"number":2,"record":{"a":2}},${one}],"shared":{}}`,
    `{"decisions":[${one},{"number":1.5,"record":{"a":2}}],"shared":{}}`,
    `{"decisions":[${one},{"number":2,"record":[]}],"shared":{}}`,
    `{"decisions":[${one},{"number":2}],"shared":{}}`,
    `{"decisions":[${one},{"number":2,"record":{"a":2},"x":1}],"shared":{}}`,
    `{"decisions":[${one},null],"shared":{}}`,
    // What is alike stands in `shared` alone, and nothing stands there that a record says otherwise.
    `{"decisions":[${one},{"number":2,"record":{"a":1}}],"shared":{}}`,
    `{"decisions":[${one},{"number":2,"record":{}}],"shared":{"a":1}}`,
    `{"decisions":[${one},{"number":2,"record":{"a":2}}],"shared":{"a":3}}`,
    `{"decisions":[${many.join(",")}],"shared":{}}`,
    `{"decisions":${"[".repeat(30_000)}${"]".repeat(30_000)},"shared":{}}`,
  ])
    assert.deepEqual(
      parseLeaf(Uint8Array.of(2, 5, ...utf8(json))),
      { ok: false, error: { code: "LEAF_MALFORMED" } },
      json.slice(0, 200),
    );
});

test("what encodeLeaf would not have written is no leaf", () => {
  for (const [kind, json] of [
    [0, "{}"],
    [5, "{}"],
    [1, ""],
    [1, "{"],
    [1, "[]"],
    [1, '{"number":1}'],
    [1, '{"number":1,"record":[]}'],
    [1, '{"number":-1,"record":{}}'],
    [1, '{"number":1.5,"record":{}}'],
    [1, '{"number":1,"record":{},"risk":0}'],
    [1, '{"number":1, "record":{}}'],
    [1, '{"record":{},"number":1}'],
    [1, '{"number":1,"record":{"a":1,"a":1}}'],
    [2, '{"atMost":4,"from":7,"to":9}'],
    [2, '{"atMost":0,"from":9,"to":7}'],
    [3, '{"count":0,"firstNumber":1,"from":0,"lastNumber":1,"principal":"p","to":0}'],
    [3, '{"count":3,"firstNumber":1,"from":0,"lastNumber":2,"principal":"p","to":0}'],
    [4, '{"at":"now","facts":{},"name":"start"}'],
  ] as const)
    assert.deepEqual(
      parseLeaf(Uint8Array.of(1, kind, ...utf8(json))),
      { ok: false, error: { code: "LEAF_MALFORMED" } },
      json,
    );
  assert.deepEqual(parseLeaf(Uint8Array.of(1)), { ok: false, error: { code: "LEAF_MALFORMED" } });
  assert.equal(parseLeaf(Uint8Array.of(1, 1, 0xff)).ok, false);
});

test("a decision about a huge input keeps everything but the input, which leaves its hash and length", () => {
  const input = { body: "x".repeat(ENTRY_LENGTH_MAX) };
  const parsed = parseLeaf(bytesOf({ kind: "decision", number: 1, record: { input, result: "deny" } }));
  const canonical = utf8(canonicalJson(input));
  const digest = { sha256: hex(crypto.hash("sha256", canonical)), length: canonical.length, truncated: true };
  assert.deepEqual(parsed, {
    ok: true,
    value: { kind: "decision", number: 1, record: { input: digest, result: "deny" } },
  });
});

test("the largest leaf fits whole, one byte more loses its input", () => {
  const padded = (length: number) => ({ kind: "decision", number: 1, record: { input: "x".repeat(length) } }) as const;
  const room = ENTRY_LENGTH_MAX - bytesOf(padded(0)).length;
  assert.equal(bytesOf(padded(room)).length, ENTRY_LENGTH_MAX);
  assert.ok(bytesOf(padded(room + 1)).length < 200);
});

test("a leaf that does not fit even so is refused, so that the caller denies", () => {
  const record = { result: "x".repeat(ENTRY_LENGTH_MAX) };
  const encoded = encodeLeaf({ kind: "decision", number: 1, record }, crypto);
  assert.equal(!encoded.ok && encoded.error.code, "LEAF_TOO_LARGE");
  assert.equal(parseLeaf(new Uint8Array(ENTRY_LENGTH_MAX + 1)).ok, false);
});

test("a decision accounts for one number, several for as many, a summary for those it counts, others for none", () => {
  assert.deepEqual(leaves.map(numbersIn), [1, 0, 2, 0, 2]);
});

function bytesOf(leaf: Leaf): Uint8Array {
  const encoded = encodeLeaf(leaf, crypto);
  assert.ok(encoded.ok);
  return encoded.value;
}
