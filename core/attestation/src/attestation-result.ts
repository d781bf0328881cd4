import type { Instant } from "@vedette/base";
import type { NodeKeys } from "./admission.ts";
import type { AppraisalReason } from "./reference-values.ts";
import type { TpmClock } from "./tpm-attest.ts";

export type Verdict = "affirming" | "warning" | "contraindicated";

/** What the verifier found out about an attester (RFC 9334 §8.4). Its evidence was good; the verdict says what it showed. */
export interface AttestationResult {
  readonly verdict: Verdict;
  readonly reasons: readonly AppraisalReason[];
  readonly attester: "tpm" | "software";
  readonly purpose: "enrol" | "reattest";
  readonly deviceClass: string;
  readonly site: string;
  readonly name: string;
  /** SHA-256 of the EK public key, hexadecimal; of the software key when the attester is software. */
  readonly ekHash: string;
  /** The AK's Name, hexadecimal: what `knownAkName` is at the next renewal. */
  readonly akName: string;
  /** The only TLS key that an SVID issued on this result may name. */
  readonly spki: Uint8Array;
  /** A node's further keys, those of its own message 1 and no other. */
  readonly nodeKeys?: NodeKeys | undefined;
  readonly admittedBy: "registration" | "claim";
  /** SHA-256 of the claim, hexadecimal; whoever issues must spend it in the same transaction. */
  readonly claimHash: string | undefined;
  /** PCR index → digest, hexadecimal; empty when the attester is software. */
  readonly pcrs: Readonly<Record<string, string>>;
  readonly clock: TpmClock | undefined;
  readonly journal: { readonly size: number; readonly root: Uint8Array };
  readonly attestedAt: Instant;
}

/** One unexpected measurement outweighs everything; what nobody vouches for is a warning. */
export function verdictOf(reasons: readonly AppraisalReason[]): Verdict {
  if (reasons.some((reason) => reason.code === "PCR_UNEXPECTED")) return "contraindicated";
  return reasons.length > 0 ? "warning" : "affirming";
}
