import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Crypto, isSameBytes, parseBase64 } from "@vedette/base";
import { parseVerifierKey } from "@vedette/envelope";
import { createNodeCrypto } from "@vedette/runtime";
import {
  bundlePath,
  createTreeHasher,
  openCheckpoint,
  parseBundle,
  TreeBuilder,
  tilePath,
  tileWidthAt,
  verifyConsistency,
  verifyExport,
  verifyInclusion,
  verifySubtreeConsistency,
} from "@vedette/tlog";

const VECTORS = join(process.env["VEDETTE_VECTORS"] ?? join(import.meta.dirname, "../../../../shared/vectors"), "tlog");
const skip = existsSync(VECTORS) ? false : `no vectors at ${VECTORS}: set VEDETTE_VECTORS`;

const crypto: Crypto = createNodeCrypto();
const hasher = createTreeHasher(crypto);

test("transparency-dev/merkle: inclusion proofs, good and bad", { skip }, () => {
  const verified = eachVector("merkle/inclusion", (v) => {
    const { leafHash, root, proof } = hashesOf(v);
    return verifyInclusion({ index: int(v, "leafIdx"), size: int(v, "treeSize"), leafHash, root, proof }, hasher).ok;
  });
  assert.equal(verified, 98);
});

test("transparency-dev/merkle: consistency proofs, good and bad", { skip }, () => {
  const verified = eachVector("merkle/consistency", (v) => {
    const { root1: oldRoot, root2: newRoot, proof } = hashesOf(v);
    const sizes = { oldSize: int(v, "size1"), newSize: int(v, "size2") };
    return verifyConsistency({ ...sizes, oldRoot, newRoot, proof }, hasher).ok;
  });
  assert.equal(verified, 98);
});

test("transparency-dev/merkle: subtree consistency proofs, good and bad", { skip }, () => {
  const verified = eachVector("merkle/subtreeconsistency", (v) => {
    const { root1: subtreeRoot, root2: root, proof } = hashesOf(v);
    const range = { start: int(v, "start"), end: int(v, "end"), size: int(v, "size") };
    return verifySubtreeConsistency({ ...range, subtreeRoot, root, proof }, hasher).ok;
  });
  assert.equal(verified, 118);
});

test("transparency-dev/merkle: inclusion proofs within subtrees, good and bad", { skip }, () => {
  const verified = eachVector("merkle/subtreeinclusion", (v) => {
    const { leafHash, root, proof } = hashesOf(v);
    const [start, end] = [int(v, "start"), int(v, "end")];
    const claim = { index: int(v, "leafIdx") - start, size: end - start, leafHash, root, proof };
    return verifyInclusion(claim, hasher).ok;
  });
  assert.equal(verified, 204);
});

test("transparency-dev/tessera: every checkpoint of the log opens, and the entries give its root", { skip }, () => {
  const log = join(VECTORS, "tessera/log");
  // From tessera's testdata/build_log.sh.
  const key = parseVerifierKey(
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",
    crypto,
  );
  assert.ok(key.ok);
  const names = readdirSync(log).filter((name) => name.startsWith("checkpoint"));
  assert.equal(names.length, 17);
  for (const name of names) {
    const opened = openCheckpoint(readFileSync(join(log, name)), [key.value], crypto);
    assert.ok(opened.ok, name);
    const { size, root } = opened.value;
    assert.deepEqual(rootOfBundle(log, size), root, name);
  }
});

test("transparency-dev/tessera: the log as a whole passes the audit, its own word being all there is", { skip }, () => {
  const log = join(VECTORS, "tessera/log");
  const key = parseVerifierKey(
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",
    crypto,
  );
  assert.ok(key.ok);
  const read = (path: string) =>
    existsSync(join(log, path)) ? new Uint8Array(readFileSync(join(log, path))) : undefined;
  const report = verifyExport({ read }, { logKeys: [key.value], cosignerKeys: [] }, crypto);
  assert.ok(report.ok);
  assert.deepEqual([report.value.origin, report.value.size], ["example.com/log/testdata", 15]);
});

function rootOfBundle(log: string, size: number): Uint8Array {
  const tree = new TreeBuilder(hasher);
  if (size === 0) return tree.root();
  const width = tileWidthAt(0, 0, size);
  const entries = parseBundle(new Uint8Array(readFileSync(join(log, bundlePath(0, width)))), width);
  assert.ok(entries.ok);
  const tile = new Uint8Array(readFileSync(join(log, tilePath({ level: 0, index: 0, width }))));
  for (const [i, entry] of entries.value.entries()) {
    assert.ok(isSameBytes(hasher.leaf(entry), tile.subarray(32 * i, 32 * (i + 1))));
    tree.append(hasher.leaf(entry));
  }
  return tree.root();
}

type Vector = Readonly<Record<string, unknown>>;

/** Runs every vector under the folder and answers how many there were. */
function eachVector(folder: string, verify: (vector: Vector) => boolean): number {
  const files = readdirSync(join(VECTORS, folder), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".json"),
  );
  for (const name of files) {
    // Some sizes are above 2^53: the digits are kept as text.
    const text = readFileSync(join(VECTORS, folder, name), "utf8").replace(/": (\d+)/g, '": "$1"');
    const vector = JSON.parse(text) as Vector;
    assert.equal(verify(vector), vector["wantErr"] === false, `${name}: ${String(vector["desc"])}`);
  }
  return files.length;
}

function int(vector: Vector, name: string): bigint {
  const digits = vector[name];
  assert.ok(typeof digits === "string");
  return BigInt(digits);
}

function hashesOf(vector: Vector) {
  const bytes = (text: unknown) => {
    const parsed = parseBase64(typeof text === "string" ? text : "");
    assert.ok(parsed.ok);
    return parsed.value;
  };
  const [leafHash, root, root1, root2] = ["leafHash", "root", "root1", "root2"].map((name) => bytes(vector[name]));
  const proof = (vector["proof"] ?? []) as readonly unknown[];
  assert.ok(leafHash && root && root1 && root2);
  return { leafHash, root, root1, root2, proof: proof.map(bytes) };
}
