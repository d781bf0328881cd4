import { err, hex, isJsonObject, ok, parseHex, type Result } from "@vedette/base";
import type { ReferenceValuesError } from "./errors.ts";
import { PCR_COUNT, type PcrSelection, type PcrValues } from "./pcr.ts";
import { digestLength } from "./tpm-algorithms.ts";

/** What a healthy device of a class measures (RFC 9334 §4: reference values). */
export interface ReferenceValues {
  readonly bank: "sha256" | "sha384";
  /** PCR index (decimal) → accepted digests, lower-case hexadecimal. */
  readonly pcrs: Readonly<Record<string, readonly string[]>>;
}

/** What appraisal has to say about one PCR, or about the attester as a whole. */
export type AppraisalReason =
  | { readonly code: "PCR_UNEXPECTED"; readonly pcr: number; readonly value: string }
  | { readonly code: "PCR_UNREFERENCED"; readonly pcr: number }
  | { readonly code: "SOFTWARE_ATTESTER" };

/** A class has at most a few dozen images in the field at once; each changes a PCR once. */
export const REFERENCE_DIGESTS_MAX = 256;

/** Closed schema: `{ bank, pcrs: { "0": [hex, …] } }`, nothing else. `path` of the error names the first wrong member. */
export function parseReferenceValues(input: unknown): Result<ReferenceValues, ReferenceValuesError> {
  if (!isJsonObject(input)) return malformed("");
  const { bank, pcrs, ...others } = input;
  const [other] = Object.keys(others);
  if (other !== undefined) return malformed(other);
  if (bank !== "sha256" && bank !== "sha384") return malformed("bank");
  if (!isJsonObject(pcrs)) return malformed("pcrs");
  const parsed: Record<string, readonly string[]> = {};
  for (const [index, digests] of Object.entries(pcrs)) {
    const accepted = parseDigests(digests, digestLength[bank]);
    if (!isPcrIndex(index) || !accepted) return malformed(`pcrs.${index}`);
    parsed[index] = accepted;
  }
  return ok({ bank, pcrs: parsed });
}

/**
 * What does not match, in the order of the PCRs; empty when every value is one of its reference values. A PCR without
 * reference values is said to be so, and one with an empty list accepts nothing.
 */
export function compareToReferenceValues(
  selection: PcrSelection,
  values: PcrValues,
  reference: ReferenceValues,
): readonly AppraisalReason[] {
  const reasons: AppraisalReason[] = [];
  for (const pcr of selection.pcrs) {
    const isReferenced = reference.bank === selection.bank && Object.hasOwn(reference.pcrs, pcr);
    const accepted = isReferenced ? reference.pcrs[pcr] : undefined;
    const value = hex(values[pcr] ?? new Uint8Array(0));
    if (!accepted) reasons.push({ code: "PCR_UNREFERENCED", pcr });
    else if (!accepted.includes(value)) reasons.push({ code: "PCR_UNEXPECTED", pcr, value });
  }
  return reasons;
}

function isPcrIndex(text: string): boolean {
  return /^(0|[1-9]\d?)$/.test(text) && Number(text) < PCR_COUNT;
}

function parseDigests(input: unknown, length: number): readonly string[] | undefined {
  if (!Array.isArray(input) || input.length > REFERENCE_DIGESTS_MAX) return undefined;
  const digests: string[] = [];
  for (const digest of input) {
    const bytes = typeof digest === "string" ? parseHex(digest) : undefined;
    if (!bytes?.ok || bytes.value.length !== length) return undefined;
    digests.push(hex(bytes.value));
  }
  return digests;
}

function malformed(path: string): Result<never, ReferenceValuesError> {
  return err({ code: "REFERENCE_VALUES_MALFORMED", path });
}
