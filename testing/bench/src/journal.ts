import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, type Crypto, utf8 } from "@vedette/base";
import { type Journal, openJournal } from "@vedette/journal";
import { createNodeCrypto } from "@vedette/runtime";
import { encodeLeaf } from "@vedette/telemetry";
import type { Measurement } from "./measurement.ts";
import { interleaved, median, percentile } from "./statistics.ts";

const RATE_ROUNDS = 5;
const BATCH = 64;
const BATCHES_PER_ROUND = 300;
const LATENCY_ROUNDS = 400;
const COMMITS_PER_ROUND = 10;

const crypto: Crypto = createNodeCrypto();

/** Appends until durable: in batches, and one decision at a time against the same disk's plain write and fdatasync. */
export async function journal(): Promise<readonly Measurement[]> {
  const folder = mkdtempSync(join(diskFolder(), "vedette-bench-journal-"));
  try {
    const opened = await openJournal({
      path: join(folder, "journal.db"),
      origin: "bench.example",
      gapLeaf: () => utf8("gap"),
    });
    try {
      return [await measureRate(opened), ...(await measureLatency(opened, join(folder, "plain")))];
    } finally {
      await opened.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measureRate(opened: Journal): Promise<Measurement> {
  const leaves = Array.from({ length: BATCH }, (_, i) => leafOf(i));
  const round = async (): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < BATCHES_PER_ROUND; i++)
      await Promise.all(
        leaves.map((leaf) => {
          opened.nextNumber();
          return opened.append(leaf, 1);
        }),
      );
    return (BATCHES_PER_ROUND * BATCH * 1_000) / (performance.now() - start);
  };
  await round();
  const { ours } = await interleaved(RATE_ROUNDS, { ours: round });
  return { bench: "journal", metric: "durable.rate", value: median(ours), unit: "events/s", atLeast: 60_000 };
}

async function measureLatency(opened: Journal, path: string): Promise<readonly Measurement[]> {
  const plain = openSync(path, "w");
  const commits: number[] = [];
  const syncs: number[] = [];
  const commit = async (leaf: Uint8Array): Promise<void> => {
    opened.nextNumber();
    await opened.append(leaf, 1);
  };
  const sync = (leaf: Uint8Array): void => {
    writeSync(plain, leaf);
    fdatasyncSync(plain);
  };
  await interleaved(LATENCY_ROUNDS, {
    plain: () => timed(syncs, sync),
    journal: () => timed(commits, commit),
  });
  closeSync(plain);
  const [ours, theirs] = [percentile(commits, 99), percentile(syncs, 99)];
  const peer = "write + fdatasync, same disk and run";
  return [
    { bench: "journal", metric: "decision.commit.p50", value: median(commits) * 1_000, unit: "µs" },
    { bench: "journal", metric: "decision.commit.p99", value: ours * 1_000, unit: "µs" },
    { bench: "journal", metric: "fdatasync.p50", value: median(syncs) * 1_000, unit: "µs" },
    { bench: "journal", metric: "fdatasync.p99", value: theirs * 1_000, unit: "µs" },
    { bench: "journal", metric: "decision.commit.p99.ratio", value: ours / theirs, unit: "×", atMost: 2, peer },
  ];
}

async function timed(times: number[], act: (leaf: Uint8Array) => void | Promise<void>): Promise<number> {
  for (let i = 0; i < COMMITS_PER_ROUND; i++) {
    const leaf = leafOf(i);
    const start = performance.now();
    await act(leaf);
    times.push(performance.now() - start);
  }
  return 0;
}

/** A decision as the gateway records it, 270 bytes or so. */
function leafOf(number: number): Uint8Array {
  const record = {
    decision_id: `${number}`,
    input: {
      method: "GET",
      path: `/prices/${number % 977}`,
      principal: `spiffe://store-17.example.org/device/pos-${number % 40}`,
    },
    path: "gateway/http",
    result: { effect: "allow", rule: `pricing.read.${number % 12}` },
    revision: 7,
    timestamp: 1_700_000_000_000 + number,
  };
  const leaf = encodeLeaf({ kind: "decision", number, record }, crypto);
  assert(leaf.ok, "a small decision fits");
  return leaf.value;
}

/** A file system in memory would answer fdatasync at once. */
function diskFolder(): string {
  if (statfsSync(tmpdir()).type !== TMPFS_MAGIC) return tmpdir();
  const folder = join(process.cwd(), ".vedette");
  mkdirSync(folder, { recursive: true });
  return folder;
}
/** statfs(2) */
const TMPFS_MAGIC = 0x0102_1994;
