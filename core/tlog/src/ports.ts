import type { TileCoordinates } from "./tile.ts";

/** Where the entries and hashes of one log are read from: a journal, a mirror. Asked only for what is durable. */
export interface LogReader {
  readonly origin: string;
  readonly size: number;
  /** Entries [from, to). */
  readEntries(from: number, to: number): readonly Uint8Array[];
  /** The first `width` hashes of a tile. */
  readTile(tile: TileCoordinates): Uint8Array;
}

/** A directory in the layout of C2SP tlog-tiles. Undefined for what is not there. */
export interface ExportReader {
  read(path: string): Uint8Array | undefined;
}
