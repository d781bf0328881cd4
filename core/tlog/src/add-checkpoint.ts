import { base64, err, ok, parseBase64, parseUtf8, type Result, utf8 } from "@vedette/base";
import type { WireError } from "./errors.ts";
import { HASH_LENGTH } from "./tree-hasher.ts";

/** The body of tlog-witness `add-checkpoint`. */
export interface AddCheckpoint {
  readonly oldSize: number;
  readonly proof: readonly Uint8Array[];
  /** A signed note; `openCheckpoint` reads it. */
  readonly checkpoint: string;
}

/** As received: which log it claims to be about says whose keys to ask for. */
export interface ReceivedCheckpoint extends AddCheckpoint {
  readonly origin: string;
}

/** "The client MUST NOT send more than 63 consistency proof lines." */
export const PROOF_LENGTH_MAX = 63;

/** A note (128 KiB) and the proof before it. */
export const ADD_CHECKPOINT_LENGTH_MAX = 139_264;

export function encodeAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): Uint8Array {
  return utf8(`old ${oldSize}\n${proof.map((hash) => `${base64(hash)}\n`).join("")}\n${checkpoint}`);
}

export function parseAddCheckpoint(body: Uint8Array): Result<ReceivedCheckpoint, WireError> {
  const malformed = err({ code: "REQUEST_MALFORMED" as const });
  if (body.length > ADD_CHECKPOINT_LENGTH_MAX) return malformed;
  const text = parseUtf8(body);
  if (!text.ok) return malformed;
  const split = text.value.indexOf("\n\n");
  const [first = "", ...lines] = text.value.slice(0, Math.max(split, 0)).split("\n");
  const oldSize = parseOldSize(first);
  if (oldSize === undefined || lines.length > PROOF_LENGTH_MAX) return malformed;
  const proof: Uint8Array[] = [];
  for (const line of lines) {
    const hash = parseBase64(line);
    if (!hash.ok || hash.value.length !== HASH_LENGTH) return malformed;
    proof.push(hash.value);
  }
  const checkpoint = text.value.slice(split + 2);
  const origin = checkpoint.slice(0, Math.max(checkpoint.indexOf("\n"), 0));
  return ok({ origin, oldSize, proof, checkpoint });
}

function parseOldSize(line: string): number | undefined {
  const [, decimal] = /^old (0|[1-9]\d{0,15})$/.exec(line) ?? [];
  const size = Number(decimal);
  return Number.isSafeInteger(size) ? size : undefined;
}
