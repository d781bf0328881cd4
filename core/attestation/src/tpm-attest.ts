import { ByteReader, err, hex, ok, type Result } from "@vedette/base";
import type { TpmStructureError } from "./errors.ts";
import { type PcrSelection, readPcrSelections } from "./pcr.ts";

/** TPMS_ATTEST (TPM 2.0 Part 2 §10.12.8) of type ST_ATTEST_QUOTE. */
export interface TpmQuote {
  readonly qualifiedSigner: Uint8Array;
  readonly extraData: Uint8Array;
  readonly clock: TpmClock;
  /** The maker's own numbering, 16 hexadecimal digits. */
  readonly firmwareVersion: string;
  readonly selections: readonly PcrSelection[];
  readonly pcrDigest: Uint8Array;
}

/** TPMS_CLOCK_INFO (Part 2 §10.11.1). */
export interface TpmClock {
  /** Milliseconds that the TPM has been powered. */
  readonly milliseconds: number;
  readonly resetCount: number;
  readonly restartCount: number;
  /** False when the clock may have gone back after an unclean power-off. */
  readonly isSafe: boolean;
}

/** TPM_GENERATED_VALUE (Part 2 §6.2): a restricted key signs nothing from outside that begins with it. */
const TPM_GENERATED = 0xff54_4347;
const ST_ATTEST_QUOTE = 0x8018;

/** TPM2B_DATA and TPM2B_NAME hold at most 66 bytes, a selection of 16 banks 96: no quote comes near. */
export const TPM_ATTEST_LENGTH_MAX = 512;

/** Strict; a structure of another type is named as such, because a Certify or a CreationInfo is signed by the same key. */
export function parseTpmQuote(bytes: Uint8Array): Result<TpmQuote, TpmStructureError> {
  if (bytes.length > TPM_ATTEST_LENGTH_MAX)
    return err({
      code: "TPM_STRUCTURE_TOO_LARGE",
      structure: "TPMS_ATTEST",
      length: bytes.length,
      lengthMax: TPM_ATTEST_LENGTH_MAX,
    });
  const reader = new ByteReader(bytes);
  const magic = reader.u32();
  const type = reader.u16();
  if (!reader.isWhole) return malformed;
  if (magic !== TPM_GENERATED) return err({ code: "ATTEST_MAGIC_WRONG", magic });
  if (type !== ST_ATTEST_QUOTE) return err({ code: "ATTEST_NOT_A_QUOTE", type });
  const qualifiedSigner = reader.sized16();
  const extraData = reader.sized16();
  const clock = readClock(reader);
  const firmwareVersion = hex(reader.take(8));
  const selections = readPcrSelections(reader);
  const pcrDigest = reader.sized16();
  if (!clock || !selections || !reader.isFinished) return malformed;
  return ok({ qualifiedSigner, extraData, clock, firmwareVersion, selections, pcrDigest });
}

function readClock(reader: ByteReader): TpmClock | undefined {
  const milliseconds = Number(reader.u64());
  const resetCount = reader.u32();
  const restartCount = reader.u32();
  const safe = reader.u8();
  // Part 2 §9.2: YES and NO are 1 and 0. No TPM has been powered for 285,000 years.
  if (safe > 1 || !Number.isSafeInteger(milliseconds)) return undefined;
  return { milliseconds, resetCount, restartCount, isSafe: safe === 1 };
}

const malformed = err({ code: "TPM_STRUCTURE_MALFORMED", structure: "TPMS_ATTEST" });
