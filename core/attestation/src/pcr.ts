import { type ByteReader, ByteWriter, type Crypto, concatBytes, type HashAlgorithm } from "@vedette/base";
import { digestLength, hashOfTpmAlgorithm, tpmAlgorithmOfHash } from "./tpm-algorithms.ts";

/** PCRs of one bank, indices ascending and without repetition. */
export interface PcrSelection {
  readonly bank: HashAlgorithm;
  readonly pcrs: readonly number[];
}

/** PCR index (decimal) → digest. */
export type PcrValues = Readonly<Record<string, Uint8Array>>;

/** PC Client platforms implement 24 PCRs (TCG PC Client Platform TPM Profile §4.6). */
export const PCR_COUNT = 24;
const SELECT_LENGTH = PCR_COUNT / 8;
/** TPM 2.0 Part 2 §10.9.7: as many entries as there are banks; sixteen is what the reference implementation allows. */
const SELECTIONS_MAX = 16;

/** TPML_PCR_SELECTION with one entry, as the commands Quote and PCR_Read take it. */
export function marshalPcrSelection(selection: PcrSelection): Uint8Array {
  const select = new Uint8Array(SELECT_LENGTH);
  for (const pcr of selection.pcrs) select[pcr >> 3]! |= 1 << (pcr & 7);
  return new ByteWriter().u32(1).u16(tpmAlgorithmOfHash(selection.bank)).u8(SELECT_LENGTH).raw(select).finish();
}

/** Undefined when it is no TPML_PCR_SELECTION of banks we know; every bitmap has the length of `PCR_COUNT` bits. */
export function readPcrSelections(reader: ByteReader): readonly PcrSelection[] | undefined {
  const count = reader.u32();
  if (count > SELECTIONS_MAX) return undefined;
  const selections: PcrSelection[] = [];
  for (let i = 0; i < count; i++) {
    const bank = hashOfTpmAlgorithm(reader.u16());
    const length = reader.u8();
    const select = reader.take(length);
    if (!bank || length !== SELECT_LENGTH || !reader.isWhole) return undefined;
    selections.push({ bank, pcrs: setBits(select) });
  }
  return reader.isWhole ? selections : undefined;
}

/** A selection is configuration: ascending, without repetition, of PCRs that exist. */
export function isPcrSelection({ pcrs }: PcrSelection): boolean {
  return (
    pcrs.length > 0 && pcrs.every((pcr, i) => Number.isInteger(pcr) && pcr < PCR_COUNT && pcr > (pcrs[i - 1] ?? -1))
  );
}

export function isSameSelection(a: PcrSelection, b: PcrSelection): boolean {
  return a.bank === b.bank && a.pcrs.length === b.pcrs.length && a.pcrs.every((pcr, i) => pcr === b.pcrs[i]);
}

/** The selected values in ascending order; undefined unless there is exactly one of the right length for each PCR. */
export function valuesInOrder(selection: PcrSelection, values: PcrValues): readonly Uint8Array[] | undefined {
  if (Object.keys(values).length !== selection.pcrs.length) return undefined;
  const ordered: Uint8Array[] = [];
  for (const pcr of selection.pcrs) {
    const value = Object.hasOwn(values, pcr) ? values[pcr] : undefined;
    if (value?.length !== digestLength[selection.bank]) return undefined;
    ordered.push(value);
  }
  return ordered;
}

/** The digest in a quote: values concatenated in ascending order, hashed with the signing scheme's hash (Part 3 §18.4). */
export function pcrDigestOf(values: readonly Uint8Array[], hash: HashAlgorithm, crypto: Crypto): Uint8Array {
  return crypto.hash(hash, concatBytes(...values));
}

function setBits(select: Uint8Array): readonly number[] {
  const bits: number[] = [];
  for (let bit = 0; bit < select.length * 8; bit++) if (select[bit >> 3]! & (1 << (bit & 7))) bits.push(bit);
  return bits;
}
