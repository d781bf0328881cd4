import { AdapterError, ByteReader, hex, isSameBytes } from "@vedette/base";
import { TpmError } from "./errors.ts";
import { type NvPublic, nvDefineSpace, nvIncrement, nvName, nvRead, nvReadPublic } from "./nv.ts";
import type { Transaction } from "./transaction.ts";
import { malformed } from "./transport.ts";
import { ALGORITHM, NV } from "./wire.ts";

/**
 * The state epoch (PROTOCOLS 4.2): an NV counter that anyone on this machine may read and step, and nobody can set back. Deleting
 * and defining it again does not: a new counter starts above every value any counter of this TPM ever had (part 1 §37.2.4).
 */
const COUNTER_ATTRIBUTES =
  NV.ownerWrite | NV.authWrite | NV.typeCounter | NV.ownerRead | NV.authRead | NV.noDictionaryAttack;
const COUNTER_SIZE = 8;

/**
 * Makes the counter if it is not there, steps it once so that it can be read, and returns its value. Safe to repeat: an existing
 * counter keeps its value. Throws `AdapterError` TPM_COUNTER_ALTERED when something else lives at the index.
 */
export async function defineCounter(tpm: Transaction, index: number): Promise<bigint> {
  const found = await readPublicIfDefined(tpm, index);
  if (!found) await nvDefineSpace(tpm, counterArea(index, COUNTER_ATTRIBUTES));
  if (!found || isSameBytes(found.name, nvName(counterArea(index, COUNTER_ATTRIBUTES)))) await nvIncrement(tpm, index);
  return readCounter(tpm, index);
}

/**
 * Throws `AdapterError` TPM_COUNTER_MISSING when the index is not defined, TPM_COUNTER_ALTERED when its attributes or Name are not
 * those of a counter made here and stepped: at boot both mean that somebody touched it.
 */
export async function readCounter(tpm: Transaction, index: number): Promise<bigint> {
  const found = await readPublicIfDefined(tpm, index);
  if (!found) throw new AdapterError("TPM_COUNTER_MISSING", "the TPM has no such counter", { index });
  checkIsCounter(found, counterArea(index, COUNTER_ATTRIBUTES | NV.written));
  const value = new ByteReader(await nvRead(tpm, index, COUNTER_SIZE, 0));
  const count = value.u64();
  if (!value.isFinished) throw malformed("a counter of another size", { index });
  return count;
}

/** Steps the counter by one and returns its new value. Throws as `readCounter` does. */
export async function incrementCounter(tpm: Transaction, index: number): Promise<bigint> {
  await readCounter(tpm, index);
  await nvIncrement(tpm, index);
  return readCounter(tpm, index);
}

// The Name covers index, attributes, policy and size; comparing the TPM's own with ours checks them all, and the TPM's arithmetic.
function checkIsCounter(found: NvPublic & { readonly name: Uint8Array }, wanted: NvPublic): void {
  if (isSameBytes(found.name, nvName(wanted)) && isSameBytes(found.name, nvName(found))) return;
  throw new AdapterError("TPM_COUNTER_ALTERED", "the TPM's counter is not the one that was made", {
    index: wanted.index,
    attributes: `0x${found.attributes.toString(16)}`,
    name: hex(found.name),
  });
}

async function readPublicIfDefined(tpm: Transaction, index: number) {
  try {
    return await nvReadPublic(tpm, index);
  } catch (error) {
    if (error instanceof TpmError && error.code === "TPM_RC_HANDLE") return undefined;
    throw error;
  }
}

function counterArea(index: number, attributes: number): NvPublic {
  return { index, nameAlgorithm: ALGORITHM.sha256, attributes, policy: new Uint8Array(0), size: COUNTER_SIZE };
}
