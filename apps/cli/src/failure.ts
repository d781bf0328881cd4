import { AdapterError } from "@vedette/base";
import { exitCode, UsageError } from "./command.ts";
import { Refusal } from "./refusal.ts";

/** What the shell and the person are told when a command did not end well. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
  /** What to do next, where there is something. */
  readonly advice: string | undefined;
  readonly exit: number;
}

/** One table from what went wrong to what is said. */
export function failureOf(error: unknown): Failure {
  if (error instanceof UsageError) return { ...part("USAGE", error.message), advice: undefined, exit: exitCode.usage };
  if (error instanceof Refusal) {
    const { code, message, facts, exit } = error;
    return { ...part(code, message, facts), advice: adviceFor(code) ?? adviceFor(String(facts["reason"])), exit };
  }
  if (error instanceof AdapterError) {
    const { code, message, facts } = error;
    const reason = systemReasonOf(error.cause);
    const exit = MEND_FIRST.has(code) ? exitCode.usage : exitCode.unavailable;
    return { ...part(code, message, { ...facts, ...reason }), advice: adviceFor(code), exit };
  }
  return { ...part("INTERNAL", textOf(error)), advice: adviceFor("INTERNAL"), exit: exitCode.internal };
}

/** As text for a person: what happened, the facts, what to do. */
export function describeFailure({ message, facts, advice }: Failure): string {
  const details = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `\n  ${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  return `vedette: ${message}${details.join("")}${advice ? `\n  → ${advice}` : ""}\n`;
}

/** As the one JSON document of a command that failed. */
export function failureToJson({ code, message, facts, advice }: Failure): string {
  return JSON.stringify({ error: { ...facts, code, message, ...(advice ? { advice } : {}) } });
}

/** Files and folders that are not what they must be: trying again does not help. */
const MEND_FIRST: ReadonlySet<string> = new Set([
  "ALREADY_ENROLLED",
  "ALREADY_INITIALISED",
  "AUTHORITY_INVALID",
  "CERTIFICATE_FILE_INVALID",
  "FILE_MISSING",
  "FILE_NOT_TEXT",
  "FILE_READ_FAILED",
  "FILE_TOO_LARGE",
  "JOIN_INCOMPLETE",
  "JOURNAL_ALTERED",
  "JOURNAL_CORRUPT",
  "JOURNAL_ORIGIN_MISMATCH",
  "JOURNAL_ROLLBACK",
  "JOURNAL_VERSION_UNKNOWN",
  "KEY_INVALID",
  "KEY_MISSING",
  "LOG_MISSING",
  "NET_SOCKET_UNSAFE",
  "NODE_FACTS_INVALID",
  "NODE_IDENTITY_INVALID",
  "SEALED_FILE_MISSING",
  "SEAL_BROKEN",
  "STATE_MALFORMED",
  "STATE_ROLLBACK",
  "STORE_CORRUPT",
  "STORE_SCHEMA_NEWER",
  "TPM_COUNTER_ALTERED",
  "TPM_COUNTER_MISSING",
  "TPM_WITHOUT_EK_CERTIFICATE",
  "TRUST_ALTERED",
  "TRUST_EXPIRED",
  "TRUST_KEY_INVALID",
  "TRUST_MALFORMED",
  "TRUST_UNSIGNED",
  "VAULT_FOREIGN",
  "VAULT_LOCKED",
  "VAULT_MISSING",
]);

const FROM_BACKUP = "put the file back from a backup, or check the path";
/** A node's folder is bound to its TPM's counter: a backup of it is exactly what is refused. */
const ENROL_ANEW = "enrol this machine anew into an empty folder: vedette edge init";
const ADVICE: Readonly<Record<string, string>> = {
  ALREADY_ENROLLED: "use another data folder, or run the node that is there: vedette edge run",
  ALREADY_INITIALISED: "use other folders, or run the control plane that is there: vedette control run",
  AUTHORITY_INVALID: FROM_BACKUP,
  CERTIFICATE_FILE_INVALID: FROM_BACKUP,
  AK_CHANGED: "this is not the TPM that enrolled under this name: enrol anew with a claim",
  CLASS_UNKNOWN: "add the class to the control plane's configuration file and start it again",
  CONTRAINDICATED:
    "the machine booted something else than its class expects, or its journal is not what it showed before",
  EK_ISSUER_UNKNOWN: "add the CA of this TPM's maker to the anchors of the class, then: vedette control trust",
  FILE_MISSING: "check the path",
  FILE_WRITE_FAILED: "check that the folder exists, may be written to, and has room",
  FOLDER_IN_USE: "end the node that runs on this folder first; nothing was changed",
  INTERNAL: "this is a bug of ours: please report it with the output",
  JOURNAL_ALTERED: ENROL_ANEW,
  JOURNAL_ROLLBACK: ENROL_ANEW,
  JOURNAL_SHARED: "end the other process first",
  KEY_INVALID: FROM_BACKUP,
  KEY_MISSING: FROM_BACKUP,
  LOG_MISSING: "name one of the origins: --origin NAME",
  NET_LISTEN_FAILED: "end whoever holds the address, or configure another one",
  NET_SOCKET_IN_USE: "end the process that answers there, or configure another path",
  NET_SOCKET_UNSAFE:
    "configure a socket in a folder of its own that only you may enter (mode 0700), with a shorter path",
  NET_TIMEOUT: "check that the other side runs, and that the network lets us through",
  NET_TLS_REFUSED:
    "check that the join file is of this fleet, that the clocks agree, and that no certificate has ended",
  NET_UNREACHABLE: "check that the other side runs and where it listens",
  SEALED_FILE_MISSING: ENROL_ANEW,
  SEAL_BROKEN: ENROL_ANEW,
  SITE_NOT_TRUSTED: "register a node of the site in the configuration file, then: vedette control trust",
  STATE_ROLLBACK: ENROL_ANEW,
  STORE_BUSY: "end the control plane that runs on this folder first; nothing was changed",
  STORE_CORRUPT: FROM_BACKUP,
  STORE_FULL: "make room on the disk",
  STORE_SCHEMA_NEWER: "run the version that wrote it, or a later one",
  TPM_UNAVAILABLE: "check the path, and that you may open it (group tss for /dev/tpmrm0)",
  TRUST_ALTERED: FROM_BACKUP,
  TRUST_EXPIRED: "sign the next trust document: vedette control trust",
  TRUST_KEY_INVALID: FROM_BACKUP,
  TRUST_MALFORMED: FROM_BACKUP,
  TRUST_UNSIGNED: FROM_BACKUP,
  VAULT_FOREIGN: ENROL_ANEW,
  VAULT_LOCKED: "boot what was booted when this machine enrolled, or enrol it anew",
};

function adviceFor(code: string): string | undefined {
  return Object.hasOwn(ADVICE, code) ? ADVICE[code] : undefined;
}

function part(code: string, message: string, facts: Failure["facts"] = {}) {
  return { code, message, facts };
}

/** Of a system error underneath (ENOENT, EACCES, …), the part that a person can use. */
function systemReasonOf(cause: unknown): { readonly reason?: string } {
  const isSystem = cause instanceof Error && "syscall" in cause && "code" in cause;
  return isSystem ? { reason: String(cause.code) } : {};
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
