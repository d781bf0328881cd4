import assert from "node:assert/strict";
import { test } from "node:test";
import { testCreateCaller, testCreateContext } from "./builtin-fixture.test.ts";
import { UUID_BUILTINS } from "./uuid-builtins.ts";

const call = testCreateCaller(UUID_BUILTINS);

test("a key has one random UUID for as long as the query lasts", () => {
  const [first, second] = [testCreateContext(), testCreateContext()].map((query) =>
    testCreateCaller(UUID_BUILTINS, query),
  );
  assert.ok(first && second);
  const uuid = first("uuid.rfc4122", "key");
  assert.match(uuid, /^"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$/);
  assert.equal(first("uuid.rfc4122", "key"), uuid);
  assert.notEqual(first("uuid.rfc4122", "other"), uuid);
  assert.notEqual(second("uuid.rfc4122", "key"), uuid);
});

test("a UUID made of time says when and where", () => {
  assert.equal(
    call("uuid.parse", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    '{"clocksequence":180,"macvariables":"global:unicast","nodeid":"00-c0-4f-d4-30-c8","time":886630433151182400,"variant":"RFC4122","version":1}',
  );
  assert.equal(
    call("uuid.parse", "000003e8-48b9-21ee-b200-325096b39f47"),
    '{"clocksequence":12800,"domain":"Person","id":1000,"macvariables":"local:unicast","nodeid":"32-50-96-b3-9f-47","time":1693566990121469600,"variant":"RFC4122","version":2}',
  );
});

test("a UUID is read in each of its forms, and is else undefined", () => {
  const random = '{"variant":"RFC4122","version":4}';
  for (const text of [
    "00000000-0000-4000-8000-000000000000",
    "{00000000-0000-4000-8000-000000000000}",
    "urn:uuid:00000000-0000-4000-8000-000000000000",
    "00000000000040008000000000000000",
  ])
    assert.equal(call("uuid.parse", text), random, text);
  for (const text of ["", "x", "00000000-0000-4000-8000-00000000000g", "00000000+0000-4000-8000-000000000000"])
    assert.equal(call("uuid.parse", text), "undefined", text);
  assert.equal(call("uuid.parse", 1), "operand 1 must be string but got number");
});
