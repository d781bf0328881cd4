import { randomBytes } from "node:crypto";
import { ByteWriter } from "@vedette/base";
import { EMPTY_PASSWORD, nothing, type PolicySession, type Transaction } from "./transaction.ts";
import { ALGORITHM, HANDLE } from "./wire.ts";

const EMPTY: Uint8Array = new Uint8Array(0);
const SESSION_TYPE = { policy: 0x01, trial: 0x03 } as const;
// Part 3 §11.1: the caller's nonce is at least 16 bytes; unsalted and unbound sessions take nothing else from us.
const NONCE_SIZE = 16;

/** TPM2_StartAuthSession (part 3 §11.1), unbound and unsalted. A trial session only computes a policy digest. */
export function startPolicySession(tpm: Transaction, type: keyof typeof SESSION_TYPE): Promise<PolicySession> {
  const parameters = new ByteWriter()
    .sized16(new Uint8Array(randomBytes(NONCE_SIZE)))
    .sized16(EMPTY)
    .u8(SESSION_TYPE[type])
    .u16(ALGORITHM.none)
    .u16(ALGORITHM.sha256)
    .finish();
  return tpm.execute(
    { name: "StartAuthSession", handles: [HANDLE.none, HANDLE.none], parameters, returnsHandle: true },
    (reader, handle) => {
      reader.sized16(); // nonceTPM: used by HMAC sessions only
      return { kind: "policy", handle };
    },
  );
}

/** TPM2_PolicySecret (part 3 §23.4) with the empty password of a hierarchy. */
export function policySecret(tpm: Transaction, session: PolicySession, entity: number): Promise<void> {
  const parameters = new ByteWriter().sized16(EMPTY).sized16(EMPTY).sized16(EMPTY).u32(0).finish();
  return tpm.execute(
    { name: "PolicySecret", handles: [entity, session.handle], authorizations: [EMPTY_PASSWORD], parameters },
    (reader) => {
      reader.sized16(); // timeout
      reader.u16(); // policyTicket: tag, hierarchy, digest
      reader.u32();
      reader.sized16();
    },
  );
}

/** TPM2_PolicyPCR (part 3 §23.7): binds the session to the PCRs as they stand now. */
export function policyPcr(tpm: Transaction, session: PolicySession, selection: Uint8Array): Promise<void> {
  const parameters = new ByteWriter().sized16(EMPTY).raw(selection).finish();
  return tpm.execute({ name: "PolicyPCR", handles: [session.handle], parameters }, nothing);
}

/** TPM2_PolicyGetDigest (part 3 §23.17). */
export function policyGetDigest(tpm: Transaction, session: PolicySession): Promise<Uint8Array> {
  return tpm.execute({ name: "PolicyGetDigest", handles: [session.handle] }, (reader) => reader.sized16());
}
