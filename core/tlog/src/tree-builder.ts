import { assert } from "@vedette/base";
import { TILE_HEIGHT, TILE_WIDTH, type Tile, type TileCoordinates } from "./tile.ts";
import { HASH_LENGTH, type TreeHasher } from "./tree-hasher.ts";

/**
 * A growing tree: its frontier (RFC 6962's "compact range", one root for each bit of the size) and the unfinished tile of
 * each level. One leaf costs one node hash on average, and finished tiles fall out of the same work.
 */
export class TreeBuilder {
  readonly #hasher: TreeHasher;
  /** INVARIANT: a root at height h exactly when bit h of the size is set. */
  readonly #rootByHeight: (Uint8Array | undefined)[] = [];
  readonly #edgeByLevel: Edge[] = [];
  #full: Tile[] = [];
  #size = 0;
  /** Until the next leaf. */
  #root: Uint8Array | undefined;

  constructor(hasher: TreeHasher) {
    this.#hasher = hasher;
  }

  /** Goes on from the unfinished tiles of a tree of that size. */
  static resume(size: number, readTile: (tile: TileCoordinates) => Uint8Array, hasher: TreeHasher): TreeBuilder {
    const builder = new TreeBuilder(hasher);
    for (let level = Math.floor(Math.log2(Math.max(size, 1)) / TILE_HEIGHT); level >= 0; level--) {
      const index = Math.floor(size / TILE_WIDTH ** (level + 1));
      const width = Math.floor(size / TILE_WIDTH ** level) % TILE_WIDTH;
      const hashes = width > 0 ? readTile({ level, index, width }) : new Uint8Array(0);
      assert(hashes.length === width * HASH_LENGTH, "a tile has as many hashes as was asked for");
      builder.#edgeByLevel[level] = { index, bytes: padTile(hashes), width };
      for (let i = 0; i < width; i++)
        builder.#mergeRoot(level * TILE_HEIGHT, hashes.slice(i * HASH_LENGTH, (i + 1) * HASH_LENGTH));
    }
    builder.#size = size;
    return builder;
  }

  get size(): number {
    return this.#size;
  }

  append(leafHash: Uint8Array): void {
    this.#size++;
    this.#root = undefined;
    this.#extendEdge(0, leafHash);
    this.#mergeRoot(0, leafHash);
  }

  root(): Uint8Array {
    this.#root ??= this.#foldFrontier();
    return this.#root;
  }

  /** Tiles that became full since the last call, each before the tile above it. */
  takeFullTiles(): readonly Tile[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }

  /** The unfinished tile of each level, lowest first; empty ones are left out. */
  partialTiles(): readonly Tile[] {
    return this.#edgeByLevel.flatMap((edge, level) => (edge.width > 0 ? [tileOfEdge(edge, level)] : []));
  }

  #foldFrontier(): Uint8Array {
    let folded: Uint8Array | undefined;
    for (const root of this.#rootByHeight) if (root) folded = folded ? this.#hasher.node(root, folded) : root;
    return folded ?? this.#hasher.empty;
  }

  #extendEdge(level: number, hash: Uint8Array): void {
    this.#edgeByLevel[level] ??= { index: 0, bytes: padTile(new Uint8Array(0)), width: 0 };
    const edge = this.#edgeByLevel[level];
    edge.bytes.set(hash, edge.width * HASH_LENGTH);
    edge.width++;
    if (edge.width < TILE_WIDTH) return;
    this.#full.push(tileOfEdge(edge, level));
    edge.index++;
    edge.width = 0;
  }

  #mergeRoot(height: number, root: Uint8Array): void {
    let merged = root;
    let at = height;
    for (let left = this.#rootByHeight[at]; left; left = this.#rootByHeight[at]) {
      merged = this.#hasher.node(left, merged);
      this.#rootByHeight[at] = undefined;
      at++;
      // The root of a full tile is the next hash of the tile above it.
      if (at % TILE_HEIGHT === 0) this.#extendEdge(at / TILE_HEIGHT, merged);
    }
    this.#rootByHeight[at] = merged;
  }
}

interface Edge {
  index: number;
  readonly bytes: Uint8Array;
  width: number;
}

function tileOfEdge(edge: Edge, level: number): Tile {
  return { level, index: edge.index, hashes: edge.bytes.slice(0, edge.width * HASH_LENGTH) };
}

function padTile(hashes: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(TILE_WIDTH * HASH_LENGTH);
  bytes.set(hashes);
  return bytes;
}
