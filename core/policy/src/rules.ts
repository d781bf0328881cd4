import type { Duration, Json } from "@vedette/base";
import type { Network } from "./address.ts";
import type { Escalation } from "./escalation.ts";
import type { AttestationState } from "./request.ts";

/** Checked rules, made only by `parsePolicy` and `checkPolicy`: parameters are filled in, every limit holds. */
export interface PolicyDocument {
  readonly id: string;
  /** JSON pointers of the record that are never written down, as in OPA's `system.log.mask`: `/input/context/pin`. */
  readonly mask: readonly string[];
  readonly rules: readonly Rule[];
}

export interface Rule {
  readonly id: string;
  readonly effect: "allow" | "deny";
  readonly description?: string;
  /** Each selector names what it accepts; `ANY` accepts all, an absent one as well. */
  readonly subject: {
    readonly type: string;
    readonly roles?: readonly string[];
    readonly class?: readonly string[];
  };
  readonly actions: readonly string[];
  readonly resource: { readonly type: string; readonly id?: ResourceIdSelector };
  readonly when?: Condition;
  readonly obligations: readonly Obligation[];
  /** Allow rules hold only in these states; a deny rule fires in all of them. */
  readonly states: readonly AttestationState[];
  readonly spend?: SpendLimit;
  /** How long the record may lag behind the effect; absent: it is durable first (PROTOCOLS 6.2). */
  readonly fastCommit?: Duration;
  /** What this rule would allow, another tier shall decide (PL5). */
  readonly escalate?: Escalation;
}

/** The selector that accepts every subject type, action or resource type. */
export const ANY = "*";

export type ResourceIdSelector =
  | { readonly kind: "exact"; readonly text: string }
  | { readonly kind: "prefix"; readonly text: string }
  | { readonly kind: "glob"; readonly text: string };

/** Handed to the PEP as written; `type` tells it what to do. */
export interface Obligation {
  readonly type: string;
  readonly [member: string]: Json;
}

export interface SpendLimit {
  readonly counter: string;
  readonly amount: Attribute;
  readonly limit: number;
  readonly window: Duration;
  readonly per: Attribute;
}

/** The path of an attribute, such as `subject.roles` or `context.amount`; made only by `parseAttribute`. */
export type Attribute = string & { readonly [attributeBrand]: "Attribute" };
declare const attributeBrand: unique symbol;

export type Scalar = string | number | boolean;
export type OrderOperator = "lt" | "lte" | "gt" | "gte";
type TextOperator = "prefix" | "suffix" | "glob";
type ListOperator = "in" | "containsAny" | "containsAll";

export type Condition =
  | { readonly op: "all" | "any"; readonly of: readonly Condition[] }
  | { readonly op: "not"; readonly of: Condition }
  | { readonly op: "eq" | "ne"; readonly path: Attribute; readonly to: Scalar | AttributeOperand }
  | { readonly op: OrderOperator; readonly path: Attribute; readonly to: number | AttributeOperand }
  | { readonly op: ListOperator; readonly path: Attribute; readonly list: readonly Scalar[] }
  | { readonly op: TextOperator; readonly path: Attribute; readonly text: string }
  | { readonly op: "cidr"; readonly path: Attribute; readonly networks: readonly Network[] }
  | { readonly op: "has"; readonly path: Attribute }
  | { readonly op: "fresh"; readonly path: Attribute; readonly age: Duration }
  | { readonly op: "within"; readonly window: TimeWindow };

export interface AttributeOperand {
  readonly path: Attribute;
}

/** A time of day on some days of the week, at a fixed offset from UTC; it may run past midnight. */
export interface TimeWindow {
  /** Bit 0 is Sunday, as in `Date.getUTCDay`; the day on which the window opens. */
  readonly days: number;
  /** Minutes after midnight; `from` belongs to the window, `to` no longer does. */
  readonly from: number;
  readonly to: number;
  /** Minutes east of UTC. Named zones are left out: their rules change while a node is cut off. */
  readonly offset: number;
}
