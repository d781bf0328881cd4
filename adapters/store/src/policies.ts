import { assert, err, type Instant, instant, ok, type Result } from "@vedette/base";
import type { Kysely, Transaction } from "kysely";
import type { StoreConflict } from "./errors.ts";
import { bumpGeneration } from "./generations.ts";
import type { PolicyRow, Schema } from "./schema.ts";

/** A signed policy bundle as published, byte for byte. */
export interface PublishedPolicy {
  readonly site: string;
  readonly sequence: number;
  readonly revision: string;
  readonly bytes: Uint8Array;
  readonly publishedAt: Instant;
}

export interface Acknowledgement {
  readonly node: string;
  readonly sequence: number;
  readonly at: Instant;
}

/** Enough to see what changed lately; the node never asks for an old one. */
export const POLICIES_PER_SITE_MAX = 16;
/** A hundred thousand rules are about 16 MB; no publication is larger. */
export const POLICY_LENGTH_MAX = 16_777_216;

export interface Policies {
  /** Keeps the bundle and raises the site's policy generation, both or neither. Refuses a sequence that does not rise. */
  publish(policy: PublishedPolicy): Promise<Result<void, StoreConflict>>;
  /** The one with the highest sequence. */
  current(site: string): Promise<PublishedPolicy | undefined>;
  find(site: string, sequence: number): Promise<PublishedPolicy | undefined>;
  /** Notes what a node has activated; an older sequence than noted changes nothing. */
  acknowledge(acknowledgement: Acknowledgement): Promise<void>;
  acknowledgements(): Promise<readonly Acknowledgement[]>;
}

export function createPolicies(db: Kysely<Schema>): Policies {
  return {
    publish: (policy) => db.transaction().execute((transaction) => publish(transaction, policy)),
    async current(site) {
      const row = await selectNewest(db, site).executeTakeFirst();
      return row && rowToPolicy(row);
    },
    async find(site, sequence) {
      const row = await selectNewest(db, site).where("sequence", "=", sequence).executeTakeFirst();
      return row && rowToPolicy(row);
    },
    async acknowledge(acknowledgement) {
      const { sequence, at } = acknowledgement;
      await db
        .insertInto("acknowledgements")
        .values(acknowledgement)
        .onConflict((conflict) =>
          conflict.column("node").doUpdateSet({ sequence, at }).where("acknowledgements.sequence", "<", sequence),
        )
        .execute();
    },
    async acknowledgements() {
      const rows = await db.selectFrom("acknowledgements").selectAll().orderBy("node").execute();
      return rows.map((row) => ({ node: row.node, sequence: row.sequence, at: instant(row.at) }));
    },
  };
}

async function publish(db: Transaction<Schema>, policy: PublishedPolicy): Promise<Result<void, StoreConflict>> {
  const { site, sequence, revision, bytes } = policy;
  assert(bytes.length <= POLICY_LENGTH_MAX, "a policy bundle was checked before it is stored");
  const newest = await selectNewest(db, site).executeTakeFirst();
  if (newest && sequence <= newest.sequence)
    return err({ code: "POLICY_SEQUENCE_NOT_RISING", offered: sequence, current: newest.sequence });
  await db
    .insertInto("policies")
    .values({ site, sequence, revision, bytes, published_at: policy.publishedAt })
    .execute();
  const kept = db.selectFrom("policies").select("sequence").where("site", "=", site).orderBy("sequence", "desc");
  await db
    .deleteFrom("policies")
    .where("site", "=", site)
    .where("sequence", "not in", kept.limit(POLICIES_PER_SITE_MAX))
    .execute();
  await bumpGeneration(db, "policy", site);
  return ok(undefined);
}

function selectNewest(db: Kysely<Schema>, site: string) {
  return db.selectFrom("policies").selectAll().where("site", "=", site).orderBy("sequence", "desc").limit(1);
}

function rowToPolicy(row: PolicyRow): PublishedPolicy {
  const { site, sequence, revision, bytes } = row;
  return { site, sequence, revision, bytes, publishedAt: instant(row.published_at) };
}
