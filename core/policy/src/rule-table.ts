import type { Duration } from "@vedette/base";
import type { ConditionCode } from "./condition-code.ts";
import type { Escalation } from "./escalation.ts";
import type { FlatTexts } from "./flat-texts.ts";
import type { AttestationState } from "./request.ts";
import type { Obligation } from "./rules.ts";

/**
 * Rules by number: deny rules first, each effect in the order of the document, so that the lowest that holds decides.
 * Plain data in flat arrays, which one thread may build and another use.
 */
export interface RuleTable {
  readonly denyCount: number;
  readonly ids: FlatTexts;
  /** Per rule [guard slot, guard text, first leaf] of its `CompiledCondition`. */
  readonly conditions: Int32Array;
  readonly code: ConditionCode;
  /** Per rule: bits of the attestation states in which it holds, `HAS_SPEND` and `HAS_EXTRAS`. */
  readonly flags: Uint8Array;
  /** JSON of what the few rules carry that have more than a condition; empty for the others. */
  readonly extras: FlatTexts;
}

export interface RuleExtras {
  readonly description?: string;
  readonly obligations: readonly Obligation[];
  readonly fastCommit?: Duration;
  readonly escalate?: Escalation;
  readonly spend?: CompiledSpend;
}

export interface CompiledSpend {
  readonly counter: string;
  readonly limit: number;
  readonly window: Duration;
  /** Slots of attributes. */
  readonly amount: number;
  readonly per: number;
}

export const CONDITION_STRIDE = 3;
export const HAS_SPEND = 8;
export const HAS_EXTRAS = 16;

/** The bit of an attestation state; contraindicated has none, and neither has anything unheard of. */
export function stateBit(state: AttestationState): number {
  return state === "fresh" ? 1 : state === "stale" ? 2 : state === "expired" ? 4 : 0;
}
