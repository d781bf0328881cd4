import { err, ok, type Result } from "@vedette/base";
import type { Kysely, Transaction } from "kysely";
import type { StoreConflict } from "./errors.ts";
import { bumpGeneration } from "./generations.ts";
import type { Schema } from "./schema.ts";

/** A signed trust document as published (PROTOCOLS 1.3). */
export interface StoredTrustDocument {
  readonly version: number;
  readonly text: string;
}

export interface TrustDocuments {
  /** Keeps the document and raises the trust generation, both or neither. Refuses a version that does not rise. */
  publish(document: StoredTrustDocument): Promise<Result<void, StoreConflict>>;
  current(): Promise<StoredTrustDocument | undefined>;
}

export function createTrustDocuments(db: Kysely<Schema>): TrustDocuments {
  return {
    publish: (document) => db.transaction().execute((transaction) => publish(transaction, document)),
    async current() {
      const row = await selectNewest(db).executeTakeFirst();
      return row && { version: row.version, text: row.text };
    },
  };
}

async function publish(db: Transaction<Schema>, document: StoredTrustDocument): Promise<Result<void, StoreConflict>> {
  const newest = await selectNewest(db).executeTakeFirst();
  if (newest && document.version <= newest.version)
    return err({ code: "TRUST_VERSION_NOT_RISING", offered: document.version, current: newest.version });
  // Every version is kept: there is one per ceremony, and an auditor needs the one that was valid at the time.
  await db.insertInto("trust_documents").values(document).execute();
  await bumpGeneration(db, "trust", "");
  return ok(undefined);
}

function selectNewest(db: Kysely<Schema>) {
  return db.selectFrom("trust_documents").selectAll().orderBy("version", "desc").limit(1);
}
