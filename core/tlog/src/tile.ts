import { type NodeReader, rangeRoot } from "./subtree-proof.ts";
import { HASH_LENGTH, type TreeHasher } from "./tree-hasher.ts";

/** C2SP tlog-tiles: hashes of consecutive subtrees of height 8 × `level`; fewer than 256 of them at the right edge. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  readonly hashes: Uint8Array;
}

export interface TileCoordinates {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

export const TILE_HEIGHT = 8;
export const TILE_WIDTH = 256;

/** `tile/<L>/<N>[.p/<W>]` */
export function tilePath({ level, index, width }: TileCoordinates): string {
  return `tile/${level}/${indexPath(index, width)}`;
}

/** `tile/entries/<N>[.p/<W>]` */
export function bundlePath(index: number, width: number): string {
  return `tile/entries/${indexPath(index, width)}`;
}

/** How many hashes the tile has in a tree of that size; 0 when it is not there yet. */
export function tileWidthAt(level: number, index: number, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level);
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/** Every tile of a tree of that size, level by level. */
export function* tilesOf(size: number): Generator<TileCoordinates> {
  for (let level = 0; tileWidthAt(level, 0, size) > 0; level++) {
    for (let index = 0; ; index++) {
      const width = tileWidthAt(level, index, size);
      if (width === 0) break;
      yield { level, index, width };
    }
  }
}

/** Reads single nodes of a tree of that size out of its tiles. */
export function nodesOfTiles(
  readTile: (tile: TileCoordinates) => Uint8Array,
  size: number,
  hasher: TreeHasher,
): NodeReader {
  return (height, index) => {
    const level = Math.floor(height / TILE_HEIGHT);
    const count = 2 ** (height % TILE_HEIGHT);
    const first = index * count;
    const tile = Math.floor(first / TILE_WIDTH);
    const hashes = readTile({ level, index: tile, width: tileWidthAt(level, tile, size) });
    return foldHashes(hashes, first % TILE_WIDTH, count, hasher);
  };
}

/** The root over consecutive hashes of one level, as many as there are. */
export function rootOfHashes(hashes: Uint8Array, hasher: TreeHasher): Uint8Array {
  const nodes: NodeReader = (height, index) => foldHashes(hashes, index * 2 ** height, 2 ** height, hasher);
  return rangeRoot(nodes, 0, hashes.length / HASH_LENGTH, hasher);
}

/** The root over `count` (a power of two) hashes of a tile. */
function foldHashes(hashes: Uint8Array, first: number, count: number, hasher: TreeHasher): Uint8Array {
  if (count === 1) return hashes.slice(first * HASH_LENGTH, (first + 1) * HASH_LENGTH);
  const half = count / 2;
  return hasher.node(foldHashes(hashes, first, half, hasher), foldHashes(hashes, first + half, half, hasher));
}

/** 1234067 → `x001/x234/067` */
function indexPath(index: number, width: number): string {
  let path = `${index % 1_000}`.padStart(3, "0");
  for (let left = Math.floor(index / 1_000); left > 0; left = Math.floor(left / 1_000))
    path = `x${`${left % 1_000}`.padStart(3, "0")}/${path}`;
  return width === TILE_WIDTH ? path : `${path}.p/${width}`;
}
