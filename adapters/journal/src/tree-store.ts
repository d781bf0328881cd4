import type { DatabaseSync, StatementSync } from "node:sqlite";
import { AdapterError, assert, isSameBytes } from "@vedette/base";
import {
  encodeBundle,
  HASH_LENGTH,
  type LogReader,
  parseBundle,
  TILE_WIDTH,
  type Tile,
  type TileCoordinates,
  TreeBuilder,
  type TreeHasher,
} from "@vedette/tlog";
import { createSlabHasher } from "./slab-hasher.ts";

/** One log inside a database: its entries, tiles and notes. Works within the caller's transactions. */
export class TreeStore implements LogReader {
  readonly origin: string;
  readonly id: number;
  readonly hasher: TreeHasher = createSlabHasher();
  readonly #database: DatabaseSync;
  readonly #sql: Statements;

  constructor(database: DatabaseSync, id: number, origin: string) {
    this.origin = origin;
    this.id = id;
    this.#database = database;
    this.#sql = prepareStatements(database);
  }

  get size(): number {
    const last = this.#sql.lastSegment.get(this.id);
    return last ? Number(last["first"]) + Number(last["count"]) : 0;
  }

  /** Appends at the tree's end, within the caller's transaction; `tree` grows with it, committed or not. */
  append(tree: TreeBuilder, entries: readonly Uint8Array[], leafHashes: readonly Uint8Array[], numbers: number): void {
    const begin = tree.size;
    for (let first = begin; first < begin + entries.length; first = tree.size) {
      // INVARIANT: no segment crosses a bundle, so that reading a bundle reads no entry of another.
      const end = Math.min(begin + entries.length, first - (first % TILE_WIDTH) + TILE_WIDTH);
      for (const leafHash of leafHashes.slice(first - begin, end - begin)) tree.append(leafHash);
      const bundle = encodeBundle(entries.slice(first - begin, end - begin));
      this.#sql.addSegment.run(this.id, first, end - first, first === begin ? numbers : 0, tree.root(), bundle);
    }
    const full = tree.takeFullTiles();
    for (const tile of full) this.#putTile(tile);
    // An unfinished tile above level 0 changes only when one below became full.
    if (full.length > 0) for (const tile of tree.partialTiles()) if (tile.level > 0) this.#putTile(tile);
  }

  readEntries(from: number, to: number): readonly Uint8Array[] {
    const entries: Uint8Array[] = [];
    let next = from;
    for (const row of this.#sql.segments.iterate(this.id, this.id, from, to)) {
      const [first, count] = [Number(row["first"]), Number(row["count"])];
      const bundle = parseBundle(row["entries"] as Uint8Array, count);
      if (!bundle.ok || first > next) break;
      for (const entry of bundle.value.slice(next - first, to - first)) entries.push(entry);
      next = from + entries.length;
    }
    if (next !== to) throw this.#corrupt("journal lacks entries that it counts", { from, to, found: next });
    return entries;
  }

  readTile({ level, index, width }: TileCoordinates): Uint8Array {
    const stored = this.#sql.tile.get(this.id, level, index)?.["hashes"] as Uint8Array | undefined;
    const length = width * HASH_LENGTH;
    if (stored && stored.length >= length) return stored.subarray(0, length);
    if (level > 0) throw this.#corrupt("journal lacks a tile", { level, index, width });
    const hashes = new Uint8Array(length);
    const first = index * TILE_WIDTH;
    for (const [i, entry] of this.readEntries(first, first + width).entries())
      hashes.set(this.hasher.leaf(entry), i * HASH_LENGTH);
    return hashes;
  }

