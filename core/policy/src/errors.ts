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

export interface BundleMalformed {
  readonly code: "BUNDLE_MALFORMED";
  readonly expected: string;
}

/** Why a bundle of another builder is refused. */
export type OpaBundleError =
  | BundleMalformed
  | Extract<
      PolicyBundleError,
      {
        readonly code:
          | "BUNDLE_TOO_LARGE"
          | "BUNDLE_UNSIGNED"
          | "KEY_UNKNOWN"
          | "SIGNATURE_INVALID"
          | "FILE_ALTERED"
          | "FILE_UNLISTED"
          | "FILE_MISSING";
      }
    >
  /** It is signed, and there is no key to check it by. */
  | { readonly code: "KEY_MISSING" }
  | { readonly code: "SCOPE_MISMATCH"; readonly expected: string }
  /** Two roots, of one bundle or of two, claim the same data. */
  | { readonly code: "ROOTS_OVERLAP"; readonly root: string; readonly other: string }
  | { readonly code: "OUTSIDE_ROOTS"; readonly path: string }
  | { readonly code: "DATA_CONFLICT"; readonly path: string }
  | { readonly code: "WASM_UNSUPPORTED"; readonly name: string }
  /** A module in the syntax before OPA 1.0, without `import rego.v1`. */
  | { readonly code: "REGO_V0_UNSUPPORTED"; readonly name: string };

/** Why a delta was not applied; what it was meant for stays as it is. */
export type DeltaError =
  | { readonly code: "DELTA_WITHOUT_BASE" }
  /** It says which revision it changes, and that is not the one here. */
  | { readonly code: "DELTA_BASE_MISMATCH"; readonly base: string; readonly active: string }
  | { readonly code: "DELTA_ROOTS_DIFFER" }
  | { readonly code: "DELTA_PATH_INVALID"; readonly path: string; readonly expected: string }
  | { readonly code: "OUTSIDE_ROOTS"; readonly path: string };
