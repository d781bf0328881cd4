import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { verdictOf } from "./attestation-result.ts";
import type { PcrSelection } from "./pcr.ts";
import { compareToReferenceValues, parseReferenceValues, REFERENCE_DIGESTS_MAX } from "./reference-values.ts";

const zeros = "00".repeat(32);
const ones = "11".repeat(32);
const selection: PcrSelection = { bank: "sha256", pcrs: [0, 7] };
const values = { "0": new Uint8Array(32), "7": new Uint8Array(32).fill(0x11) };

function appraise(pcrs: Readonly<Record<string, readonly string[]>>, bank: string = "sha256") {
  const parsed = parseReferenceValues({ bank, pcrs });
  assert.ok(parsed.ok);
  const reasons = compareToReferenceValues(selection, values, parsed.value);
  return { verdict: verdictOf(reasons), reasons };
}

describe("reference values", () => {
  test("that hold every reported value affirm", () => {
    assert.deepEqual(appraise({ "0": [ones, zeros], "7": [ones] }), { verdict: "affirming", reasons: [] });
  });

  test("that know another value contraindicate, and say which PCR", () => {
    assert.deepEqual(appraise({ "0": [zeros], "7": [zeros] }), {
      verdict: "contraindicated",
      reasons: [{ code: "PCR_UNEXPECTED", pcr: 7, value: ones }],
    });
  });

  test("that are silent about a PCR only warn", () => {
    const reasons = [{ code: "PCR_UNREFERENCED", pcr: 7 }];
    assert.deepEqual(appraise({ "0": [zeros] }), { verdict: "warning", reasons });
  });

  test("that are silent about one PCR do not soften what they say about another", () => {
    assert.equal(appraise({ "7": [zeros] }).verdict, "contraindicated");
  });

  test("that accept nothing for a PCR refuse every value of it", () => {
    assert.equal(appraise({ "0": [], "7": [ones] }).verdict, "contraindicated");
  });

  test("of another bank say nothing about this one", () => {
    const longer = "00".repeat(48);
    assert.equal(appraise({ "0": [longer], "7": [longer] }, "sha384").verdict, "warning");
  });

  test("about PCRs that were not asked for do not matter", () => {
    assert.equal(appraise({ "0": [zeros], "7": [ones], "8": [zeros] }).verdict, "affirming");
  });

  test("in capital letters are the same digests", () => {
    const text = `${"ab".repeat(31)}cd`;
    const parsed = parseReferenceValues({ bank: "sha256", pcrs: { "0": [text.toUpperCase()] } });
    assert.deepEqual(parsed, { ok: true, value: { bank: "sha256", pcrs: { "0": [text] } } });
  });

  for (const [what, input, path] of [
    ["nothing", undefined, ""],
    ["a list", [], ""],
    ["an unknown member", { bank: "sha256", pcrs: {}, pcr: {} }, "pcr"],
    ["no bank", { pcrs: {} }, "bank"],
    ["the SHA-1 bank", { bank: "sha1", pcrs: {} }, "bank"],
    ["no PCRs", { bank: "sha256" }, "pcrs"],
    ["a PCR that does not exist", { bank: "sha256", pcrs: { "24": [zeros] } }, "pcrs.24"],
    ["a PCR written in two ways", { bank: "sha256", pcrs: { "07": [zeros] } }, "pcrs.07"],
    ["a PCR with one digest instead of a list", { bank: "sha256", pcrs: { "7": zeros } }, "pcrs.7"],
    ["a digest of another bank", { bank: "sha256", pcrs: { "7": ["00".repeat(20)] } }, "pcrs.7"],
    ["a digest that is none", { bank: "sha256", pcrs: { "7": ["zz".repeat(32)] } }, "pcrs.7"],
    ["too many digests", { bank: "sha256", pcrs: { "7": new Array(REFERENCE_DIGESTS_MAX + 1).fill(zeros) } }, "pcrs.7"],
  ] as const)
    test(`with ${what} are refused where they are wrong`, () => {
      const error = { code: "REFERENCE_VALUES_MALFORMED", path };
      assert.deepEqual(parseReferenceValues(input), { ok: false, error });
    });
});
