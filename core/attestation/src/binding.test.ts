import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { InvariantError } from "@vedette/base";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import { type Binding, bindingDigest } from "./binding.ts";

const crypto = createNodeCrypto();
const bytes = (value: number) => new Uint8Array(32).fill(value);
const binding: Binding = {
  nonce: bytes(1),
  activationSecret: bytes(2),
  messageDigest: bytes(3),
  spki: generateKey("ES256").spki,
  journalSize: 0x1_0000_0002,
  journalRoot: bytes(4),
};

describe("the binding digest", () => {
  test("is the formula of PROTOCOLS 2.4, byte by byte", () => {
    const expected = createHash("sha256")
      .update("vedette/enrol/1")
      .update(binding.nonce)
      .update(binding.activationSecret)
      .update(binding.messageDigest)
      .update(createHash("sha256").update(binding.spki).digest())
      .update(Buffer.from("0000000100000002", "hex"))
      .update(binding.journalRoot)
      .digest();
    assert.deepEqual(Buffer.from(bindingDigest(binding, crypto)), expected);
  });

  test("changes with each of its parts", () => {
    const changes: readonly Partial<Binding>[] = [
      {},
      { nonce: bytes(9) },
      { activationSecret: bytes(9) },
      { messageDigest: bytes(9) },
      { spki: generateKey("ES256").spki },
      { journalSize: binding.journalSize + 1 },
      { journalRoot: bytes(9) },
    ];
    const digests = changes.map((change) =>
      Buffer.from(bindingDigest({ ...binding, ...change }, crypto)).toString("hex"),
    );
    assert.equal(new Set(digests).size, changes.length);
  });

  test("is only made of parts that have their fixed length", () => {
    const short = new Uint8Array(31);
    for (const part of ["nonce", "activationSecret", "messageDigest", "journalRoot"])
      assert.throws(() => bindingDigest({ ...binding, [part]: short }, crypto), InvariantError, part);
    for (const journalSize of [-1, 0.5, Number.NaN, 2 ** 53])
      assert.throws(() => bindingDigest({ ...binding, journalSize }, crypto), InvariantError);
  });
});
