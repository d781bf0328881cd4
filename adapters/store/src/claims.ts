import type { Instant } from "@vedette/base";
import type { Kysely, Transaction } from "kysely";
import { keyToRow } from "./endorsement-keys.ts";
import type { ClaimRow, Schema } from "./schema.ts";

/** A single-use permission to enrol one unregistered TPM (PROTOCOLS 2.1); only its hash is stored. */
export interface Claim {
  /** Lower-case hexadecimal SHA-256 of the claim's secret. */
  readonly hash: string;
  readonly site: string;
  readonly deviceClass: string;
  readonly label: string;
  readonly notAfter: Instant;
}

/** A claim for another site, class or name is "unknown": whoever guesses learns nothing about it. */
export type ClaimOutcome = "taken" | "used" | "expired" | "unknown";

export interface ClaimUse {
  readonly hash: string;
  readonly site: string;
  readonly deviceClass: string;
  readonly label: string;
  /** The endorsement key that enrols with it. */
  readonly ekHash: string;
}

export interface Claims {
  /** False when a claim with this hash exists already. Expired claims older than `CLAIM_RETENTION_MS` are removed. */
  add(claim: Claim, now: Instant): Promise<boolean>;
  /**
   * Takes the claim and registers the endorsement key for its site, both or neither: a node whose answer got lost comes back
   * as a registered one. Of concurrent calls exactly one gets "taken".
   */
  take(use: ClaimUse, now: Instant): Promise<ClaimOutcome>;
  /** Could be taken at this moment; says nothing about the next. */
  isOpen(claim: Omit<ClaimUse, "ekHash">, now: Instant): Promise<boolean>;
}

/** A used or expired claim is remembered for 30 days, so that its reuse is answered precisely while anybody may still ask. */
export const CLAIM_RETENTION_MS = 30 * 86_400_000;

export function createClaims(db: Kysely<Schema>): Claims {
  return {
    async add(claim, now) {
      await db
        .deleteFrom("claims")
        .where("not_after", "<", now - CLAIM_RETENTION_MS)
        .execute();
      const { hash, site, deviceClass, label, notAfter } = claim;
      const result = await db
        .insertInto("claims")
        .values({ hash, site, class: deviceClass, label, not_after: notAfter, used_at: null, used_by: null })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      return result.numInsertedOrUpdatedRows === 1n;
    },
    take: (use, now) => db.transaction().execute((transaction) => take(transaction, use, now)),
    isOpen: async (claim, now) => outcomeOf(await findClaim(db, claim), now) === "taken",
  };
}

async function take(db: Transaction<Schema>, use: ClaimUse, now: Instant): Promise<ClaimOutcome> {
  const claim = await findClaim(db, use);
  const outcome = outcomeOf(claim, now);
  if (!claim || outcome !== "taken") return outcome;
  await db.updateTable("claims").set({ used_at: now, used_by: use.ekHash }).where("hash", "=", use.hash).execute();
  const key = keyToRow({ ekHash: use.ekHash, site: use.site, deviceClass: use.deviceClass, label: claim.label });
  await db
    .insertInto("endorsement_keys")
    .values(key)
    .onConflict((conflict) => conflict.column("ek_hash").doUpdateSet(key))
    .execute();
  return "taken";
}

function findClaim(db: Kysely<Schema>, { hash, site, deviceClass, label }: Omit<ClaimUse, "ekHash">) {
  return db
    .selectFrom("claims")
    .selectAll()
    .where("hash", "=", hash)
    .where("site", "=", site)
    .where("class", "=", deviceClass)
    .where("label", "=", label)
    .executeTakeFirst();
}

/** What taking it would answer. */
function outcomeOf(claim: ClaimRow | undefined, now: Instant): ClaimOutcome {
  if (!claim) return "unknown";
  if (claim.used_at !== null) return "used";
  return claim.not_after <= now ? "expired" : "taken";
}
