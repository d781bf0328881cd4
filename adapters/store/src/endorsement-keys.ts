import type { Kysely } from "kysely";
import type { EndorsementKeyRow, Schema } from "./schema.ts";

/** A TPM that somebody expects at a site, by SHA-256 of its endorsement public key (PROTOCOLS 2.2). */
export interface EndorsementKey {
  /** Lower-case hexadecimal SHA-256. */
  readonly ekHash: string;
  readonly site: string;
  readonly deviceClass: string;
  readonly label: string;
}

export interface EndorsementKeys {
  /** Registers or replaces. */
  register(key: EndorsementKey): Promise<void>;
  find(ekHash: string): Promise<EndorsementKey | undefined>;
  list(): Promise<readonly EndorsementKey[]>;
  /** False when it was not registered. */
  remove(ekHash: string): Promise<boolean>;
}

export function createEndorsementKeys(db: Kysely<Schema>): EndorsementKeys {
  return {
    async register(key) {
      const row = keyToRow(key);
      await db
        .insertInto("endorsement_keys")
        .values(row)
        .onConflict((conflict) => conflict.column("ek_hash").doUpdateSet(row))
        .execute();
    },
    async find(ekHash) {
      const row = await db.selectFrom("endorsement_keys").selectAll().where("ek_hash", "=", ekHash).executeTakeFirst();
      return row && rowToKey(row);
    },
    async list() {
      const rows = await db.selectFrom("endorsement_keys").selectAll().orderBy("site").orderBy("ek_hash").execute();
      return rows.map(rowToKey);
    },
    async remove(ekHash) {
      const result = await db.deleteFrom("endorsement_keys").where("ek_hash", "=", ekHash).executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
  };
}

export function keyToRow(key: EndorsementKey): EndorsementKeyRow {
  return { ek_hash: key.ekHash, site: key.site, class: key.deviceClass, label: key.label };
}

function rowToKey(row: EndorsementKeyRow): EndorsementKey {
  return { ekHash: row.ek_hash, site: row.site, deviceClass: row.class, label: row.label };
}
