import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { AttestationResult } from "@vedette/attestation";
import { AdapterError, hex, instant, minutes, ok, Secret, utf8 } from "@vedette/base";
import { openJournal } from "@vedette/journal";
import { type Connection, createConnectionLedger, createRouter, type HttpRequest } from "@vedette/net";
import { encodeMessage } from "@vedette/protocol";
import { createNodeCrypto, generateKey, systemClock } from "@vedette/runtime";
import { DENIAL_LIMITS, encodeLeaf, type Leaf, parseLeaf } from "@vedette/telemetry";
import { AppraisalMark } from "./appraisal-mark.ts";
import { type DeskCounts, deviceDeskRoutes } from "./device-desk.ts";
import { appraisalFacts, type DeviceList, DeviceRegistry } from "./device-registry.ts";
import { EffectiveClock } from "./effective-clock.ts";
import { EvidenceLog } from "./evidence-log.ts";

const crypto = createNodeCrypto();
const ATM = "spiffe://store-17.example.org/device/atm/atm-3";
const key = generateKey("ES256");
const keyHash = hex(crypto.hash("sha256", key.spki));
const sound: AttestationResult = {
  verdict: "affirming",
  reasons: [],
  attester: "tpm",
  purpose: "reattest",
  deviceClass: "atm",
  site: "store-17",
  name: "atm-3",
  ekHash: "ee",
  akName: "aa",
  spki: key.spki,
  admittedBy: "registration",
  claimHash: undefined,
  pcrs: {},
  clock: { milliseconds: 1, resetCount: 1, restartCount: 0, isSafe: true },
  journal: { size: 0, root: new Uint8Array(32) },
  attestedAt: instant(systemClock.now() - 60_000),
};
const drifted: AttestationResult = {
  ...sound,
  verdict: "contraindicated",
  reasons: [{ code: "PCR_UNEXPECTED", pcr: 4, value: "ff" }],
  clock: { milliseconds: 2, resetCount: 1, restartCount: 0, isSafe: true },
  attestedAt: systemClock.now(),
};
const device = { name: "atm-3", class: "atm", ek: "ee" };
const profile = {
  roles: ["atm"],
  pcrs: [4],
  referenceValues: {},
  svidLifetime: minutes(1),
  staleAfter: minutes(10),
  expiredAfter: minutes(60),
};
const inventory = { kind: "vedette/inventory/v1" as const, classes: { atm: profile }, devices: [device] };
const devices: DeviceList = { inventory, deviceByName: new Map([["atm-3", device]]) };

test("a device that has drifted is cut off at once, and written down when the full disk has space again", async (t) => {
  const { journal, evidence, registry, send, isCut } = await setupDesk(t);
  const freshness = () =>
    registry.freshnessOf({ name: "atm-3", deviceClass: "atm", keyHash }, devices, systemClock.now());
  assert.equal(freshness(), "fresh");
  journal.setSizeMax(1);
  await fillUp(evidence);
  await assert.rejects(send(), { code: "STORE_FULL" });
  assert.equal(freshness(), "contraindicated");
  assert.ok(isCut());
  journal.setSizeMax(1_000_000_000);
  await evidence[Symbol.asyncDispose]();
  const appraisals = journal.readEntries(0, journal.head().size).flatMap((entry) => {
    const leaf = parseLeaf(entry);
    return leaf.ok && leaf.value.kind === "event" && leaf.value.name === "appraisal" ? [leaf.value.facts] : [];
  });
  assert.deepEqual(
    appraisals.map((facts) => facts["verdict"]),
    ["contraindicated"],
  );
});

async function setupDesk(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "vedette-desk-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const journal = await openJournal({
    path: join(directory, "journal.db"),
    origin: "test/journal",
    gapLeaf: (gap) => bytesOf({ kind: "gap", ...gap }),
  });
  t.after(() => journal.close());
  const clock = new EffectiveClock(systemClock, instant(0));
  const evidence = new EvidenceLog({ journal, clock, crypto, log: () => {}, denialLimits: DENIAL_LIMITS });
  const registry = new DeviceRegistry();
  registry.apply(appraisalFacts(sound, crypto));
  const ledger = createConnectionLedger();
  let cuts = 0;
  ledger.bind(
    connection(() => cuts++),
    { id: ATM, notAfter: instant(systemClock.now() + 60_000) },
  );
  const counts: DeskCounts = { issued: 0, refused: 0, contraindicated: 0, pending: 0 };
  const handle = createRouter(
    deviceDeskRoutes({
      site: "store-17",
      siteDomain: "store-17.example.org",
      desk: { challenge: () => assert.fail("not asked"), appraise: () => ok(drifted) },
      authority: { deviceSvid: () => assert.fail("nothing is issued") },
      registry,
      mark: new AppraisalMark(new Secret(new Uint8Array(32)), crypto),
      evidence,
      ledger,
      state: { change: async () => {} },
      clock,
      crypto,
      verifierKey: key,
      counts,
      trust: () => undefined,
      inventory: () => inventory,
      gatewayUrl: () => "",
    }),
  );
  return { journal, evidence, registry, send: () => handle(evidenceRequest()), isCut: () => cuts === 1 };
}

function evidenceRequest(): HttpRequest {
  const bytes = new Uint8Array(32);
  const message = {
    version: 1,
    session: bytes,
    quoted: bytes,
    quoteSignature: bytes,
    pcrValues: {},
    spkiSignature: bytes,
    journalSize: 0,
    journalRoot: bytes,
  };
  return {
    method: "POST",
    path: "/v1/reattest/evidence",
    target: "/v1/reattest/evidence",
    query: new URLSearchParams(),
    headers: {},
    channel: "desk",
    peer: undefined,
    connection: connection(() => {}),
    signal: new AbortController().signal,
    body: async () => utf8(encodeMessage(message)),
    stream: () => assert.fail("not streamed"),
  };
}

function connection(cut: () => void): Connection {
  return { channel: "gateway", peer: undefined, remoteAddress: undefined, cut, onClose: () => {} };
}

async function fillUp(evidence: EvidenceLog): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    const written = await evidence.event("x", {}).catch((error: unknown) => error);
    if (written instanceof AdapterError) return;
  }
  assert.fail("the disk never filled up");
}

function bytesOf(leaf: Leaf): Uint8Array {
  const bytes = encodeLeaf(leaf, crypto);
  assert.ok(bytes.ok);
  return bytes.value;
}
