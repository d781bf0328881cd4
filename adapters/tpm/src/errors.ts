import { AdapterError } from "@vedette/base";

/** What a return code blames (TPM 2.0 Library part 1, §37.4): nothing in particular, or the n-th handle, parameter or session. */
export interface TpmErrorSubject {
  readonly kind: "command" | "handle" | "parameter" | "session";
  /** Counted from 1; 0 when `kind` is "command" or the TPM did not say which. */
  readonly number: number;
}

/** The TPM answered, and the answer is no. That the TPM did not answer (time-out, broken pipe) is a plain `AdapterError`. */
export class TpmError extends AdapterError {
  declare readonly code: TpmErrorCode;
  readonly command: string;
  readonly responseCode: number;
  readonly subject: TpmErrorSubject;

  constructor(command: string, responseCode: number) {
    const { code, subject } = decodeResponseCode(responseCode);
    super(code, "the TPM refused a command", { command, responseCode: `0x${responseCode.toString(16)}`, subject });
    this.command = command;
    this.responseCode = responseCode;
    this.subject = subject;
  }
}

/** Names from TPM 2.0 Library part 2, §6.6.3; a code that is not in the table is TPM_RC_UNKNOWN and keeps its number in `responseCode`. */
export type TpmErrorCode =
  | (typeof FORMAT_1_NAMES)[keyof typeof FORMAT_1_NAMES]
  | (typeof FORMAT_0_NAMES)[keyof typeof FORMAT_0_NAMES]
  | "TPM_RC_UNKNOWN";

export function decodeResponseCode(responseCode: number): { code: TpmErrorCode; subject: TpmErrorSubject } {
  if ((responseCode & FORMAT_1) === 0)
    return { code: nameIn(FORMAT_0_NAMES, responseCode), subject: { kind: "command", number: 0 } };
  return { code: nameIn(FORMAT_1_NAMES, responseCode & FORMAT_1_ERROR), subject: subjectOf(responseCode) };
}

// Part 1 §37.4: bit 7 selects format 1; then bit 6 says "parameter", bits 8-11 its number; else bit 11 tells session from handle.
const FORMAT_1 = 0x080;
const FORMAT_1_ERROR = 0x03f;
const PARAMETER = 0x040;
const SESSION = 0x800;

function subjectOf(responseCode: number): TpmErrorSubject {
  if (responseCode & PARAMETER) return { kind: "parameter", number: (responseCode >>> 8) & 0xf };
  return { kind: responseCode & SESSION ? "session" : "handle", number: (responseCode >>> 8) & 0x7 };
}

function nameIn<const T extends Readonly<Record<number, TpmErrorCode>>>(names: T, number: number): TpmErrorCode {
  return Object.hasOwn(names, number) ? (names[number] ?? "TPM_RC_UNKNOWN") : "TPM_RC_UNKNOWN";
}

const FORMAT_1_NAMES = {
  1: "TPM_RC_ASYMMETRIC",
  2: "TPM_RC_ATTRIBUTES",
  3: "TPM_RC_HASH",
  4: "TPM_RC_VALUE",
  5: "TPM_RC_HIERARCHY",
  7: "TPM_RC_KEY_SIZE",
  8: "TPM_RC_MGF",
  9: "TPM_RC_MODE",
  10: "TPM_RC_TYPE",
  11: "TPM_RC_HANDLE",
  12: "TPM_RC_KDF",
  13: "TPM_RC_RANGE",
  14: "TPM_RC_AUTH_FAIL",
  15: "TPM_RC_NONCE",
  16: "TPM_RC_PP",
  18: "TPM_RC_SCHEME",
  21: "TPM_RC_SIZE",
  22: "TPM_RC_SYMMETRIC",
  23: "TPM_RC_TAG",
  24: "TPM_RC_SELECTOR",
  26: "TPM_RC_INSUFFICIENT",
  27: "TPM_RC_SIGNATURE",
  28: "TPM_RC_KEY",
  29: "TPM_RC_POLICY_FAIL",
  31: "TPM_RC_INTEGRITY",
  32: "TPM_RC_TICKET",
  33: "TPM_RC_RESERVED_BITS",
  34: "TPM_RC_BAD_AUTH",
  35: "TPM_RC_EXPIRED",
  36: "TPM_RC_POLICY_CC",
  37: "TPM_RC_BINDING",
  38: "TPM_RC_CURVE",
  39: "TPM_RC_ECC_POINT",
} as const;

const FORMAT_0_NAMES = {
  30: "TPM_RC_BAD_TAG",
  256: "TPM_RC_INITIALIZE",
  257: "TPM_RC_FAILURE",
  259: "TPM_RC_SEQUENCE",
  288: "TPM_RC_DISABLED",
  289: "TPM_RC_EXCLUSIVE",
  292: "TPM_RC_AUTH_TYPE",
  293: "TPM_RC_AUTH_MISSING",
  294: "TPM_RC_POLICY",
  295: "TPM_RC_PCR",
  296: "TPM_RC_PCR_CHANGED",
  303: "TPM_RC_AUTH_UNAVAILABLE",
  322: "TPM_RC_COMMAND_SIZE",
  323: "TPM_RC_COMMAND_CODE",
  324: "TPM_RC_AUTHSIZE",
  325: "TPM_RC_AUTH_CONTEXT",
  326: "TPM_RC_NV_RANGE",
  327: "TPM_RC_NV_SIZE",
  328: "TPM_RC_NV_LOCKED",
  329: "TPM_RC_NV_AUTHORIZATION",
  330: "TPM_RC_NV_UNINITIALIZED",
  331: "TPM_RC_NV_SPACE",
  332: "TPM_RC_NV_DEFINED",
  339: "TPM_RC_NEEDS_TEST",
  2305: "TPM_RC_CONTEXT_GAP",
  2306: "TPM_RC_OBJECT_MEMORY",
  2307: "TPM_RC_SESSION_MEMORY",
  2308: "TPM_RC_MEMORY",
  2309: "TPM_RC_SESSION_HANDLES",
  2310: "TPM_RC_OBJECT_HANDLES",
  2311: "TPM_RC_LOCALITY",
  2312: "TPM_RC_YIELDED",
  2313: "TPM_RC_CANCELED",
  2314: "TPM_RC_TESTING",
  2320: "TPM_RC_REFERENCE_H0",
  2321: "TPM_RC_REFERENCE_H1",
  2322: "TPM_RC_REFERENCE_H2",
  2328: "TPM_RC_REFERENCE_S0",
  2336: "TPM_RC_NV_RATE",
  2337: "TPM_RC_LOCKOUT",
  2338: "TPM_RC_RETRY",
  2339: "TPM_RC_NV_UNAVAILABLE",
} as const;
