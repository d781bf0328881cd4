import { err, ok, parseUtf8, type Result, utf8 } from "@vedette/base";
import { parseTar, writeTar } from "./tar.ts";

/** What a node keeps of a bundle it pulled: the bytes as they came, so that they can be verified again at each start. */
export interface PulledFile {
  readonly etag: string;
  readonly snapshot: Uint8Array;
  /** What changed it since, in order. */
  readonly deltas: readonly Uint8Array[];
}

/** Beyond, a whole bundle is asked for: each start applies them all. */
export const DELTAS_MAX = 64;

const ETAG = "etag";
const SNAPSHOT = "snapshot.tar.gz";
const deltaName = (index: number): string => `delta-${index}.tar.gz`;

export function encodePulledFile({ etag, snapshot, deltas }: PulledFile): Uint8Array {
  const numbered = deltas.map((delta, i) => [deltaName(i), delta] as const);
  return writeTar(new Map([[ETAG, utf8(etag)], [SNAPSHOT, snapshot], ...numbered]));
}

/** Only the form; whether to believe it is for `openOpaBundle`. */
export function parsePulledFile(bytes: Uint8Array): Result<PulledFile, { readonly code: "PULLED_FILE_DAMAGED" }> {
  const files = parseTar(bytes);
  const damaged = err({ code: "PULLED_FILE_DAMAGED" });
  if (!files.ok) return damaged;
  const etag = parseUtf8(files.value.get(ETAG) ?? new Uint8Array(0));
  const snapshot = files.value.get(SNAPSHOT);
  const deltas = Array.from({ length: Math.max(0, files.value.size - 2) }, (_, i) => files.value.get(deltaName(i)));
  const isWhole = files.value.has(ETAG) && deltas.length <= DELTAS_MAX && deltas.every((delta) => delta !== undefined);
  if (!snapshot || !etag.ok || !isWhole) return damaged;
  return ok({ etag: etag.value, snapshot, deltas: deltas.filter((delta) => delta !== undefined) });
}
