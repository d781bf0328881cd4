import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type EnrolmentDesk, openDesk } from "@vedette/attestation";
import { AdapterError, hex, type JsonObject, Secret, utf8 } from "@vedette/base";
import { noteSignerOf } from "@vedette/envelope";
import { createFakeTpm, createFakeTpmMaker, type FakeTpm, type FakeTpmMaker } from "@vedette/fakes";
import { openMirror } from "@vedette/journal";
import { connectUnix, createConnectionLedger, createRouter, type HttpClient, listenUnix } from "@vedette/net";
import { controlConfig, encodeMessage, parseConfig } from "@vedette/protocol";
import { createNodeCrypto, generateKey, systemClock, systemRandom } from "@vedette/runtime";
import { type ControlStore, openStore } from "@vedette/store";
import { certificatesToPem } from "@vedette/x509";
import { enrolmentRoutes } from "./enrolment.ts";
import { controlFiles, readKeyOfKind } from "./files.ts";
import { initControl } from "./init.ts";
import { openIssuer } from "./issuer.ts";
import { readTrustDocument } from "./trust.ts";

const ports = { clock: systemClock, random: systemRandom, crypto: createNodeCrypto() };

interface DeskFixture {
  readonly maker: FakeTpmMaker;
  /** Registered as `edge-1`. */
  readonly tpm: FakeTpm;
  readonly store: ControlStore;
  readonly client: HttpClient;
}

/** The control plane's desk alone, with limits of the test's choosing. */
async function setupDesk(
  t: TestContext,
  limits: { readonly pagesMax?: number; readonly usedSessionsMax?: number },
): Promise<DeskFixture> {
  const directory = mkdtempSync(join(tmpdir(), "vedette-desk-"));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  t.after(() => stack.disposeAsync());
  const maker = createFakeTpmMaker("maker 1");
  const tpm = createFakeTpm(maker);
  writeFileSync(join(directory, "ek-ca.pem"), certificatesToPem([maker.anchor]));
  const ek = hex(ports.crypto.hash("sha256", tpm.ekSpki));
  const document = {
    kind: "vedette/control/v1",
    fleet: "example.org",
    data: "data",
    operatorSocket: "operator.sock",
    listen: { enrol: "127.0.0.1:0", fleet: "127.0.0.1:0" },
    classes: { gateway: { anchors: ["ek-ca.pem"], pcrs: [0] } },
    nodes: [{ site: "store-17", name: "edge-1", class: "gateway", ek }],
  };
  const config = parseConfig(controlConfig, utf8(JSON.stringify(document)), "control.json");
  assert.ok(config.ok);
  const [data, authority] = [join(directory, "data"), join(directory, "authority")];
  initControl({ config: config.value, folder: directory, data, authority, ...ports });
  const files = controlFiles(data);
  const store = stack.use(await openStore(files.store, limits));
  const cosigner = noteSignerOf("cosignature", "mirror.example.org", generateKey("Ed25519"), ports.crypto);
  const mirror = openMirror({ path: files.mirror, cosigner, crypto: ports.crypto, keysOf: () => undefined });
  stack.defer(() => mirror.close());
  const trust = readTrustDocument(files, ports.crypto);
  const desk: EnrolmentDesk = openDesk({ ...ports, ...limits, sessionKey: new Secret(systemRandom.bytes(32)) });
  const routes = enrolmentRoutes({
    ...ports,
    config: config.value,
    desk,
    store,
    mirror,
    issuer: openIssuer({ files, ...ports }),
    ledger: createConnectionLedger(),
    log: () => {},
    verifierKey: readKeyOfKind(files.issuingKey, "ES256"),
    trust: () => trust,
    fleetUrl: () => "https://127.0.0.1:1",
    onNode: () => {},
  });
  const path = join(directory, "run", "desk.sock");
  const failures = { random: systemRandom, onConnectionError: () => {}, onHandlerError: () => {} };
  stack.use(await listenUnix({ path, handler: createRouter(routes), ...failures }));
  return { maker, tpm, store, client: stack.use(connectUnix({ path })) };
}

function messageOne(tpm: FakeTpm): Uint8Array {
  return utf8(
    encodeMessage({
      ...{ version: 1, purpose: "enrol", attester: "tpm", site: "store-17", class: "gateway", name: "edge-1" },
      ekCertificate: tpm.ekCertificate,
      ekIntermediates: [],
      akPublic: tpm.akPublic,
      spki: generateKey("ES256").spki,
      siteCaSpki: generateKey("ES256").spki,
      journalSpki: generateKey("Ed25519").spki,
    }),
  );
}

async function post(client: HttpClient, path: string, body: Uint8Array) {
  const answer = await client.request("POST", path, { body });
  const parsed: JsonObject = JSON.parse(new TextDecoder().decode(answer.body));
  return { status: answer.status, body: parsed, code: (parsed["error"] as JsonObject | undefined)?.["code"] };
}

test("a full disk is told as such, never as bad evidence, and whoever is registered is still challenged", async (t) => {
  const { maker, tpm, store, client } = await setupDesk(t, { pagesMax: 32 });
  const waiting = { site: "store-17", deviceClass: "gateway", reason: "EK_UNREGISTERED" };
  await assert.rejects(
    async () => {
      for (let i = 0; ; i++)
        await store.pending.note({ ...waiting, ekHash: String(i).padStart(64, "0") }, systemClock.now());
    },
    (error) => error instanceof AdapterError && error.code === "STORE_FULL",
  );
  const stranger = await post(client, "/v1/enrol", messageOne(createFakeTpm(maker)));
  assert.deepEqual([stranger.status, stranger.code], [503, "STORE_FULL"]);
  assert.equal((await post(client, "/v1/enrol", messageOne(tpm))).status, 200);
});

test("a desk that can remember no further session is busy", async (t) => {
  const { tpm, client } = await setupDesk(t, { usedSessionsMax: 0 });
  const challenge = await post(client, "/v1/enrol", messageOne(tpm));
  assert.equal(challenge.status, 200);
  const evidence = encodeMessage({
    ...{ version: 1, session: challenge.body["session"], pcrValues: {}, journalSize: 0 },
    quoted: Uint8Array.of(1),
    quoteSignature: Uint8Array.of(1),
    spkiSignature: Uint8Array.of(1),
    journalRoot: new Uint8Array(32),
  });
  const answer = await post(client, "/v1/enrol/evidence", utf8(evidence));
  assert.deepEqual([answer.status, answer.code], [503, "DESK_FULL"]);
});
