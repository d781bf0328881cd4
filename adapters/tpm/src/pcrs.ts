import { marshalPcrSelection, type PcrSelection, type PcrValues } from "@vedette/attestation";
import { AdapterError, assert, type ByteReader, ByteWriter, isSameBytes } from "@vedette/base";
import { EMPTY_PASSWORD, nothing, type Transaction } from "./transaction.ts";
import { malformed } from "./transport.ts";
import { ALGORITHM } from "./wire.ts";

/** TPM2_PCR_Read (part 3 §22.4), repeated until every register asked for is there. Throws `AdapterError` TPM_PCR_MISSING. */
export async function readPcrs(tpm: Transaction, { bank, pcrs }: PcrSelection): Promise<PcrValues> {
  const values: Record<string, Uint8Array> = {};
  // The TPM returns at most eight at a time, and each round must bring at least one.
  for (let round = 0; round < pcrs.length; round++) {
    const missing = pcrs.filter((pcr) => !Object.hasOwn(values, pcr));
    if (missing.length > 0) Object.assign(values, await readSomePcrs(tpm, { bank, pcrs: missing }));
  }
  if (pcrs.some((pcr) => !Object.hasOwn(values, pcr)))
    throw new AdapterError("TPM_PCR_MISSING", "the TPM has no such PCR in this bank", { bank, pcrs });
  return values;
}

function readSomePcrs(tpm: Transaction, wanted: PcrSelection): Promise<PcrValues> {
  return tpm.execute({ name: "PCR_Read", parameters: marshalPcrSelection(wanted) }, (reader) => {
    reader.u32(); // pcrUpdateCounter
    const returned = readSelectedPcrs(reader, wanted);
    if (reader.u32() !== returned.length) throw malformed("PCR digests do not fit their selection");
    return Object.fromEntries(returned.map((pcr) => [pcr, reader.sized16()]));
  });
}

// A subset of what was asked for, in the same form: so many bytes, of which only the bitmap may differ.
function readSelectedPcrs(reader: ByteReader, wanted: PcrSelection): readonly number[] {
  const asked = marshalPcrSelection(wanted);
  const answered = reader.take(asked.length);
  const pcrs = wanted.pcrs.filter((pcr) => (answered[BITMAP_OFFSET + (pcr >> 3)] ?? 0) & (1 << (pcr & 7)));
  if (!isSameBytes(answered, marshalPcrSelection({ bank: wanted.bank, pcrs })))
    throw malformed("other PCRs than asked for");
  return pcrs;
}

// TPML_PCR_SELECTION with one entry (part 2 §10.9.7): count, bank, length of the bitmap.
const BITMAP_OFFSET = 7;

const SHA256_SIZE = 32;

/** TPM2_PCR_Extend (part 3 §22.2), SHA-256 bank. */
export function extendPcr(tpm: Transaction, pcr: number, digest: Uint8Array): Promise<void> {
  assert(digest.length === SHA256_SIZE, "the SHA-256 bank is extended by 32 bytes");
  const parameters = new ByteWriter().u32(1).u16(ALGORITHM.sha256).raw(digest).finish();
  return tpm.execute({ name: "PCR_Extend", handles: [pcr], authorizations: [EMPTY_PASSWORD], parameters }, nothing);
}
