import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import {
  type Binding,
  bindingDigest,
  type PcrSelection,
  parseAttestationKey,
  parseTpmSignature,
  type QuoteEvidence,
  verifyQuote,
} from "@vedette/attestation";
import { type Crypto, concatBytes, type Result } from "@vedette/base";
import { createFakeTpm, createFakeTpmMaker } from "@vedette/fakes";
import { createNodeCrypto, generateKey, systemRandom } from "@vedette/runtime";
import { findSwtpm, manufactureTpm, openTpm, type SwtpmTools, startSwtpm } from "@vedette/tpm";
import type { Measurement } from "./measurement.ts";
import { interleaved, median } from "./statistics.ts";

const ROUNDS = 15;
/** A turn of about 30 ms: longer than a timer tick and shorter than a scheduler's patience. */
const BATCH = 400;
/** Distinct enough that nothing but the AK's imported key can be remembered from one to the next. */
const QUOTES = 64;
const TOP = process.env["VEDETTE_TOP"] ?? join(import.meta.dirname, "../../..");
const SELECTION: PcrSelection = { bank: "sha256", pcrs: [0, 1, 2, 3, 4, 5, 6, 7] };

/**
 * How many quotes one core verifies: AK parsed and judged, binding and PCR digest recomputed, signature. `verify.rate` keeps the
 * imported AK, as a verifier does for whoever renews; `verify.first.rate` imports it each time, as at enrolment. The peer is
 * the bare ECDSA check by node:crypto over the same bytes with the key in hand: the floor below which nothing goes.
 */
export async function quotes(): Promise<readonly Measurement[]> {
  const { source, samples } = await createSamples();
  const bare = samples.map(toBareSignature);
  const crypto = createNodeCrypto();
  const figures = await interleaved(ROUNDS, {
    ours: () => microsecondsEach(samples, (sample) => verifySample(sample, crypto)),
    first: () => microsecondsEach(samples, (sample) => verifySample(sample, createNodeCrypto())),
    peer: () => microsecondsEach(bare, verifyBare),
  });
  const [ours, first, peer] = [median(figures.ours), median(figures.first), median(figures.peer)];
  const against = { peer: `node:crypto ECDSA verify of the same quotes, made by ${source}`, ratio: peer / ours };
  const unit = "quotes/s";
  return [
    { bench: "quotes", metric: "verify.rate", value: 1e6 / ours, unit, atLeast: 5_000, ...against },
    { bench: "quotes", metric: "verify.first.rate", value: 1e6 / first, unit },
  ];
}

interface Sample {
  readonly binding: Binding;
  readonly evidence: QuoteEvidence;
}

function verifySample({ binding, evidence }: Sample, crypto: Crypto): boolean {
  const extraData = bindingDigest(binding, crypto);
  return verifyQuote(evidence, { selection: SELECTION, extraData }, crypto).ok;
}

interface BareSignature {
  readonly key: KeyObject;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

function verifyBare({ key, message, signature }: BareSignature): boolean {
  return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature);
}

function toBareSignature({ evidence }: Sample): BareSignature {
  const ak = need(parseAttestationKey(evidence.akPublic, createNodeCrypto()));
  const signature = need(parseTpmSignature(evidence.quoteSignature));
  if (signature.algorithm !== "ecdsa") throw new Error("the bench quotes with ECDSA");
  const key = createPublicKey({ key: Buffer.from(ak.spki), format: "der", type: "spki" });
  return { key, message: evidence.quoted, signature: concatBytes(signature.r, signature.s) };
}

function microsecondsEach<T>(items: readonly T[], check: (item: T) => boolean): number {
  const start = performance.now();
  let good = 0;
  for (let i = 0; i < BATCH; i++) if (check(items[i % items.length]!)) good++;
  const elapsed = performance.now() - start;
  if (good !== BATCH) throw new Error("the bench's own quotes do not verify");
  return (elapsed * 1_000) / BATCH;
}

interface Samples {
  readonly source: "swtpm" | "the fake attester (no swtpm here)";
  readonly samples: readonly Sample[];
}

async function createSamples(): Promise<Samples> {
  const tools = findSwtpm(TOP);
  if (tools) return { source: "swtpm", samples: await quoteWithSwtpm(tools) };
  const tpm = createFakeTpm(createFakeTpmMaker("bench"));
  const samples = createBindings().map((binding) => {
    const quote = tpm.quote(bindingDigest(binding, createNodeCrypto()), SELECTION.pcrs);
    return { binding, evidence: { akPublic: tpm.akPublic, ...quote, pcrValues: tpm.pcrValues(SELECTION.pcrs) } };
  });
  return { source: "the fake attester (no swtpm here)", samples };
}

async function quoteWithSwtpm(tools: SwtpmTools): Promise<readonly Sample[]> {
  const directory = mkdtempSync(join(tmpdir(), "vedette-bench-"));
  try {
    const { stateDir } = await manufactureTpm(tools, directory);
    await using swtpm = await startSwtpm(tools, stateDir);
    await using tpm = await openTpm(swtpm.socketPath);
    const { publicArea: akPublic } = await tpm.createAk();
    const pcrValues = await tpm.readPcrs(SELECTION);
    const samples: Sample[] = [];
    for (const binding of createBindings()) {
      const { quoted, signature } = await tpm.quote(bindingDigest(binding, createNodeCrypto()), SELECTION);
      samples.push({ binding, evidence: { akPublic, quoted, quoteSignature: signature, pcrValues } });
    }
    return samples;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function createBindings(): readonly Binding[] {
  const { spki } = generateKey("ES256");
  const part = () => systemRandom.bytes(32);
  return Array.from({ length: QUOTES }, (_, journalSize) => {
    const [nonce, activationSecret, messageDigest, journalRoot] = [part(), part(), part(), part()];
    return { nonce, activationSecret, messageDigest, spki, journalSize, journalRoot };
  });
}

function need<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error("the bench's own quotes are not well formed", { cause: result.error });
  return result.value;
}
