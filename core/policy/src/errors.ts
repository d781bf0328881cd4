import type { LocatedJsonError } from "@vedette/base";
import type { RegoErrorCode } from "@vedette/rego";

export interface RequestError {
  readonly code: "REQUEST_INVALID";
  /** The member at fault; empty for the request itself. */
  readonly member: string;
  readonly expected: string;
}

/** The rules were refused; `findings` says where and why, several at once. */
export interface PolicyError {
  readonly code: "POLICY_REFUSED";
  readonly findings: readonly PolicyFinding[];
}

/** One thing that is wrong, or in a warning suspicious, in a file of rules. */
export interface PolicyFinding {
  readonly code: FindingCode | WarningCode;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly expected: string;
}

export type FindingCode =
  | LocatedJsonError["code"]
  | RegoErrorCode
  | "UNKNOWN_FIELD"
  | "MISSING_FIELD"
  | "UNKNOWN_OPERATOR"
  | "UNKNOWN_PARAM"
  | "UNKNOWN_ATTRIBUTE"
  | "TYPE_MISMATCH"
  | "VALUE_INVALID"
  | "DUPLICATE_ID"
  | "LIMIT_EXCEEDED"
  | "IP_ALLOWS"
  | "NOT_OFFLINE"
  | "UNAVAILABLE_ALLOWS_UNCAPPED"
  | "FAST_COMMIT_REFUSED";

export type WarningCode = "RULE_SHADOWED" | "RULE_UNREACHABLE" | "DENY_ALWAYS_FIRES" | "PARAM_UNUSED";

export type PolicyBundleError =
  | { readonly code: "BUNDLE_TOO_LARGE"; readonly lengthMax: number }
  | { readonly code: "BUNDLE_MALFORMED"; readonly expected: string }
  | { readonly code: "BUNDLE_UNSIGNED" }
  | { readonly code: "KEY_UNKNOWN"; readonly keyId: string }
  | { readonly code: "SIGNATURE_INVALID"; readonly keyId: string }
  | { readonly code: "FILE_ALTERED"; readonly name: string }
  | { readonly code: "FILE_UNLISTED"; readonly name: string }
  | { readonly code: "FILE_MISSING"; readonly name: string }
  | { readonly code: "WRONG_SITE"; readonly offered: string; readonly site: string }
  | { readonly code: "BUNDLE_NOT_YET_VALID"; readonly notBefore: string }
  | { readonly code: "BUNDLE_EXPIRED"; readonly notAfter: string }
  | { readonly code: "BUNDLE_ROLLBACK"; readonly offered: number; readonly atLeast: number };
