import assert from "node:assert/strict";
import { test } from "node:test";
import { type Crypto, hex, utf8 } from "@vedette/base";
import { createNodeCrypto } from "@vedette/runtime";
import fc from "fast-check";
import { makeConsistencyProof, makeInclusionProof, verifyConsistency, verifyGrowth, verifyInclusion } from "./proof.ts";
import { makeSubtreeProof, type NodeReader, verifySubtreeConsistency } from "./subtree-proof.ts";
import { nodesOfTiles, type TileCoordinates, tilesOf, tileWidthAt } from "./tile.ts";
import { TreeBuilder } from "./tree-builder.ts";
import { createTreeHasher, HASH_LENGTH } from "./tree-hasher.ts";

const crypto: Crypto = createNodeCrypto();
const hasher = createTreeHasher(crypto);

const SIZE_MAX = 700;
const leafHashes = Array.from({ length: SIZE_MAX }, (_, i) => hasher.leaf(utf8(`entry ${i}`)));
const size = fc.integer({ min: 1, max: SIZE_MAX });

test("a leaf and an inner node never have the same hash, and the empty tree has the hash of nothing", () => {
  const [left, right] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  assert.notDeepEqual(hasher.leaf(Uint8Array.of(1, ...left, ...right)), hasher.node(left, right));
  assert.equal(hex(hasher.empty), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert.deepEqual(new TreeBuilder(hasher).root(), hasher.empty);
});

test("a tree that grew leaf by leaf has the root that RFC 6962 defines", () => {
  fc.assert(
    fc.property(size, (n) => {
      assert.deepEqual(treeOf(n).root(), treeHash(0, n));
    }),
    { numRuns: 40 },
  );
});

test("a tree resumed from its tiles goes on as if it had never stopped", () => {
  fc.assert(
    fc.property(size, size, (a, b) => {
      const [stopped, end] = [Math.min(a, b), Math.max(a, b)];
      const tree = TreeBuilder.resume(stopped, tileOf, hasher);
      for (const leafHash of leafHashes.slice(stopped, end)) tree.append(leafHash);
      assert.equal(tree.size, end);
      assert.deepEqual(tree.root(), treeHash(0, end));
      for (const tile of [...tree.takeFullTiles(), ...tree.partialTiles()])
        assert.deepEqual(tile.hashes, tileOf({ ...tile, width: tile.hashes.length / HASH_LENGTH }));
    }),
    { numRuns: 40 },
  );
});

test("every tile of a tree falls out of its growth, full ones once and in order", () => {
  const tree = treeOf(SIZE_MAX);
  const grown = [...tree.takeFullTiles(), ...tree.partialTiles()];
  const names = grown.map(({ level, index, hashes }) => `${level}/${index}/${hashes.length / HASH_LENGTH}`);
  const expected = [...tilesOf(SIZE_MAX)].map(({ level, index, width }) => `${level}/${index}/${width}`);
  assert.deepEqual(names.toSorted(), expected.toSorted());
  assert.deepEqual(tree.takeFullTiles(), []);
});

test("every leaf is shown to be in every tree that has it, and in no other place", () => {
  fc.assert(
    fc.property(size, fc.nat(), (n, seed) => {
      const index = seed % n;
      const proof = makeInclusionProof(nodesAt(n), index, n, hasher);
      const leafHash = leafHashes[index] ?? hasher.empty;
      const claim = { index: BigInt(index), size: BigInt(n), leafHash, root: treeHash(0, n), proof };
      assert.ok(verifyInclusion(claim, hasher).ok);
      assert.equal(verifyInclusion({ ...claim, leafHash: hasher.empty }, hasher).ok, false);
      if (index > 0) assert.equal(verifyInclusion({ ...claim, index: BigInt(index - 1) }, hasher).ok, false);
    }),
    { numRuns: 60 },
  );
});

test("every tree is shown to be the beginning of every larger one, and of no other", () => {
  fc.assert(
    fc.property(size, size, (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const proof = makeConsistencyProof(nodesAt(to), from, to, hasher);
      const sizes = { oldSize: BigInt(from), newSize: BigInt(to) };
      const claim = { ...sizes, oldRoot: treeHash(0, from), newRoot: treeHash(0, to), proof };
      assert.ok(verifyConsistency(claim, hasher).ok);
      assert.ok(verifyGrowth(claim, hasher).ok);
      assert.equal(verifyConsistency({ ...claim, oldRoot: hasher.empty }, hasher).ok, false);
      assert.equal(verifyConsistency({ ...claim, newRoot: hasher.empty }, hasher).ok, false);
      assert.equal(verifyConsistency({ ...claim, proof: [...proof, hasher.empty] }, hasher).ok, false);
      if (proof.length > 0) assert.equal(verifyConsistency({ ...claim, proof: proof.slice(1) }, hasher).ok, false);
    }),
    { numRuns: 60 },
  );
});

test("every package of an upload is shown to be a subtree of the checkpoint", () => {
  fc.assert(
    fc.property(size, size, fc.nat({ max: 9 }), (a, b, height) => {
      const [inner, n] = [Math.min(a, b), Math.max(a, b)];
      const width = 2 ** height;
      const start = Math.floor((inner - 1) / width) * width;
      const end = Math.min(n, start + width);
      const proof = makeSubtreeProof(nodesAt(n), start, end, n, hasher);
      const range = { start: BigInt(start), end: BigInt(end), size: BigInt(n) };
      const claim = { ...range, subtreeRoot: treeHash(start, end), root: treeHash(0, n), proof };
      assert.ok(verifySubtreeConsistency(claim, hasher).ok);
      assert.equal(verifySubtreeConsistency({ ...claim, subtreeRoot: hasher.empty }, hasher).ok, false);
    }),
    { numRuns: 60 },
  );
});

test("from the empty tree RFC 9162 has no proof, and the witness protocol needs none", () => {
  const claim = { oldSize: 0n, newSize: 5n, oldRoot: hasher.empty, newRoot: treeHash(0, 5), proof: [] };
  assert.deepEqual(verifyConsistency(claim, hasher), { ok: false, error: { code: "PROOF_RANGE_INVALID" } });
  assert.ok(verifyGrowth(claim, hasher).ok);
  const padded = verifyGrowth({ ...claim, proof: [hasher.empty] }, hasher);
  assert.deepEqual(padded, { ok: false, error: { code: "PROOF_LENGTH_INVALID", length: 1 } });
});

test("from the empty tree to the empty tree only the empty root is right", () => {
  const claim = { oldSize: 0n, newSize: 0n, oldRoot: hasher.empty, newRoot: hasher.empty, proof: [] };
  assert.ok(verifyGrowth(claim, hasher).ok);
  assert.deepEqual(verifyGrowth({ ...claim, newRoot: treeHash(0, 1) }, hasher), {
    ok: false,
    error: { code: "PROOF_MISMATCH" },
  });
});

test("sizes up to 2^64 are followed without loss", () => {
  const top = 2n ** 64n - 1n;
  const proof = Array.from({ length: 64 }, (_, i) => new Uint8Array(32).fill(i));
  const leafHash = leafHashes[0] ?? hasher.empty;
  const root = proof.reduce((hash, sibling) => hasher.node(hash, sibling), leafHash);
  assert.ok(verifyInclusion({ index: 0n, size: top, leafHash, root, proof }, hasher).ok);
  assert.equal(verifyInclusion({ index: top, size: top, leafHash, root, proof }, hasher).ok, false);
});

/** RFC 6962 §2.1, word by word. */
function treeHash(start: number, end: number): Uint8Array {
  if (end === start) return hasher.empty;
  if (end - start === 1) return leafHashes[start] ?? hasher.empty;
  let k = 1;
  while (k * 2 < end - start) k *= 2;
  return hasher.node(treeHash(start, start + k), treeHash(start + k, end));
}

function treeOf(n: number): TreeBuilder {
  const tree = new TreeBuilder(hasher);
  for (const leafHash of leafHashes.slice(0, n)) tree.append(leafHash);
  return tree;
}

/** tlog-tiles: MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l]) */
function tileOf({ level, index, width }: TileCoordinates): Uint8Array {
  const span = 256 ** level;
  const hashes = Array.from({ length: width }, (_, i) =>
    treeHash((index * 256 + i) * span, (index * 256 + i + 1) * span),
  );
  return Uint8Array.from(hashes.flatMap((hash) => [...hash]));
}

function nodesAt(n: number): NodeReader {
  return nodesOfTiles(
    (tile) => {
      assert.equal(tile.width, tileWidthAt(tile.level, tile.index, n));
      return tileOf(tile);
    },
    n,
    hasher,
  );
}
