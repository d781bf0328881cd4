import { AdapterError } from "@vedette/base";
import type { Decision, QueryRefused } from "@vedette/policy";
import type { QueryFailure } from "@vedette/rego";

/** What a PEP is told about one access request. */
export type AccessAnswer = Decided | Refused | Unavailable;

export interface Decided {
  readonly type: "decided";
  readonly isAllowed: boolean;
  /** Why; differs from the decision's own where the policy said yes and its limit was used up meanwhile. */
  readonly reason: string;
  readonly decision: Decision;
  /** In the journal. */
  readonly number: number;
}

/** What came of asking for a document or a query. */
export type QueryAnswer<T> =
  | { readonly type: "answered"; readonly value: T; readonly number: number; readonly evaluationNs: number }
  | { readonly type: "failed"; readonly failure: QueryFailure; readonly number: number }
  | Refused
  | Unavailable;

/** What was asked cannot be, or may not be, by this PEP. Nothing was decided. */
export interface Refused {
  readonly type: "refused";
  readonly code: "REQUEST_INVALID" | "CLAIM_REFUSED" | "QUERY_INVALID";
  readonly message: string;
  readonly errors?: QueryRefused["errors"];
}

/** There is no policy, or the record could not be written, so that the decision has no effect. */
export interface Unavailable {
  readonly type: "unavailable";
  readonly code: string;
  readonly message: string;
}

export const NO_POLICY: Unavailable = {
  type: "unavailable",
  code: "POLICY_MISSING",
  message: "no policy is active on this node",
};

/** The journal's or the state's failure is an answer here; anything else is a bug and not caught. */
export function asUnrecorded(error: unknown): Unavailable {
  if (!(error instanceof AdapterError)) throw error;
  return {
    type: "unavailable",
    code: error.code,
    message: "the decision could not be recorded, so it has no effect",
  };
}
