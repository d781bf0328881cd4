import type { DatabaseSync } from "node:sqlite";
import {
  AdapterError,
  assert,
  ByteReader,
  type Crypto,
  err,
  type Instant,
  isSameBytes,
  ok,
  type Result,
} from "@vedette/base";
import {
  cosignNote,
  formatNote,
  formatNoteSignature,
  type NoteSigner,
  parseNote,
  type SignedNote,
  type VerifierKey,
} from "@vedette/envelope";
import {
  acceptCheckpoint,
  acceptedAnswer,
  acceptPackage,
  beginUpload,
  completeUpload,
  type KnownCheckpoint,
  type LogReader,
  type MirrorAnswer,
  type MirroredLog,
  type MirrorRefusal,
  nodesOfTiles,
  PENDING_CHECKPOINTS_MAX,
  packageRanges,
  parseAddCheckpoint,
  parseCheckpoint,
  partialAnswer,
  rangeRoot,
  readAddEntriesHeader,
  readPackage,
  refusedAnswer,
  TILE_WIDTH,
  type TreeBuilder,
  type Upload,
} from "@vedette/tlog";
import { inTransaction, openDatabase, storing } from "./database.ts";
import { type StoredCheckpoint, TreeStore } from "./tree-store.ts";

export interface MirrorOptions {
  readonly path: string;
  /** The mirror's own key, of kind "cosignature"; used for nothing else (tlog-cosignature). */
  readonly cosigner: NoteSigner;
  readonly crypto: Pick<Crypto, "verify">;
  /** The keys of the logs this mirror serves; undefined for a log it does not. */
  readonly keysOf: (origin: string) => readonly VerifierKey[] | undefined;
}

/** A log as this mirror holds it. */
export interface MirroredCopy extends LogReader {
  readonly pendingSize: number;
  /** The mirror checkpoint with the cosignature: what is promised to be stored. */
  readonly cosigned: StoredCheckpoint | undefined;
}

/**
 * C2SP tlog-mirror for many logs in one file. Everything is hashed again and proven before it is stored, stored before it is
 * cosigned, and the cosigned note is stored before it is answered. Synchronous: a full request (32 packages, 8,192 entries)
 * takes the thread for about 60 ms, two fdatasync included. Throws `AdapterError` STORE_FULL, JOURNAL_CORRUPT, JOURNAL_FAILED;
 * the answer to the client is then 503, and its next attempt finds the mirror as it was.
 */
export interface Mirror {
  /** POST add-checkpoint; `ADD_CHECKPOINT_LENGTH_MAX` bounds the body. */
  addCheckpoint(body: Uint8Array): MirrorAnswer;
  /** POST add-entries; `ADD_ENTRIES_LENGTH_MAX` bounds the body, decompressed. `now` goes into the cosignature. */
  addEntries(body: Uint8Array, now: Instant): MirrorAnswer;
  /** Logs that have shown a checkpoint. */
  origins(): readonly string[];
  log(origin: string): MirroredCopy | undefined;
  close(): void;
}

/** Throws what `openDatabase` throws. */
export function openMirror(options: MirrorOptions): Mirror {
  return new FileMirror(options);
}

/** Unfinished tiles of a log take about 16 KiB; logs beyond these are read from disk again when they come back. */
const LOGS_HELD_MAX = 1_024;

interface HeldLog {
  readonly store: TreeStore;
  readonly tree: TreeBuilder;
  state: MirroredLog;
}

