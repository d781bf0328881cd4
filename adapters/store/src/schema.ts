import type { DatabaseSync } from "node:sqlite";
import { storeError } from "./errors.ts";

// Column types of the tables below. They are claims that STRICT tables and CHECK constraints enforce when a row is written
// and that `PRAGMA quick_check` proves again at every open; so a row that was read needs no second parser.
export interface Schema {
  readonly endorsement_keys: EndorsementKeyRow;
  readonly claims: ClaimRow;
  readonly nodes: NodeRow;
  readonly journal_keys: JournalKeyRow;
  readonly pending: PendingRow;
  readonly policies: PolicyRow;
  readonly acknowledgements: AcknowledgementRow;
  readonly trust_documents: TrustDocumentRow;
  readonly issuances: IssuanceRow;
  readonly generations: GenerationRow;
}
export interface EndorsementKeyRow {
  readonly ek_hash: string;
  readonly site: string;
  readonly class: string;
  readonly label: string;
}
export interface ClaimRow {
  readonly hash: string;
  readonly site: string;
  readonly class: string;
  readonly label: string;
  readonly not_after: number;
  readonly used_at: number | null;
  readonly used_by: string | null;
}
export interface NodeRow {
  readonly id: string;
  readonly site: string;
  readonly class: string;
  readonly ek_hash: string;
  readonly ak_name: string;
  readonly journal_key: string;
  readonly state: "active" | "pending" | "contraindicated";
  readonly attested_at: number;
  readonly svid_serial: string | null;
  readonly svid_not_after: number | null;
  readonly journal_size: number;
  readonly journal_root: string;
  readonly ear: string | null;
}
interface JournalKeyRow {
  readonly verifier_key: string;
  readonly node: string;
}
export interface PendingRow {
  readonly ek_hash: string;
  readonly site: string;
  readonly class: string;
  readonly reason: string;
  readonly first_seen_at: number;
  readonly last_seen_at: number;
  readonly attempts: number;
}
export interface PolicyRow {
  readonly site: string;
  readonly sequence: number;
  readonly revision: string;
  readonly bytes: Uint8Array;
  readonly published_at: number;
}
interface AcknowledgementRow {
  readonly node: string;
  readonly sequence: number;
  readonly at: number;
}
interface TrustDocumentRow {
  readonly version: number;
  readonly text: string;
}
export interface IssuanceRow {
  readonly serial: string;
  readonly kind: string;
  readonly name: string;
  readonly not_after: number;
}
export interface GenerationRow {
  readonly kind: "policy" | "trust" | "status";
  readonly site: string;
  readonly value: number;
}

/** Step N takes version N to N+1 in one transaction. INVARIANT: steps are appended, never edited: stores in the field ran them. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE endorsement_keys (
    ek_hash TEXT PRIMARY KEY CHECK (length(ek_hash) = 64),
    site TEXT NOT NULL, class TEXT NOT NULL, label TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE claims (
    hash TEXT PRIMARY KEY CHECK (length(hash) = 64),
    site TEXT NOT NULL, class TEXT NOT NULL, label TEXT NOT NULL, not_after INTEGER NOT NULL,
    used_at INTEGER, used_by TEXT, CHECK ((used_at IS NULL) = (used_by IS NULL))
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX claims_not_after ON claims (not_after);
  CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    site TEXT NOT NULL, class TEXT NOT NULL, ek_hash TEXT NOT NULL UNIQUE CHECK (length(ek_hash) = 64),
    ak_name TEXT NOT NULL, journal_key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'pending', 'contraindicated')),
    attested_at INTEGER NOT NULL, svid_serial TEXT, svid_not_after INTEGER,
    journal_size INTEGER NOT NULL CHECK (journal_size >= 0), journal_root TEXT NOT NULL, ear TEXT,
    CHECK ((svid_serial IS NULL) = (svid_not_after IS NULL))
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE pending (
    ek_hash TEXT PRIMARY KEY CHECK (length(ek_hash) = 64),
    site TEXT NOT NULL, class TEXT NOT NULL, reason TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL, last_seen_at INTEGER NOT NULL, attempts INTEGER NOT NULL CHECK (attempts > 0)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE policies (
    site TEXT NOT NULL, sequence INTEGER NOT NULL CHECK (sequence > 0), revision TEXT NOT NULL,
    bytes BLOB NOT NULL, published_at INTEGER NOT NULL, PRIMARY KEY (site, sequence)
  ) STRICT;
  CREATE TABLE acknowledgements (
    node TEXT PRIMARY KEY, sequence INTEGER NOT NULL CHECK (sequence > 0), at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE trust_documents (
    version INTEGER PRIMARY KEY CHECK (version > 0), text TEXT NOT NULL
  ) STRICT;
  CREATE TABLE issuances (
    serial TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, not_after INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX issuances_not_after ON issuances (not_after);
  CREATE TABLE generations (
    kind TEXT NOT NULL CHECK (kind IN ('policy', 'trust', 'status')), site TEXT NOT NULL,
    value INTEGER NOT NULL CHECK (value > 0), PRIMARY KEY (kind, site)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE journal_keys (verifier_key TEXT PRIMARY KEY, node TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX journal_keys_node ON journal_keys (node);
  INSERT INTO journal_keys SELECT journal_key, id FROM nodes;
  `,
];
export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the tables to `SCHEMA_VERSION`. Throws `AdapterError` STORE_SCHEMA_NEWER without touching a store from the future. */
export function migrate(database: DatabaseSync): void {
  database.exec("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT");
  const version = readVersion(database);
  if (version > SCHEMA_VERSION) throw storeError("STORE_SCHEMA_NEWER", { found: version, supported: SCHEMA_VERSION });
  for (const [index, step] of MIGRATIONS.entries()) {
    if (index < version) continue;
    database.exec(
      `BEGIN IMMEDIATE; ${step} DELETE FROM schema_version; INSERT INTO schema_version VALUES (${index + 1}); COMMIT`,
    );
  }
}

function readVersion(database: DatabaseSync): number {
  const version = database.prepare("SELECT version FROM schema_version").get()?.["version"] ?? 0;
  if (typeof version !== "number") throw storeError("STORE_CORRUPT", { reason: "schema version is no number" });
  return version;
}
