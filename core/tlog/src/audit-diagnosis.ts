import { isSameBytes } from "@vedette/base";
import type { Checkpoint } from "./checkpoint.ts";
import { parseBundle } from "./entry-bundle.ts";
import type { AuditError } from "./errors.ts";
import type { ExportReader } from "./ports.ts";
import { type NodeReader, rangeRoot } from "./subtree-proof.ts";
import {
  bundlePath,
  nodesOfTiles,
  rootOfHashes,
  TILE_HEIGHT,
  TILE_WIDTH,
  tilePath,
  tilesOf,
  tileWidthAt,
} from "./tile.ts";
import { HASH_LENGTH, type TreeHasher } from "./tree-hasher.ts";

/**
 * The entries do not give the signed root: who is wrong? The lowest level of tiles that does give it is right, and what
 * differs from it one level below was changed. All tiles are there and whole; `differing` is one that the entries disagree with.
 */
export function diagnoseExport(
  reader: ExportReader,
  { size, root }: Checkpoint,
  differing: string | undefined,
  hasher: TreeHasher,
): AuditError {
  for (let level = 0; tileWidthAt(level, 0, size) > 0; level++) {
    if (!isSameBytes(rootFromLevel(reader, level, size, hasher), root)) continue;
    const unfitting = level === 0 ? unfittingEntry(reader, size, hasher) : unfittingTile(reader, level, size, hasher);
    if (unfitting) return unfitting;
  }
  return differing === undefined ? { code: "TREE_MISMATCH", size } : { code: "TILE_MISMATCH", path: differing };
}

/** The first of the entries that does not have its hash in the level-0 tile. */
export function firstUnfitting(
  entries: readonly Uint8Array[],
  hashes: Uint8Array,
  hasher: TreeHasher,
): number | undefined {
  const index = entries.findIndex((entry, i) => !isSameBytes(hasher.leaf(entry), hashAt(hashes, i)));
  return index < 0 ? undefined : index;
}

/** The tree's root as the tiles of one level give it; what is not yet full there comes from the partial tiles below. */
function rootFromLevel(reader: ExportReader, level: number, size: number, hasher: TreeHasher): Uint8Array {
  const tileNodes = nodesOfTiles((tile) => readTile(reader, tilePath(tile)), size, hasher);
  const nodes: NodeReader = (height, index) =>
    height < (level + 1) * TILE_HEIGHT
      ? tileNodes(height, index)
      : hasher.node(nodes(height - 1, 2 * index), nodes(height - 1, 2 * index + 1));
  return rangeRoot(nodes, 0, size, hasher);
}

function unfittingEntry(reader: ExportReader, size: number, hasher: TreeHasher): AuditError | undefined {
  for (let bundle = 0; bundle * TILE_WIDTH < size; bundle++) {
    const width = tileWidthAt(0, bundle, size);
    const path = bundlePath(bundle, width);
    const entries = parseBundle(reader.read(path) ?? new Uint8Array(0), width);
    const hashes = readTile(reader, tilePath({ level: 0, index: bundle, width }));
    const index = firstUnfitting(entries.ok ? entries.value : entries.error.entries, hashes, hasher);
    if (index !== undefined) return { code: "ENTRY_MISMATCH", path, index: bundle * TILE_WIDTH + index };
  }
  return undefined;
}

/** The first full tile below `level` whose root is not the hash that the tile above has for it. */
function unfittingTile(reader: ExportReader, level: number, size: number, hasher: TreeHasher): AuditError | undefined {
  for (const tile of tilesOf(size)) {
    if (tile.level !== level - 1 || tile.width < TILE_WIDTH) continue;
    const path = tilePath(tile);
    const index = Math.floor(tile.index / TILE_WIDTH);
    const above = readTile(reader, tilePath({ level, index, width: tileWidthAt(level, index, size) }));
    const root = rootOfHashes(readTile(reader, path), hasher);
    if (!isSameBytes(root, hashAt(above, tile.index % TILE_WIDTH))) return { code: "TILE_MISMATCH", path };
  }
  return undefined;
}

function readTile(reader: ExportReader, path: string): Uint8Array {
  return reader.read(path) ?? new Uint8Array(0);
}

function hashAt(hashes: Uint8Array, index: number): Uint8Array {
  return hashes.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH);
}
