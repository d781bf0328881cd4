import { type Instant, instant } from "@vedette/base";
import type { Kysely, Transaction } from "kysely";
import type { PendingRow, Schema } from "./schema.ts";

/** A genuine TPM that nobody registered: it waits for a person and gets nothing (PROTOCOLS 2.2). */
export interface PendingEnrolment {
  readonly ekHash: string;
  readonly site: string;
  readonly deviceClass: string;
  /** Why it waits, a code. */
  readonly reason: string;
}
export interface SeenPendingEnrolment extends PendingEnrolment {
  readonly firstSeenAt: Instant;
  readonly lastSeenAt: Instant;
  readonly attempts: number;
}

/** A person reads this list. When it is full newcomers are not noted: a flood must not push out who waits already. */
export const PENDING_MAX = 1_024;

export interface PendingEnrolments {
  note(enrolment: PendingEnrolment, now: Instant): Promise<"noted" | "full">;
  /** Oldest first. */
  list(): Promise<readonly SeenPendingEnrolment[]>;
  /** False when it was not waiting. */
  remove(ekHash: string): Promise<boolean>;
}

export function createPendingEnrolments(db: Kysely<Schema>): PendingEnrolments {
  return {
    note: (enrolment, now) => db.transaction().execute((transaction) => note(transaction, enrolment, now)),
    async list() {
      return (await db.selectFrom("pending").selectAll().orderBy("first_seen_at").execute()).map(rowToPending);
    },
    async remove(ekHash) {
      const result = await db.deleteFrom("pending").where("ek_hash", "=", ekHash).executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
  };
}

async function note(db: Transaction<Schema>, enrolment: PendingEnrolment, now: Instant): Promise<"noted" | "full"> {
  const { ekHash, site, deviceClass, reason } = enrolment;
  const again = await db
    .updateTable("pending")
    .set((set) => ({ site, class: deviceClass, reason, last_seen_at: now, attempts: set("attempts", "+", 1) }))
    .where("ek_hash", "=", ekHash)
    .executeTakeFirst();
  if (again.numUpdatedRows === 1n) return "noted";
  const { count } = await db
    .selectFrom("pending")
    .select((select) => select.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  if (count >= PENDING_MAX) return "full";
  const seen = { first_seen_at: now, last_seen_at: now, attempts: 1 };
  await db
    .insertInto("pending")
    .values({ ek_hash: ekHash, site, class: deviceClass, reason, ...seen })
    .execute();
  return "noted";
}

function rowToPending(row: PendingRow): SeenPendingEnrolment {
  return {
    ekHash: row.ek_hash,
    site: row.site,
    deviceClass: row.class,
    reason: row.reason,
    firstSeenAt: instant(row.first_seen_at),
    lastSeenAt: instant(row.last_seen_at),
    attempts: row.attempts,
  };
}
