import { AdapterError, assert, type ByteReader, ByteWriter } from "@vedette/base";
import { EMPTY_PASSWORD, nothing, type Transaction } from "./transaction.ts";
import { malformed } from "./transport.ts";
import { ALGORITHM } from "./wire.ts";

const DIGEST_SIZE = 32;
// PC Client profile: 24 registers, so a selection of three bytes.
const PCR_COUNT = 24;
const SELECTION_SIZE = 3;
// TPML_DIGEST holds eight at most; each round must bring at least one, or the TPM lies.
const PCR_READ_ROUNDS_MAX = PCR_COUNT;

/** TPML_PCR_SELECTION (part 2 §10.9.7) of registers in the SHA-256 bank; a register twice or out of range is a bug of the caller. */
export function pcrSelection(pcrs: readonly number[]): Uint8Array {
  const bits = new Uint8Array(SELECTION_SIZE);
  for (const pcr of pcrs) {
    assert(Number.isInteger(pcr) && pcr >= 0 && pcr < PCR_COUNT, "a PCR index is 0 to 23");
    bits[pcr >> 3]! |= 1 << (pcr & 7);
  }
  return new ByteWriter().u32(1).u16(ALGORITHM.sha256).u8(SELECTION_SIZE).raw(bits).finish();
}

/** TPM2_PCR_Read (part 3 §22.4), repeated until every register asked for is there. Throws `AdapterError` TPM_PCR_BANK_MISSING. */
export async function readPcrs(tpm: Transaction, pcrs: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
  const values = new Map<number, Uint8Array>();
  for (let round = 0; round < PCR_READ_ROUNDS_MAX; round++) {
    const missing = pcrs.filter((pcr) => !values.has(pcr));
    if (missing.length === 0) return values;
    const some = await readSomePcrs(tpm, missing);
    if (some.size === 0) break;
    for (const [pcr, value] of some) values.set(pcr, value);
  }
  throw new AdapterError("TPM_PCR_BANK_MISSING", "the TPM has no such PCR in its SHA-256 bank", { pcrs });
}

function readSomePcrs(tpm: Transaction, pcrs: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
  return tpm.execute({ name: "PCR_Read", parameters: pcrSelection(pcrs) }, (reader) => {
    reader.u32(); // pcrUpdateCounter
    const returned = readSelection(reader).filter((pcr) => pcrs.includes(pcr));
    const count = reader.u32();
    if (count !== returned.length) throw malformed("PCR digests do not fit their selection", { count });
    const values = returned.map((pcr): [number, Uint8Array] => [pcr, reader.sized16()]);
    if (values.some(([, value]) => value.length !== DIGEST_SIZE)) throw malformed("PCR digest of another size");
    return new Map(values);
  });
}

function readSelection(reader: ByteReader): number[] {
  if (reader.u32() !== 1 || reader.u16() !== ALGORITHM.sha256) throw malformed("PCR selection of another bank");
  const bits = reader.take(reader.u8());
  return Array.from({ length: bits.length * 8 }, (_, pcr) => pcr).filter((pcr) => bits[pcr >> 3]! & (1 << (pcr & 7)));
}

/** TPM2_PCR_Extend (part 3 §22.2), SHA-256 bank. */
export function extendPcr(tpm: Transaction, pcr: number, digest: Uint8Array): Promise<void> {
  assert(digest.length === DIGEST_SIZE, "a SHA-256 bank is extended by 32 bytes");
  const parameters = new ByteWriter().u32(1).u16(ALGORITHM.sha256).raw(digest).finish();
  return tpm.execute({ name: "PCR_Extend", handles: [pcr], authorizations: [EMPTY_PASSWORD], parameters }, nothing);
}
