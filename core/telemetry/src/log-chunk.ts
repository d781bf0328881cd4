import { concatBytes, utf8 } from "@vedette/base";

/** How many bytes of events make a chunk of the size that is allowed, as far as the last chunks have shown. */
export interface ChunkFill {
  readonly bytes: number;
}

export interface ChunkLimits {
  /** Of a chunk, packed (OPA: `upload_size_limit_bytes`). */
  readonly packedMax: number;
}

/** A request's body, and how many of the events are in it; `none`: the first one alone is too large. */
export type Chunk =
  | { readonly kind: "chunk"; readonly body: Uint8Array; readonly count: number; readonly fill: ChunkFill }
  | { readonly kind: "too-large"; readonly fill: ChunkFill };

/** Events are text that packs to a fifth or a twentieth; more than this at once helps nobody. */
const FILL_MAX = 33_554_432;
/** Below this share of the limit, more would have fitted. */
const WELL_FILLED = 0.9;

export function startFill({ packedMax }: ChunkLimits): ChunkFill {
  return { bytes: packedMax };
}

/**
 * The first events, as many as are thought to fit, as a gzip of a JSON array. When they do not, fewer are taken; when much
 * more would have fitted, the next chunk is larger. Takes at least one event, and there is at least one.
 */
export function packChunk(
  events: readonly Uint8Array[],
  fill: ChunkFill,
  { packedMax }: ChunkLimits,
  gzip: (bytes: Uint8Array) => Uint8Array,
): Chunk {
  let bytes = fill.bytes;
  while (true) {
    const count = countWithin(events, bytes);
    const array = jsonArray(events.slice(0, count));
    const body = gzip(array);
    if (body.length <= packedMax) {
      const isPoor = body.length < packedMax * WELL_FILLED && count < events.length;
      return { kind: "chunk", body, count, fill: { bytes: isPoor ? Math.min(bytes * 2, FILL_MAX) : bytes } };
    }
    if (count === 1) return { kind: "too-large", fill: { bytes } };
    // In proportion, and at least by one event, so that it ends.
    const fitting = Math.floor((array.length * packedMax * WELL_FILLED) / body.length);
    bytes = Math.min(fitting, array.length - (events[count - 1]?.length ?? 0) - 1);
  }
}

function countWithin(events: readonly Uint8Array[], bytes: number): number {
  let length = 1;
  let count = 0;
  for (const event of events) {
    length += event.length + 1;
    if (count > 0 && length > bytes) break;
    count++;
  }
  return count;
}

function jsonArray(events: readonly Uint8Array[]): Uint8Array {
  const comma = utf8(",");
  const parts = events.flatMap((event, i) => (i === 0 ? [event] : [comma, event]));
  return concatBytes(utf8("["), ...parts, utf8("]"));
}
