import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { AdapterError } from "@vedette/base";
import { bundlePath, encodeBundle, type LogReader, TILE_WIDTH, tilePath, tilesOf } from "@vedette/tlog";
import type { StoredCheckpoint } from "./tree-store.ts";

/** Audit records are for auditors; the export's reader changes the mode if others may see it. */
const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

/**
 * Writes the log up to `checkpoint` as the directory layout of C2SP tlog-tiles; `verifyExport` of core/tlog reads it. The
 * checkpoint comes last, so an export that was broken off does not pass for a whole one. Throws `AdapterError` EXPORT_FAILED.
 */
export function exportLog(
  log: LogReader,
  checkpoint: StoredCheckpoint,
  directory: string,
  onProgress: (entriesDone: number, entriesTotal: number) => void = () => {},
): void {
  const { size } = checkpoint;
  try {
    for (const tile of tilesOf(size)) {
      write(join(directory, tilePath(tile)), log.readTile(tile));
      if (tile.level > 0) continue;
      const first = tile.index * TILE_WIDTH;
      const entries = log.readEntries(first, first + tile.width);
      write(join(directory, bundlePath(tile.index, tile.width)), encodeBundle(entries));
      onProgress(first + tile.width, size);
    }
    write(join(directory, "checkpoint"), checkpoint.note);
  } catch (cause) {
    if (cause instanceof AdapterError) throw cause;
    throw new AdapterError("EXPORT_FAILED", "could not write the export", { directory }, cause);
  }
}

function write(path: string, contents: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true, mode: PRIVATE_DIRECTORY });
  writeFileSync(path, contents, { mode: PRIVATE_FILE });
}
