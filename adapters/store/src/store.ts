import { type Claims, createClaims } from "./claims.ts";
import { openDatabase, type StoreOptions } from "./database.ts";
import { createEndorsementKeys, type EndorsementKeys } from "./endorsement-keys.ts";
import { bumpGeneration, type Generations, readGenerations } from "./generations.ts";
import { createIssuances, type Issuances } from "./issuances.ts";
import { createNodes, type Nodes } from "./nodes.ts";
import { createPendingEnrolments, type PendingEnrolments } from "./pending.ts";
import { createPolicies, type Policies } from "./policies.ts";
import { createTrustDocuments, type TrustDocuments } from "./trust-documents.ts";

/**
 * The control plane's state. A promise that resolved is durable (WAL, synchronous FULL); one that was rejected with an
 * `AdapterError` changed nothing. Codes: see `StoreErrorCode`.
 */
export interface ControlStore extends AsyncDisposable {
  readonly endorsementKeys: EndorsementKeys;
  readonly claims: Claims;
  readonly nodes: Nodes;
  readonly pending: PendingEnrolments;
  readonly policies: Policies;
  readonly trustDocuments: TrustDocuments;
  readonly issuances: Issuances;
  generations(site: string): Promise<Generations>;
  /** A new status list of this site is there; returns its generation. Publishing raises the policy and trust ones itself. */
  bumpStatus(site: string): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens or creates the store in a folder of its own (made 0700). One process at a time: the next gets STORE_BUSY.
 * Throws STORE_SCHEMA_NEWER for a store of a later version and STORE_CORRUPT for a damaged one, leaving both as they are.
 */
export async function openStore(directory: string, options: StoreOptions = {}): Promise<ControlStore> {
  const db = openDatabase(directory, options);
  // The driver takes over the open file with its first query; only then does `destroy` close it.
  await readGenerations(db, "");
  return {
    endorsementKeys: createEndorsementKeys(db),
    claims: createClaims(db),
    nodes: createNodes(db),
    pending: createPendingEnrolments(db),
    policies: createPolicies(db),
    trustDocuments: createTrustDocuments(db),
    issuances: createIssuances(db),
    generations: (site) => readGenerations(db, site),
    bumpStatus: (site) => bumpGeneration(db, "status", site),
    close: () => db.destroy(),
    [Symbol.asyncDispose]: () => db.destroy(),
  };
}
