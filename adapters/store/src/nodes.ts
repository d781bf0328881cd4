import { err, type Instant, instant, ok, type Result } from "@vedette/base";
import type { Kysely, Transaction } from "kysely";
import type { JournalConflict, NodeConflict } from "./errors.ts";
import type { NodeRow, Schema } from "./schema.ts";

export type NodeState = "active" | "pending" | "contraindicated";

/** What the control plane knows about one enrolled node. */
export interface NodeRecord {
  readonly id: string;
  readonly site: string;
  readonly deviceClass: string;
  /** Lower-case hexadecimal SHA-256 of the endorsement public key. One key, one node. */
  readonly ekHash: string;
  /** TPM Name of the attestation key, hexadecimal. */
  readonly akName: string;
  /** Verifier key of the node's journal (C2SP signed note text). */
  readonly journalKey: string;
  readonly state: NodeState;
  readonly attestedAt: Instant;
  readonly svid: { readonly serial: string; readonly notAfter: Instant } | undefined;
  /** Size and root (hexadecimal) of the journal as last seen. */
  readonly journal: { readonly size: number; readonly root: string };
  /** The last attestation result, as signed. */
  readonly ear: string | undefined;
}

/** The embedded store is for one control plane without a database server; larger fleets use the scaled one. */
export const NODES_MAX = 10_000;

/** A new log begins with each enrolment (a new disk, a new TPM); more of them for one node is a node that is being misused. */
const JOURNAL_KEYS_MAX = 64;

export interface JournalKey {
  readonly node: string;
  /** C2SP signed note text. */
  readonly verifierKey: string;
}

export interface Nodes {
  /** Inserts or replaces, all fields. Refuses ENDORSEMENT_KEY_TAKEN, NODES_FULL and JOURNAL_KEYS_FULL. */
  put(node: NodeRecord): Promise<Result<void, NodeConflict>>;
  find(id: string): Promise<NodeRecord | undefined>;
  findByEndorsementKey(ekHash: string): Promise<NodeRecord | undefined>;
  /** At most `NODES_MAX`, ordered by id. */
  list(): Promise<readonly NodeRecord[]>;
  /** False when the node is unknown. */
  setState(id: string, state: NodeState): Promise<boolean>;
  /** Every key a node's journals were ever signed with, of nodes enrolled anew too: their old logs are to be verified as well. */
  journalKeys(): Promise<readonly JournalKey[]>;
  /** Records a journal head. A smaller one is refused, and so is another root of the same size. */
  advanceJournal(id: string, journal: NodeRecord["journal"]): Promise<Result<void, JournalConflict>>;
}

export function createNodes(db: Kysely<Schema>): Nodes {
  return {
    put: (node) => db.transaction().execute((transaction) => put(transaction, node)),
    async find(id) {
      const row = await db.selectFrom("nodes").selectAll().where("id", "=", id).executeTakeFirst();
      return row && rowToNode(row);
    },
    async findByEndorsementKey(ekHash) {
      const row = await db.selectFrom("nodes").selectAll().where("ek_hash", "=", ekHash).executeTakeFirst();
      return row && rowToNode(row);
    },
    async list() {
      return (await db.selectFrom("nodes").selectAll().orderBy("id").execute()).map(rowToNode);
    },
    async setState(id, state) {
      const result = await db.updateTable("nodes").set({ state }).where("id", "=", id).executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    async journalKeys() {
      const rows = await db.selectFrom("journal_keys").selectAll().orderBy("node").orderBy("verifier_key").execute();
      return rows.map((row) => ({ node: row.node, verifierKey: row.verifier_key }));
    },
    advanceJournal: (id, journal) => db.transaction().execute((transaction) => advance(transaction, id, journal)),
  };
}

async function put(db: Transaction<Schema>, node: NodeRecord): Promise<Result<void, NodeConflict>> {
  const holder = await db.selectFrom("nodes").select("id").where("ek_hash", "=", node.ekHash).executeTakeFirst();
  if (holder && holder.id !== node.id) return err({ code: "ENDORSEMENT_KEY_TAKEN", nodeId: holder.id });
  const known = await db.selectFrom("nodes").select("id").where("id", "=", node.id).executeTakeFirst();
  if (!known && (await countNodes(db)) >= NODES_MAX) return err({ code: "NODES_FULL", nodesMax: NODES_MAX });
  const row = nodeToRow(node);
  const keys = await db.selectFrom("journal_keys").select("verifier_key").where("node", "=", node.id).execute();
  const isNewKey = !keys.some((key) => key.verifier_key === node.journalKey);
  if (isNewKey && keys.length >= JOURNAL_KEYS_MAX)
    return err({ code: "JOURNAL_KEYS_FULL", nodeId: node.id, keysMax: JOURNAL_KEYS_MAX });
  if (isNewKey) await db.insertInto("journal_keys").values({ verifier_key: node.journalKey, node: node.id }).execute();
  await db
    .insertInto("nodes")
    .values(row)
    .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
    .execute();
  return ok(undefined);
}

async function advance(
  db: Transaction<Schema>,
  id: string,
  journal: NodeRecord["journal"],
): Promise<Result<void, JournalConflict>> {
  const row = await db
    .selectFrom("nodes")
    .select(["journal_size", "journal_root"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (!row) return err({ code: "NODE_UNKNOWN", nodeId: id });
  const { journal_size: current, journal_root: root } = row;
  if (journal.size < current) return err({ code: "JOURNAL_SHRINKS", offered: journal.size, current });
  if (journal.size === current && journal.root !== root)
    return err({ code: "JOURNAL_FORKED", size: current, offered: journal.root, current: root });
  const next = { journal_size: journal.size, journal_root: journal.root };
  await db.updateTable("nodes").set(next).where("id", "=", id).execute();
  return ok(undefined);
}

async function countNodes(db: Transaction<Schema>): Promise<number> {
  const { count } = await db
    .selectFrom("nodes")
    .select((select) => select.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return count;
}

function nodeToRow(node: NodeRecord): NodeRow {
  return {
    id: node.id,
    site: node.site,
    class: node.deviceClass,
    ek_hash: node.ekHash,
    ak_name: node.akName,
    journal_key: node.journalKey,
    state: node.state,
    attested_at: node.attestedAt,
    svid_serial: node.svid?.serial ?? null,
    svid_not_after: node.svid?.notAfter ?? null,
    journal_size: node.journal.size,
    journal_root: node.journal.root,
    ear: node.ear ?? null,
  };
}

function rowToNode(row: NodeRow): NodeRecord {
  const { svid_serial: serial, svid_not_after: notAfter } = row;
  return {
    id: row.id,
    site: row.site,
    deviceClass: row.class,
    ekHash: row.ek_hash,
    akName: row.ak_name,
    journalKey: row.journal_key,
    state: row.state,
    attestedAt: instant(row.attested_at),
    svid: serial === null || notAfter === null ? undefined : { serial, notAfter: instant(notAfter) },
    journal: { size: row.journal_size, root: row.journal_root },
    ear: row.ear ?? undefined,
  };
}