  /**
   * The tree, ready to grow: entries from `from` (a multiple of 256) on are hashed again and must give the tiles and the root
   * that were stored with them. Throws `AdapterError` JOURNAL_CORRUPT.
   */
  replay(from: number): TreeBuilder {
    assert(from % TILE_WIDTH === 0, "replay starts at a tile");
    const size = this.size;
    const tree = TreeBuilder.resume(from, (tile) => this.readTile(tile), this.hasher);
    for (let at = from; at < size; at += TILE_WIDTH) {
      for (const entry of this.readEntries(at, Math.min(size, at + TILE_WIDTH))) tree.append(this.hasher.leaf(entry));
      const full = tree.takeFullTiles();
      for (const tile of full) this.#compareTile(tile);
    }
    for (const tile of tree.partialTiles()) if (tile.level > 0) this.#compareTile(tile);
    const root = this.#sql.lastSegment.get(this.id)?.["root"] as Uint8Array | undefined;
    if (!isSameBytes(tree.root(), root ?? this.hasher.empty))
      throw this.#corrupt("journal's entries do not give its root", { size });
    return tree;
  }

  /** How many decision numbers the segments from index `first` on account for. */
  numbersSince(first: number): number {
    return Number(this.#sql.numbersSince.get(this.id, first)?.["numbers"] ?? 0);
  }

  putNote(kind: NoteKind, size: number, note: string): void {
    this.#sql.putNote.run(this.id, kind, size, note);
  }

  /** Removes all but the newest `keep` notes of a kind. */
  pruneNotes(kind: NoteKind, keep: number): void {
    this.#sql.pruneNotes.run(this.id, kind, this.id, kind, keep);
  }

  /** Smallest size first. */
  notes(kind: NoteKind): readonly StoredCheckpoint[] {
    return this.#sql.notes.all(this.id, kind).map((row) => ({ size: Number(row["size"]), note: String(row["note"]) }));
  }

  #putTile({ level, index, hashes }: Tile): void {
    this.#sql.putTile.run(this.id, level, index, hashes);
  }

  #compareTile({ level, index, hashes }: Tile): void {
    const stored = this.readTile({ level, index, width: hashes.length / HASH_LENGTH });
    if (!isSameBytes(stored, hashes)) throw this.#corrupt("journal's entries do not give its tiles", { level, index });
  }

  #corrupt(message: string, facts: Readonly<Record<string, unknown>>): AdapterError {
    return new AdapterError("JOURNAL_CORRUPT", message, { path: this.#database.location(), ...facts });
  }
}

/** `signed`: by the log alone. `cosigned`: by log and mirror. `pending`: promised to a mirror. */
export type NoteKind = "signed" | "cosigned" | "pending";

/** A log's head at a size, as a signed note. */
export interface StoredCheckpoint {
  readonly size: number;
  readonly note: string;
}

type Statements = Readonly<Record<keyof typeof STATEMENTS, StatementSync>>;

const STATEMENTS = {
  lastSegment: "SELECT first, count, root FROM segment WHERE log = ? ORDER BY first DESC LIMIT 1",
  addSegment: "INSERT INTO segment (log, first, count, numbers, root, entries) VALUES (?, ?, ?, ?, ?, ?)",
  segments: `SELECT first, count, entries FROM segment WHERE log = ? AND first >= coalesce(
    (SELECT max(first) FROM segment WHERE log = ? AND first <= ?), 0) AND first < ? ORDER BY first`,
  numbersSince: "SELECT sum(numbers) AS numbers FROM segment WHERE log = ? AND first >= ?",
  tile: "SELECT hashes FROM tile WHERE log = ? AND level = ? AND idx = ?",
  putTile: "INSERT OR REPLACE INTO tile (log, level, idx, hashes) VALUES (?, ?, ?, ?)",
  putNote: "INSERT OR REPLACE INTO note (log, kind, size, note) VALUES (?, ?, ?, ?)",
  pruneNotes: `DELETE FROM note WHERE log = ? AND kind = ? AND size NOT IN (
    SELECT size FROM note WHERE log = ? AND kind = ? ORDER BY size DESC LIMIT ?)`,
  notes: "SELECT size, note FROM note WHERE log = ? AND kind = ? ORDER BY size",
} as const;

function prepareStatements(database: DatabaseSync): Statements {
  const prepared = Object.entries(STATEMENTS).map(([name, sql]) => [name, database.prepare(sql)]);
  return Object.fromEntries(prepared) as Statements;
}
