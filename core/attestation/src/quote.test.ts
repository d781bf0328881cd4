import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concatBytes, utf8 } from "@vedette/base";
import { createFakeTpm, createFakeTpmMaker, type QuoteLies } from "@vedette/fakes";
import { createNodeCrypto } from "@vedette/runtime";
import type { PcrSelection } from "./pcr.ts";
import { type QuoteEvidence, type QuoteExpectation, verifyQuote } from "./quote.ts";
import { TPM_ATTEST_LENGTH_MAX } from "./tpm-attest.ts";
import { TPM_SIGNATURE_LENGTH_MAX } from "./tpm-signature.ts";

const crypto = createNodeCrypto();
const maker = createFakeTpmMaker("TPM maker");
const tpm = createFakeTpm(maker);
const pcrs = [0, 2, 7, 16, 23];
const selection: PcrSelection = { bank: "sha256", pcrs };
const extraData = crypto.hash("sha256", utf8("binding"));
tpm.extendPcr(7, crypto.hash("sha256", utf8("boot loader")));

function evidenceOf(lies: QuoteLies = {}): QuoteEvidence {
  return { akPublic: tpm.akPublic, ...tpm.quote(extraData, pcrs, lies), pcrValues: tpm.pcrValues(pcrs) };
}

function refusalOf(evidence: QuoteEvidence, expected: QuoteExpectation = { selection, extraData }): string {
  const verified = verifyQuote(evidence, expected, crypto);
  return verified.ok ? "none" : verified.error.code;
}

describe("a quote", () => {
  for (const akType of ["P-256", "P-384", "RSA"] as const)
    test(`by an ${akType} key over what was asked for is verified, and its clock handed on`, () => {
      const other = createFakeTpm(maker, { akType });
      const quote = other.quote(extraData, pcrs, { resetCount: 42, isClockSafe: false });
      const evidence = { akPublic: other.akPublic, ...quote, pcrValues: other.pcrValues(pcrs) };
      const verified = verifyQuote(evidence, { selection, extraData }, crypto);
      assert.ok(verified.ok);
      const clock = { milliseconds: 123_456, resetCount: 42, restartCount: 0, isSafe: false };
      assert.deepEqual(verified.value.clock, clock);
      assert.deepEqual(verified.value.ak.name, other.akName);
    });

  test("made by hand, without TPM_GENERATED, is refused", () => {
    assert.equal(refusalOf(evidenceOf({ magic: 0xff54_4346 })), "ATTEST_MAGIC_WRONG");
  });

  test("is not a Certify, although the same key signs one", () => {
    const certified = { ...evidenceOf(), ...tpm.certify(extraData) };
    assert.deepEqual(verifyQuote(certified, { selection, extraData }, crypto), {
      ok: false,
      error: { code: "ATTEST_NOT_A_QUOTE", type: 0x8017 },
    });
  });

  test("by an unrestricted key is refused, however right its bytes are", () => {
    const loose = createFakeTpm(maker, { akAttributes: 0x0004_0472 });
    const quote = loose.quote(extraData, pcrs);
    const evidence = { akPublic: loose.akPublic, ...quote, pcrValues: loose.pcrValues(pcrs) };
    assert.equal(refusalOf(evidence), "AK_ATTRIBUTES_WRONG");
  });

  test("for another nonce, TLS key or message is refused", () => {
    const expected = { selection, extraData: crypto.hash("sha256", utf8("another binding")) };
    assert.equal(refusalOf(evidenceOf(), expected), "QUOTE_BINDING_MISMATCH");
    assert.equal(refusalOf({ ...evidenceOf(), ...tpm.quote(extraData.subarray(1), pcrs) }), "QUOTE_BINDING_MISMATCH");
  });

  test("over fewer, more or other PCRs, another bank or two of them is refused", () => {
    const over = (other: readonly number[]) => ({ ...evidenceOf(), ...tpm.quote(extraData, other) });
    assert.equal(refusalOf(over([0, 2, 7, 16])), "QUOTE_SELECTION_MISMATCH");
    assert.equal(refusalOf(over([...pcrs, 22])), "QUOTE_SELECTION_MISMATCH");
    assert.equal(refusalOf(over([0, 2, 8, 16, 23])), "QUOTE_SELECTION_MISMATCH");
    assert.equal(refusalOf(over([])), "QUOTE_SELECTION_MISMATCH");
    assert.equal(refusalOf(evidenceOf({ bankId: 0x0004 })), "QUOTE_SELECTION_MISMATCH");
    assert.equal(refusalOf(evidenceOf({ bankId: 0x000c })), "QUOTE_SELECTION_MISMATCH");
    assert.equal(refusalOf(evidenceOf({ isSelectionDoubled: true })), "QUOTE_SELECTION_MISMATCH");
  });

  test("with a bank that nobody knows is no quote", () => {
    assert.equal(refusalOf(evidenceOf({ bankId: 0x7fff })), "TPM_STRUCTURE_MALFORMED");
  });

  test("does not vouch for other values than those it digests", () => {
    const pcrValues = tpm.pcrValues(pcrs);
    const better = { ...pcrValues, "7": new Uint8Array(32) };
    const swapped = { ...pcrValues, "0": pcrValues["7"]!, "7": pcrValues["0"]! };
    assert.equal(refusalOf({ ...evidenceOf(), pcrValues: better }), "QUOTE_PCR_DIGEST_MISMATCH");
    assert.equal(refusalOf({ ...evidenceOf(), pcrValues: swapped }), "QUOTE_PCR_DIGEST_MISMATCH");
    assert.equal(refusalOf(evidenceOf({ pcrDigest: new Uint8Array(32) })), "QUOTE_PCR_DIGEST_MISMATCH");
  });

  test("needs exactly one value of the bank's length for each PCR", () => {
    const { "0": first, ...rest } = tpm.pcrValues(pcrs);
    const code = "QUOTE_PCR_VALUES_MALFORMED";
    assert.equal(refusalOf({ ...evidenceOf(), pcrValues: rest }), code);
    assert.equal(refusalOf({ ...evidenceOf(), pcrValues: { ...rest, "1": first! } }), code);
    assert.equal(refusalOf({ ...evidenceOf(), pcrValues: { ...rest, "0": first!, "1": first! } }), code);
    assert.equal(refusalOf({ ...evidenceOf(), pcrValues: { ...rest, "0": first!.subarray(1) } }), code);
    assert.equal(refusalOf({ ...evidenceOf(), pcrValues: Object.create({ ...rest, "0": first! }) }), code);
  });

  test("signed by another key, or for other bytes, is refused", () => {
    const other = createFakeTpm(maker).quote(extraData, pcrs);
    assert.equal(refusalOf({ ...evidenceOf(), quoteSignature: other.quoteSignature }), "QUOTE_SIGNATURE_INVALID");
    assert.equal(refusalOf({ ...evidenceOf(), akPublic: createFakeTpm(maker).akPublic }), "QUOTE_SIGNATURE_INVALID");
    const { quoteSignature } = tpm.quote(extraData, pcrs, { resetCount: 1 });
    assert.equal(refusalOf({ ...evidenceOf(), quoteSignature }), "QUOTE_SIGNATURE_INVALID");
  });

  test("may not choose its signature scheme: the key does", () => {
    const { quoteSignature, ...evidence } = evidenceOf();
    const otherHash = new Uint8Array(quoteSignature);
    otherHash[3] = 0x0c;
    assert.equal(refusalOf({ ...evidence, quoteSignature: otherHash }), "QUOTE_SIGNATURE_INVALID");
    const asRsa = concatBytes(Uint8Array.of(0x00, 0x14, 0x00, 0x0b, 0x00, 0x40), new Uint8Array(64));
    assert.equal(refusalOf({ ...evidence, quoteSignature: asRsa }), "QUOTE_SIGNATURE_INVALID");
    const longer = concatBytes(Uint8Array.of(0x00, 0x18, 0x00, 0x0b, 0x00, 0x21), new Uint8Array(33 + 2));
    assert.equal(refusalOf({ ...evidence, quoteSignature: longer }), "QUOTE_SIGNATURE_INVALID");
  });

  test("is refused when any of its structures is cut anywhere", () => {
    const evidence = evidenceOf();
    for (const field of ["akPublic", "quoted", "quoteSignature"] as const)
      for (let length = 0; length < evidence[field].length; length++)
        assert.notEqual(
          refusalOf({ ...evidence, [field]: evidence[field].subarray(0, length) }),
          "none",
          `${field} cut to ${length}`,
        );
  });

  test("is refused when any of its structures goes on after its end, or is larger than any", () => {
    const evidence = evidenceOf();
    const longer = (bytes: Uint8Array) => concatBytes(bytes, Uint8Array.of(0));
    assert.equal(refusalOf({ ...evidence, quoted: longer(evidence.quoted) }), "TPM_STRUCTURE_MALFORMED");
    assert.equal(
      refusalOf({ ...evidence, quoteSignature: longer(evidence.quoteSignature) }),
      "TPM_STRUCTURE_MALFORMED",
    );
    const oversized = { quoted: new Uint8Array(TPM_ATTEST_LENGTH_MAX + 1) };
    assert.equal(refusalOf({ ...evidence, ...oversized }), "TPM_STRUCTURE_TOO_LARGE");
    const signature = { quoteSignature: new Uint8Array(TPM_SIGNATURE_LENGTH_MAX + 1) };
    assert.equal(refusalOf({ ...evidence, ...signature }), "TPM_STRUCTURE_TOO_LARGE");
  });
});

