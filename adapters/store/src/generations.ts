import type { Kysely, Transaction } from "kysely";
import type { GenerationRow, Schema } from "./schema.ts";

/** Counters for `/v1/watch` (PROTOCOLS 7.3): a number that rose means there is something new to fetch. Zero: nothing yet. */
export interface Generations {
  readonly policy: number;
  readonly trust: number;
  readonly status: number;
}

/** The trust document concerns every site alike. */
const EVERY_SITE = "";

export async function readGenerations(db: Kysely<Schema>, site: string): Promise<Generations> {
  const rows = await db
    .selectFrom("generations")
    .select(["kind", "value"])
    .where("site", "in", [site, EVERY_SITE])
    .execute();
  const of = (kind: GenerationRow["kind"]) => rows.find((row) => row.kind === kind)?.value ?? 0;
  return { policy: of("policy"), trust: of("trust"), status: of("status") };
}

/** Returns the new value. */
export async function bumpGeneration(
  db: Kysely<Schema> | Transaction<Schema>,
  kind: GenerationRow["kind"],
  site: string,
): Promise<number> {
  const { value } = await db
    .insertInto("generations")
    .values({ kind, site: kind === "trust" ? EVERY_SITE : site, value: 1 })
    .onConflict((conflict) =>
      conflict.columns(["kind", "site"]).doUpdateSet((set) => ({ value: set("generations.value", "+", 1) })),
    )
    .returning("value")
    .executeTakeFirstOrThrow();
  return value;
}
