import { ByteWriter, type Secret } from "@vedette/base";
import { type Authorization, EMPTY_PASSWORD, type PolicySession, type Transaction } from "./transaction.ts";
import { ALGORITHM, HANDLE } from "./wire.ts";

const EMPTY: Uint8Array = new Uint8Array(0);

export interface LoadedObject {
  readonly handle: number;
  /** TPMT_PUBLIC, as the TPM marshals it. */
  readonly publicArea: Uint8Array;
  /** nameAlg ‖ H_nameAlg(TPMT_PUBLIC), as the TPM computed it. */
  readonly name: Uint8Array;
}

/** What TPM2_Create returns; both parts are useless outside this TPM (TPM2B_PRIVATE and TPMT_PUBLIC, without their sizes). */
export interface ObjectBlob {
  readonly public: Uint8Array;
  readonly private: Uint8Array;
}

export interface AttestedBytes {
  /** TPMS_ATTEST: what was signed. */
  readonly attested: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
}

/** TPM2_CreatePrimary (part 3 §24.1): the same template under the same seed gives the same key, so nothing need be stored. */
export function createPrimary(tpm: Transaction, hierarchy: number, template: Uint8Array): Promise<LoadedObject> {
  const parameters = new ByteWriter().sized16(sensitive(EMPTY)).sized16(template).sized16(EMPTY).u32(0).finish();
  return tpm.execute(
    { name: "CreatePrimary", handles: [hierarchy], authorizations: [EMPTY_PASSWORD], parameters, returnsHandle: true },
    (reader, handle) => {
      const publicArea = reader.sized16();
      reader.sized16(); // creationData
      reader.sized16(); // creationHash
      reader.u16(); // creationTicket: tag, hierarchy, digest
      reader.u32();
      reader.sized16();
      return { handle, publicArea, name: reader.sized16() };
    },
  );
}

/** TPM2_Create (part 3 §12.1) with the sensitive data of a sealed object, or none for a key. */
export function create(tpm: Transaction, parent: number, template: Uint8Array, data?: Secret): Promise<ObjectBlob> {
  const parameters = new ByteWriter()
    .sized16(sensitive(data?.reveal() ?? EMPTY))
    .sized16(template)
    .sized16(EMPTY)
    .u32(0)
    .finish();
  return tpm.execute({ name: "Create", handles: [parent], authorizations: [EMPTY_PASSWORD], parameters }, (reader) => {
    const privatePart = reader.sized16();
    const publicPart = reader.sized16();
    reader.sized16(); // creationData
    reader.sized16(); // creationHash
    reader.u16(); // creationTicket: tag, hierarchy, digest
    reader.u32();
    reader.sized16();
    return { public: publicPart, private: privatePart };
  });
}

/** TPM2_Load (part 3 §12.2). */
export function load(tpm: Transaction, parent: number, blob: ObjectBlob): Promise<LoadedObject> {
  const parameters = new ByteWriter().sized16(blob.private).sized16(blob.public).finish();
  return tpm.execute(
    { name: "Load", handles: [parent], authorizations: [EMPTY_PASSWORD], parameters, returnsHandle: true },
    (reader, handle) => ({ handle, publicArea: blob.public, name: reader.sized16() }),
  );
}

/** TPM2_ReadPublic (part 3 §12.4). */
export function readPublic(tpm: Transaction, handle: number): Promise<LoadedObject> {
  return tpm.execute({ name: "ReadPublic", handles: [handle] }, (reader) => {
    const publicArea = reader.sized16();
    const name = reader.sized16();
    reader.sized16(); // qualifiedName
    return { handle, publicArea, name };
  });
}

/** TPM2_ActivateCredential (part 3 §12.5): the secret comes out only if `activated` is the object the blob names. */
export function activateCredential(
  tpm: Transaction,
  handles: { readonly activated: number; readonly key: number; readonly session: PolicySession },
  credentialBlob: Uint8Array,
  encryptedSecret: Uint8Array,
): Promise<Uint8Array> {
  const parameters = new ByteWriter().sized16(credentialBlob).sized16(encryptedSecret).finish();
  return tpm.execute(
    {
      name: "ActivateCredential",
      handles: [handles.activated, handles.key],
      authorizations: [EMPTY_PASSWORD, handles.session],
      parameters,
    },
    (reader) => reader.sized16(),
  );
}

/** TPM2_Unseal (part 3 §12.7). */
export function unseal(tpm: Transaction, handle: number, authorization: Authorization): Promise<Uint8Array> {
  return tpm.execute({ name: "Unseal", handles: [handle], authorizations: [authorization] }, (reader) =>
    reader.sized16(),
  );
}

/** TPM2_Quote (part 3 §18.4) in the key's own scheme. */
export function quote(
  tpm: Transaction,
  key: number,
  qualifyingData: Uint8Array,
  selection: Uint8Array,
): Promise<AttestedBytes> {
  const parameters = new ByteWriter().sized16(qualifyingData).u16(ALGORITHM.none).raw(selection).finish();
  return tpm.execute({ name: "Quote", handles: [key], authorizations: [EMPTY_PASSWORD], parameters }, (reader) => ({
    attested: reader.sized16(),
    signature: reader.take(reader.remaining),
  }));
}

/** TPM2_Certify (part 3 §18.2) in the key's own scheme. */
export function certify(
  tpm: Transaction,
  object: number,
  key: number,
  qualifyingData: Uint8Array,
): Promise<AttestedBytes> {
  const parameters = new ByteWriter().sized16(qualifyingData).u16(ALGORITHM.none).finish();
  return tpm.execute(
    { name: "Certify", handles: [object, key], authorizations: [EMPTY_PASSWORD, EMPTY_PASSWORD], parameters },
    (reader) => ({ attested: reader.sized16(), signature: reader.take(reader.remaining) }),
  );
}

/** TPM2_Sign (part 3 §20.2) of a digest that the TPM did not compute: a restricted key refuses it (TPM_RC_TICKET). Returns TPMT_SIGNATURE. */
export function sign(tpm: Transaction, key: number, digest: Uint8Array): Promise<Uint8Array> {
  const parameters = new ByteWriter()
    .sized16(digest)
    .u16(ALGORITHM.none)
    .u16(TICKET_HASH_CHECK)
    .u32(HANDLE.none)
    .sized16(EMPTY)
    .finish();
  return tpm.execute({ name: "Sign", handles: [key], authorizations: [EMPTY_PASSWORD], parameters }, (reader) =>
    reader.take(reader.remaining),
  );
}

const TICKET_HASH_CHECK = 0x8024;

// TPMS_SENSITIVE_CREATE (part 2 §11.1.15): no password; whoever may use the object is said by its policy or its hierarchy.
function sensitive(data: Uint8Array): Uint8Array {
  return new ByteWriter().sized16(EMPTY).sized16(data).finish();
}