describe("mutated evidence", () => {
  const evidence = evidenceOf();

  test("is never accepted when a single bit of it is turned, and never throws", () => {
    for (const field of ["akPublic", "quoted", "quoteSignature"] as const)
      for (let bit = 0; bit < evidence[field].length * 8; bit++) {
        const changed = new Uint8Array(evidence[field]);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        assert.equal(isAccepted({ ...evidence, [field]: changed }), false, `${field}, bit ${bit}`);
      }
  });

  test("is never accepted after seeded splices, and never throws", () => {
    const next = seededNumbers(0x5eed_0001);
    for (let round = 0; round < 4_000; round++) {
      const field = (["akPublic", "quoted", "quoteSignature"] as const)[next() % 3]!;
      const changed = splice(evidence[field], next);
      if (Buffer.from(changed).equals(evidence[field])) continue;
      assert.equal(isAccepted({ ...evidence, [field]: changed }), false, `round ${round}, ${field}`);
    }
  });
});

/** Attributes that no rule reads may differ, but then the key has another Name, for which the TPM activates nothing. */
function isAccepted(evidence: QuoteEvidence): boolean {
  const verified = verifyQuote(evidence, { selection, extraData }, crypto);
  return verified.ok && Buffer.from(verified.value.ak.name).equals(tpm.akName);
}

function splice(bytes: Uint8Array, next: () => number): Uint8Array {
  const at = next() % bytes.length;
  const dropped = next() % 4;
  const inserted = Uint8Array.from({ length: next() % 4 }, () => [0, 1, 0x7f, 0x80, 0xff, next() & 0xff][next() % 6]!);
  return concatBytes(bytes.subarray(0, at), inserted, bytes.subarray(at + dropped));
}

/** Mulberry32: small, seeded, good enough to wander through inputs. */
function seededNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
