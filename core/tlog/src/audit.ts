import { type Crypto, err, type Instant, isSameBytes, ok, type Result } from "@vedette/base";
import type { VerifierKey } from "@vedette/envelope";
import { diagnoseExport, firstUnfitting } from "./audit-diagnosis.ts";
import { type OpenedCheckpoint, openCheckpoint } from "./checkpoint.ts";
import { parseBundle } from "./entry-bundle.ts";
import type { AuditError } from "./errors.ts";
import type { ExportReader } from "./ports.ts";
import { bundlePath, TILE_WIDTH, tilePath, tileWidthAt } from "./tile.ts";
import { TreeBuilder } from "./tree-builder.ts";
import { createTreeHasher, HASH_LENGTH, type TreeHasher } from "./tree-hasher.ts";

/** Whom the auditor believes, from a source other than the export. */
export interface AuditTrust {
  /** The log's own keys, named after its origin. */
  readonly logKeys: readonly VerifierKey[];
  /** Cosigners (mirror, witnesses); at least one of them must have signed. Empty: the log's word alone, which cannot show a rewrite. */
  readonly cosignerKeys: readonly VerifierKey[];
}

export interface AuditWatcher {
  onProgress?(entriesDone: number, entriesTotal: number): void;
  /** Each entry in order, before the verdict: believe nothing of it until `verifyExport` has answered. */
  onEntry?(index: number, entry: Uint8Array): void;
}

export interface AuditReport {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly cosignedBy: readonly { readonly name: string; readonly at: Instant }[];
}

/**
 * Re-hashes every entry of an export up to the signed root, compares every tile on the way, and names the first entry,
 * tile or checkpoint that does not fit. Memory stays at one bundle and one tile for each level.
 */
export function verifyExport(
  reader: ExportReader,
  trust: AuditTrust,
  crypto: Pick<Crypto, "hash" | "verify">,
  watcher: AuditWatcher = {},
): Result<AuditReport, AuditError> {
  const checkpoint = readCheckpoint(reader, trust, crypto);
  if (!checkpoint.ok) return checkpoint;
  const { origin, size, root, signatures } = checkpoint.value;
  const hasher = createTreeHasher(crypto);
  const rehashed = rehash(reader, size, hasher, watcher);
  if (!rehashed.ok) return rehashed;
  const { differing } = rehashed.value;
  if (!isSameBytes(rehashed.value.root, root)) return err(diagnoseExport(reader, checkpoint.value, differing, hasher));
  // The entries give the signed root, so a tile that differs from what they give is the one that was changed.
  if (differing !== undefined) return err({ code: "TILE_MISMATCH", path: differing });
  const cosignedBy = signatures.flatMap(({ key, cosignedAt: at }) =>
    at === undefined ? [] : [{ name: key.name, at }],
  );
  return ok({ origin, size, root, cosignedBy });
}

function readCheckpoint(
  reader: ExportReader,
  { logKeys, cosignerKeys }: AuditTrust,
  crypto: Pick<Crypto, "verify">,
): Result<OpenedCheckpoint, AuditError> {
  const note = reader.read("checkpoint");
  if (!note) return err({ code: "CHECKPOINT_MISSING" });
  const opened = openCheckpoint(note, [...logKeys, ...cosignerKeys], crypto);
  if (!opened.ok || cosignerKeys.length === 0) return opened;
  const isCosigned = opened.value.signatures.some(({ key }) => cosignerKeys.includes(key));
  return isCosigned ? opened : err({ code: "COSIGNATURE_MISSING", origin: opened.value.origin });
}

/** The root that the entries give, and the path of the first tile that is not what they give. */
interface Rehashed {
  readonly root: Uint8Array;
  readonly differing: string | undefined;
}

function rehash(
  reader: ExportReader,
  size: number,
  hasher: TreeHasher,
  watcher: AuditWatcher,
): Result<Rehashed, AuditError> {
  const tree = new TreeBuilder(hasher);
  let differing: string | undefined;
  for (let bundle = 0; bundle * TILE_WIDTH < size; bundle++) {
    const entries = readBundle(reader, bundle, size, hasher);
    if (!entries.ok) return entries;
    for (const [i, entry] of entries.value.entries()) {
      tree.append(hasher.leaf(entry));
      watcher.onEntry?.(bundle * TILE_WIDTH + i, entry);
    }
    const isLast = tree.size === size;
    for (const tile of isLast ? [...tree.takeFullTiles(), ...tree.partialTiles()] : tree.takeFullTiles()) {
      const path = tilePath({ ...tile, width: tile.hashes.length / HASH_LENGTH });
      const file = reader.read(path);
      if (!file) return err({ code: "FILE_MISSING", path });
      if (file.length !== tile.hashes.length) return err({ code: "TILE_MALFORMED", path });
      if (!isSameBytes(file, tile.hashes)) differing ??= path;
    }
    watcher.onProgress?.(tree.size, size);
  }
  return ok({ root: tree.root(), differing });
}

function readBundle(
  reader: ExportReader,
  bundle: number,
  size: number,
  hasher: TreeHasher,
): Result<readonly Uint8Array[], AuditError> {
  const width = tileWidthAt(0, bundle, size);
  const path = bundlePath(bundle, width);
  const bytes = reader.read(path);
  if (!bytes) return err({ code: "FILE_MISSING", path });
  const parsed = parseBundle(bytes, width);
  if (parsed.ok) return parsed;
  const { entries } = parsed.error;
  const hashes = reader.read(tilePath({ level: 0, index: bundle, width })) ?? new Uint8Array(0);
  // Where a length was changed, what follows is read at wrong places: the first entry that does not fit is the one.
  const index = firstUnfitting(entries, hashes, hasher) ?? Math.min(entries.length, width - 1);
  return err({ code: "ENTRY_MALFORMED", path, index: bundle * TILE_WIDTH + index });
}
