import type { Duration } from "@vedette/base";
import type { Escalation } from "./escalation.ts";
import type { AttributeValue, Read, Slots } from "./frame.ts";
import type { Test } from "./predicates.ts";
import type { AttestationState } from "./request.ts";
import type { Obligation } from "./rules.ts";

/** Rules by number: deny rules first, each effect in the order of the document, so that the lowest that holds decides. */
export interface RuleTable {
  readonly denyCount: number;
  readonly ids: readonly string[];
  /**
   * Per rule, side by side so that one look at memory brings them all: the attribute that must equal a text (or
   * `NO_GUARD`), the text's number, the test's number, and where its constants begin.
   */
  readonly conditions: Int32Array;
  readonly texts: readonly string[];
  readonly values: Slots<AttributeValue>;
  readonly tests: readonly Test[];
  /** Per rule: bits of the attestation states in which it holds, `HAS_SPEND` and `HAS_EXTRAS`. */
  readonly flags: Uint8Array;
  /** What the few rules carry that have more than a condition. */
  readonly extras: ReadonlyMap<number, RuleExtras>;
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
  readonly amount: Read<AttributeValue>;
  readonly per: Read<AttributeValue>;
}

export const CONDITION_STRIDE = 4;
export const HAS_SPEND = 8;
export const HAS_EXTRAS = 16;

export function extrasOf({ flags, extras }: RuleTable, rule: number): RuleExtras | undefined {
  return flags[rule]! & HAS_EXTRAS ? extras.get(rule) : undefined;
}

/** The bit of an attestation state; contraindicated has none, and neither has anything unheard of. */
export function stateBit(state: AttestationState): number {
  return state === "fresh" ? 1 : state === "stale" ? 2 : state === "expired" ? 4 : 0;
}
