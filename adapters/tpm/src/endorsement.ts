import { AdapterError } from "@vedette/base";
import { PROPERTY_NV_BUFFER_MAX, readHandles, readProperty } from "./capabilities.ts";
import { nvRead, nvReadPublic } from "./nv.ts";
import { createPrimary, type LoadedObject, readPublic } from "./objects.ts";
import { EK_TEMPLATE } from "./templates.ts";
import type { Transaction } from "./transaction.ts";
import { malformed } from "./transport.ts";
import { HANDLE } from "./wire.ts";

// Where TCG EK Credential Profile v2.5 §2.2.1.4 and the TCG handle registry put the RSA-2048 EK certificate and key.
const EK_CERTIFICATE_INDEX = 0x01c0_0002;
const EK_PERSISTENT_HANDLE = 0x8101_0001;
// EK certificates are 1-2 KiB; the TPM's word for the size is not trusted beyond this.
const EK_CERTIFICATE_SIZE_MAX = 8_192;

/** The DER certificate at 0x1c00002, or undefined when the maker wrote none. The bytes are the TPM's word: verify them. */
export async function readEkCertificate(tpm: Transaction): Promise<Uint8Array | undefined> {
  const indices = await readHandles(tpm, EK_CERTIFICATE_INDEX);
  if (indices[0] !== EK_CERTIFICATE_INDEX) return undefined;
  const { size } = await nvReadPublic(tpm, EK_CERTIFICATE_INDEX);
  if (size > EK_CERTIFICATE_SIZE_MAX)
    throw new AdapterError("TPM_EK_CERTIFICATE_TOO_LARGE", "the EK certificate is larger than its limit", { size });
  const chunkSize = Math.min(await readProperty(tpm, PROPERTY_NV_BUFFER_MAX), EK_CERTIFICATE_SIZE_MAX);
  if (chunkSize === 0) throw malformed("an NV buffer of no bytes");
  const stored = new Uint8Array(size);
  for (let at = 0; at < size; at += chunkSize) {
    const wanted = Math.min(chunkSize, size - at);
    const chunk = await nvRead(tpm, EK_CERTIFICATE_INDEX, wanted, at);
    if (chunk.length !== wanted) throw malformed("fewer NV bytes than asked for", { wanted, received: chunk.length });
    stored.set(chunk, at);
  }
  return trimToDer(stored);
}

/** The RSA-2048 EK: persistent where the maker left one, else made again from the endorsement seed. */
export async function loadEk(tpm: Transaction): Promise<LoadedObject> {
  const persistent = await readHandles(tpm, EK_PERSISTENT_HANDLE);
  if (persistent[0] === EK_PERSISTENT_HANDLE) return readPublic(tpm, EK_PERSISTENT_HANDLE);
  return createPrimary(tpm, HANDLE.endorsement, EK_TEMPLATE);
}

// Some makers define the index larger than the certificate and leave padding behind it.
function trimToDer(stored: Uint8Array): Uint8Array {
  const isLongSequence = stored[0] === 0x30 && stored[1] === 0x82;
  const length = 4 + (((stored[2] ?? 0) << 8) | (stored[3] ?? 0));
  return isLongSequence && length <= stored.length ? stored.slice(0, length) : stored;
}
