import { join } from "node:path";
import { readFileIfExists } from "@vedette/runtime";

/** Files of a node's data folder that are verified whenever they are read; secrets are the vault's. */
export interface EdgeFiles {
  readonly config: string;
  readonly trustDocument: string;
  readonly policy: string;
  readonly journal: string;
}

export function edgeFiles(directory: string): EdgeFiles {
  return {
    config: join(directory, "edge.json"),
    trustDocument: join(directory, "trust.jws"),
    policy: join(directory, "policy.tar.gz"),
    journal: join(directory, "journal.db"),
  };
}

/** Names in the vault. */
export const sealed = {
  facts: "node-facts",
  identity: "node-identity",
  siteCaKey: "site-ca-key",
  journalKey: "journal-key",
  decisionLogMark: "decision-log-mark",
} as const;

/** A chain of four certificates is 5 KiB; a trust document at most a mebibyte. */
const TEXT_LENGTH_MAX = 1_114_112;

export function readTextIfExists(path: string): string | undefined {
  const bytes = readFileIfExists(path, TEXT_LENGTH_MAX);
  return bytes && Buffer.from(bytes).toString("utf8");
}