class FileMirror implements Mirror {
  readonly #options: MirrorOptions;
  readonly #database: DatabaseSync;
  readonly #heldByOrigin = new Map<string, HeldLog>();

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#database = openDatabase(options.path);
  }

  addCheckpoint(body: Uint8Array): MirrorAnswer {
    const request = parseAddCheckpoint(body);
    if (!request.ok) return refusedAnswer({ code: "REQUEST_MALFORMED" });
    const { origin } = request.value;
    const keys = this.#options.keysOf(origin);
    if (!keys) return refusedAnswer({ code: "LOG_UNKNOWN" });
    return this.#storing(origin, () => {
      const log = this.#hold(origin);
      const accepted = acceptCheckpoint(log.state, request.value, keys, this.#options.crypto, log.store.hasher);
      if (!accepted.ok) return refusedAnswer(accepted.error);
      if (accepted.value !== log.state) this.#keepPending(log, accepted.value);
      return acceptedAnswer("");
    });
  }

  addEntries(body: Uint8Array, now: Instant): MirrorAnswer {
    const reader = new ByteReader(body);
    const header = readAddEntriesHeader(reader);
    if (!header.ok) return refusedAnswer({ code: "REQUEST_MALFORMED" });
    const { origin } = header.value;
    if (!this.#options.keysOf(origin)) return refusedAnswer({ code: "LOG_UNKNOWN" });
    return this.#storing(origin, () => {
      const log = this.#hold(origin);
      const upload = beginUpload(log.state, header.value);
      if (!upload.ok) return refusedAnswer(upload.error);
      const received = this.#receive(log, upload.value, reader);
      return received.ok ? this.#finish(log, upload.value, now) : refusedAnswer(received.error);
    });
  }

  origins(): readonly string[] {
    const rows = storing(this.#options.path, () => this.#database.prepare("SELECT origin FROM log ORDER BY id").all());
    return rows.map((row) => String(row["origin"]));
  }

  log(origin: string): MirroredCopy | undefined {
    const id = this.#idOf(origin);
    if (id === undefined) return undefined;
    const store = new TreeStore(this.#database, id, origin);
    const state = storing(this.#options.path, () => readState(store));
    return {
      origin,
      size: state.nextEntry,
      pendingSize: state.pending.at(-1)?.size ?? 0,
      cosigned: state.mirrored && { size: state.mirrored.size, note: state.mirrored.note },
      readEntries: (from, to) => storing(this.#options.path, () => store.readEntries(from, to)),
      readTile: (tile) => storing(this.#options.path, () => store.readTile(tile)),
    };
  }

  close(): void {
    this.#database.close();
  }

  /** Stores the packages that prove themselves, as one commit; the first that does not ends the request. */
  #receive(log: HeldLog, upload: Upload, body: ByteReader): Result<undefined, MirrorRefusal> {
    let refusal: MirrorRefusal | undefined;
    let packages = 0;
    const fresh: Uint8Array[] = [];
    const freshHashes: Uint8Array[] = [];
    for (const range of packageRanges(upload.start, upload.end)) {
      const received = readPackage(body, range);
      if (!received) break;
      const index = range.subtreeStart / TILE_WIDTH;
      const stored = log.store.readTile({ level: 0, index, width: range.start - range.subtreeStart });
      const leafHashes = acceptPackage(upload, range, received, stored, log.store.hasher);
      if (!leafHashes.ok) {
        refusal = leafHashes.error;
        break;
      }
      packages++;
      const known = Math.max(0, log.state.nextEntry - range.start);
      fresh.push(...received.entries.slice(known));
      freshHashes.push(...leafHashes.value.slice(known));
    }
    if (fresh.length > 0) this.#append(log, fresh, freshHashes);
    if (refusal) return err(refusal);
    return packages > 0 || upload.start === upload.end ? ok(undefined) : err({ code: "REQUEST_MALFORMED" });
  }

  #append(log: HeldLog, entries: readonly Uint8Array[], leafHashes: readonly Uint8Array[]): void {
    inTransaction(this.#database, () => log.store.append(log.tree, entries, leafHashes, 0));
    log.state = { ...log.state, nextEntry: log.tree.size };
  }

  /** The upload so far is on disk: cosign when it is complete, else say where to go on. */
  #finish(log: HeldLog, upload: Upload, now: Instant): MirrorAnswer {
    const { size, root, note } = upload.target;
    const { nextEntry } = log.state;
    if (nextEntry < size) return partialAnswer({ size, nextEntry, ticket: new Uint8Array(0) });
    const nodes = nodesOfTiles((tile) => log.store.readTile(tile), size, log.store.hasher);
    // Each package proved itself; this asks what is on disk once more before the mirror puts its name to it.
    if (!isSameBytes(rangeRoot(nodes, 0, size, log.store.hasher), root))
      throw new AdapterError("JOURNAL_CORRUPT", "mirror does not hold the tree it received", { size });
    const signed = noteOf(note);
    const cosignature = cosignNote(signed.text, this.#options.cosigner, now);
    const others = signed.signatures.filter(({ name }) => name !== cosignature.name);
    const cosigned = formatNote({ ...signed, signatures: [...others, cosignature] });
    log.state = completeUpload(log.state, { size, root, note: cosigned });
    inTransaction(this.#database, () => {
      log.store.putNote("cosigned", size, cosigned);
      log.store.pruneNotes("cosigned", 1);
    });
    return acceptedAnswer(formatNoteSignature(cosignature));
  }

  #keepPending(log: HeldLog, state: MirroredLog): void {
    const pending = state.pending.at(-1);
    if (!pending) return;
    inTransaction(this.#database, () => {
      log.store.putNote("pending", pending.size, pending.note);
      log.store.pruneNotes("pending", PENDING_CHECKPOINTS_MAX);
    });
    log.state = state;
  }

  #hold(origin: string): HeldLog {
    const held = this.#heldByOrigin.get(origin);
    if (held) return held;
    const id = this.#idOf(origin) ?? this.#register(origin);
    const store = new TreeStore(this.#database, id, origin);
    const tree = store.replay(store.size - (store.size % TILE_WIDTH));
    const log: HeldLog = { store, tree, state: readState(store) };
    if (this.#heldByOrigin.size >= LOGS_HELD_MAX) this.#heldByOrigin.clear();
    this.#heldByOrigin.set(origin, log);
    return log;
  }

  #idOf(origin: string): number | undefined {
    const select = this.#database.prepare("SELECT id FROM log WHERE origin = ?");
    const id = storing(this.#options.path, () => select.get(origin)?.["id"]);
    return id === undefined ? undefined : Number(id);
  }

  #register(origin: string): number {
    return Number(this.#database.prepare("INSERT INTO log (origin) VALUES (?)").run(origin).lastInsertRowid);
  }

  /** What was held in memory is doubtful after a failed commit: it is read again the next time. */
  #storing(origin: string, work: () => MirrorAnswer): MirrorAnswer {
    try {
      return storing(this.#options.path, work);
    } catch (cause) {
      this.#heldByOrigin.delete(origin);
      throw cause;
    }
  }
}

function noteOf(note: string): SignedNote {
  const parsed = parseNote(note);
  assert(parsed.ok, "a stored note was parsed before it was stored");
  return parsed.value;
}

function readState(store: TreeStore): MirroredLog {
  const [mirrored] = store.notes("cosigned").slice(-1);
  const pending = store.notes("pending").map((stored) => knownCheckpoint(store, stored));
  return { pending, nextEntry: store.size, ...(mirrored && { mirrored: knownCheckpoint(store, mirrored) }) };
}

function knownCheckpoint(store: TreeStore, { size, note }: StoredCheckpoint): KnownCheckpoint {
  const parsed = parseCheckpoint(noteOf(note).text);
  if (!parsed.ok || parsed.value.size !== size || parsed.value.origin !== store.origin)
    throw new AdapterError("JOURNAL_CORRUPT", "mirror holds a damaged checkpoint", { origin: store.origin, size });
  return { size, root: parsed.value.root, note };
}
