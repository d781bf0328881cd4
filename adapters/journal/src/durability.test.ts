import assert from "node:assert/strict";
import { type ChildProcess, fork, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { AdapterError, parseUtf8, utf8 } from "@vedette/base";
import { createNodeCrypto } from "@vedette/runtime";
import { createTreeHasher, TreeBuilder } from "@vedette/tlog";
import { type Journal, openJournal } from "./journal.ts";

const hasher = createTreeHasher(createNodeCrypto());

// This file is also the program that is killed: it appends under load and says what was acknowledged.
const [role, path = "", count = ""] = process.argv.slice(2);
if (role === "append-until-killed") await appendUntilKilled();
else if (role === "append-one-by-one") await appendOneByOne(Number(count));
else defineTests();

function defineTests(): void {
  const KILLS = 4;
  const TEARS_PER_KILL = 5;

  test("SIGKILL under load loses nothing acknowledged, and the next start says which numbers may be lost", async (t) => {
    const random = seeded(0x5eed);
    for (let round = 0; round < KILLS; round++) {
      const file = setupFile(t);
      const acknowledged = await killUnderLoad(file, 60 + 240 * random());
      assert.ok(acknowledged.length > 0);
      const torn = copyOf(file, t);
      const journal = await open(file);
      const entries = journal.readEntries(0, journal.size).map(text);
      for (const index of acknowledged) assert.equal(entries[index], `decision ${index}`);
      const gap = JSON.parse(entries.at(-1) ?? "");
      const recorded = entries.length - 1;
      assert.deepEqual([gap.from, gap.atMost], [0, gap.to + 1 - recorded]);
      assert.deepEqual(journal.head().root, rootOf(journal, journal.size));
      await journal.close();
      for (let tear = 0; tear < TEARS_PER_KILL; tear++) await openTorn(copyOf(torn, t), entries, random);
    }
  });

  test("every acknowledged commit was synced first", (t) => {
    if (spawnSync("strace", ["-V"]).error) return t.skip("strace is not installed: fdatasync calls were NOT counted");
    const file = setupFile(t);
    const commits = 50;
    const trace = join(dirname(file), "trace");
    const child = [process.execPath, import.meta.filename, "append-one-by-one", file, `${commits}`];
    const traced = spawnSync("strace", ["-f", "-c", "-e", "trace=fdatasync,fsync", "-o", trace, ...child], {
      encoding: "utf8",
    });
    if (traced.stderr.includes("ptrace")) return t.skip("strace may not trace here: fdatasync calls were NOT counted");
    assert.equal(traced.status, 0, traced.stderr);
    assert.ok(syncsIn(readFileSync(trace, "utf8")) >= commits, readFileSync(trace, "utf8"));
  });

  test("bundled into one file beside its worker, the journal works", async (t) => {
    const folder = dirname(setupFile(t));
    const { build } = await import("esbuild");
    const shared = { bundle: true, platform: "node", format: "esm", target: "node24", logLevel: "silent" } as const;
    const src = import.meta.dirname;
    await build({ ...shared, entryPoints: [join(src, "journal.ts")], outfile: join(folder, "program.mjs") });
    await build({ ...shared, entryPoints: [join(src, "worker.ts")], outfile: join(folder, "journal-worker.mjs") });
    const bundled: { openJournal: typeof openJournal } = await import(join(folder, "program.mjs"));
    const journal = await bundled.openJournal({
      path: join(folder, "j.db"),
      origin: "o.example",
      gapLeaf: () => utf8("gap"),
    });
    assert.deepEqual(await journal.append(utf8("entry")), { index: 0 });
    await journal.close();
  });
}

/** A torn WAL ends in a journal that is the beginning of what it was, or in a refusal by name; never in another tree. */
async function openTorn(file: string, before: readonly string[], random: () => number): Promise<void> {
  const wal = `${file}-wal`;
  const { size } = statSync(wal);
  const at = Math.floor(random() * size);
  if (random() < 0.5) truncateSync(wal, at);
  else overwrite(wal, at, 1 + Math.floor(random() * 4_096), random);
  let journal: Journal;
  try {
    journal = await open(file);
  } catch (error) {
    assert.ok(error instanceof AdapterError && error.code.startsWith("JOURNAL_"), String(error));
    return;
  }
  const entries = journal.readEntries(0, journal.size).map(text);
  const kept = entries.filter((entry) => entry.startsWith("decision"));
  assert.deepEqual(kept, before.slice(0, kept.length));
  assert.deepEqual(journal.head().root, rootOf(journal, journal.size));
  await journal.append(utf8("goes on"));
  assert.deepEqual(journal.head().root, rootOf(journal, journal.size));
  await journal.close();
}

function overwrite(file: string, at: number, length: number, random: () => number): void {
  const bytes = readFileSync(file);
  for (let i = at; i < Math.min(bytes.length, at + length); i++) bytes[i] = Math.floor(random() * 256);
  writeFileSync(file, bytes);
}

/** Lets the program append for a while, kills it, and answers the indexes it had acknowledged. */
async function killUnderLoad(file: string, afterMs: number): Promise<readonly number[]> {
  const child: ChildProcess = fork(import.meta.filename, ["append-until-killed", file]);
  const acknowledged: number[] = [];
  const started = Promise.withResolvers<void>();
  child.on("message", (indexes: readonly number[]) => {
    acknowledged.push(...indexes);
    started.resolve();
  });
  const exited = new Promise((resolve) => child.once("close", resolve));
  await started.promise;
  await setTimeout(afterMs);
  child.kill("SIGKILL");
  await exited;
  return acknowledged;
}

async function appendUntilKilled(): Promise<void> {
  const journal = await open(path);
  for (;;) {
    const batch = Array.from({ length: 1 + (journal.size % 70) }, () =>
      journal.append(utf8(`decision ${journal.nextNumber()}`), 1),
    );
    const appended = await Promise.all(batch);
    process.send?.(appended.map(({ index }) => index));
  }
}

async function appendOneByOne(commits: number): Promise<void> {
  const journal = await open(path);
  for (let i = 0; i < commits; i++) await journal.append(utf8(`entry ${i}`));
  await journal.close();
}

function open(file: string): Promise<Journal> {
  return openJournal({ path: file, origin: "node.example/log", gapLeaf: (gap) => utf8(JSON.stringify(gap)) });
}

/** Hashes all entries anew, without what the journal knows about them. */
function rootOf(journal: Journal, size: number): Uint8Array {
  const tree = new TreeBuilder(hasher);
  for (const entry of journal.readEntries(0, size)) tree.append(hasher.leaf(entry));
  return tree.root();
}

/** The calls column of `strace -c`. */
function syncsIn(summary: string): number {
  const lines = summary.split("\n").filter((line) => /\b(fdatasync|fsync)$/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[3]), 0);
}

function setupFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "vedette-journal-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "journal.db");
}

function copyOf(file: string, t: TestContext): string {
  const copy = setupFile(t);
  mkdirSync(dirname(copy), { recursive: true });
  for (const suffix of ["", "-wal"]) if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
  return copy;
}

function text(bytes: Uint8Array): string {
  const decoded = parseUtf8(bytes);
  assert.ok(decoded.ok);
  return decoded.value;
}

/** mulberry32: the same tears in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
