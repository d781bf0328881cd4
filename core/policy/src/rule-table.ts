import type { Duration } from "@vedette/base";
import type { AttributeValue } from "./frame.ts";
import type { Read, Test } from "./predicates.ts";
import type { AttestationState } from "./request.ts";
import type { Obligation } from "./rules.ts";

/** Rules by number: deny rules first, each effect in the order of the document, so that the lowest that holds decides. */
export interface RuleTable {
  readonly denyCount: number;
  readonly ids: readonly string[];
  /** Per rule: the number of its test, and where its constants begin. */
  readonly shapes: Int32Array;
  readonly bases: Int32Array;
  /** Per rule: bits of the attestation states in which it holds, and `HAS_SPEND`. */
  readonly flags: Uint8Array;
  readonly tests: readonly Test[];
  /** What the few rules carry that have more than a condition. */
  readonly extras: ReadonlyMap<number, RuleExtras>;
}

export interface RuleExtras {
  readonly description?: string;
  readonly obligations: readonly Obligation[];
  readonly fastCommit?: Duration;
  readonly spend?: CompiledSpend;
}

export interface CompiledSpend {
  readonly counter: string;
  readonly limit: number;
  readonly window: Duration;
  readonly amount: Read<AttributeValue>;
  readonly per: Read<AttributeValue>;
}

export const HAS_SPEND = 8;

/** The bit of an attestation state; contraindicated has none, and neither has anything unheard of. */
export function stateBit(state: AttestationState): number {
  return state === "fresh" ? 1 : state === "stale" ? 2 : state === "expired" ? 4 : 0;
}
