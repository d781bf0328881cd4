import { type Instant, instant } from "@vedette/base";
import type { Kysely } from "kysely";
import type { IssuanceRow, Schema } from "./schema.ts";

/** One certificate the control plane signed. */
export interface Issuance {
  /** Hexadecimal serial number. */
  readonly serial: string;
  /** Row of the issuance table (PROTOCOLS §1), such as "node-svid". */
  readonly kind: string;
  /** SPIFFE ID or CA name. */
  readonly name: string;
  readonly notAfter: Instant;
}

/** An auditor asks "who was issued what" about the last quarter; then the mirrored journal is the record. */
export const ISSUANCE_RETENTION_MS = 90 * 86_400_000;

export interface Issuances {
  /** Also removes what expired longer than `ISSUANCE_RETENTION_MS` ago, so the table is bounded by the rate of issuing. */
  record(issuance: Issuance, now: Instant): Promise<void>;
  find(serial: string): Promise<Issuance | undefined>;
  /** The `limit` that end last. */
  list(limit: number): Promise<readonly Issuance[]>;
}

export function createIssuances(db: Kysely<Schema>): Issuances {
  return {
    async record({ serial, kind, name, notAfter }, now) {
      await db
        .deleteFrom("issuances")
        .where("not_after", "<", now - ISSUANCE_RETENTION_MS)
        .execute();
      await db.insertInto("issuances").values({ serial, kind, name, not_after: notAfter }).execute();
    },
    async find(serial) {
      const row = await db.selectFrom("issuances").selectAll().where("serial", "=", serial).executeTakeFirst();
      return row && rowToIssuance(row);
    },
    async list(limit) {
      const rows = await db.selectFrom("issuances").selectAll().orderBy("not_after", "desc").limit(limit).execute();
      return rows.map(rowToIssuance);
    },
  };
}

function rowToIssuance(row: IssuanceRow): Issuance {
  return { serial: row.serial, kind: row.kind, name: row.name, notAfter: instant(row.not_after) };
}
