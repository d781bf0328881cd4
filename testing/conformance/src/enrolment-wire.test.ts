import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { base64url, hex, type JsonObject, utf8 } from "@vedette/base";
import { initEdge, type RunningEdge, startEdge } from "@vedette/edge";
import { createFakeTpm, createFakeTpmMaker, type FakeTpm, type FakeTpmMaker, setupSwtpm } from "@vedette/fakes";
import { connectUnix } from "@vedette/net";
import { edgeConfig, joinFile, parseConfig } from "@vedette/protocol";
import { createNodeCrypto, generateKey, systemRandom } from "@vedette/runtime";
import { parseCertificate } from "@vedette/x509";
import {
  buildPolicy,
  type ControlFixture,
  ekHashOf,
  FLEET,
  OTHER_SITE,
  PCRS,
  REFERENCE_VALUES,
  SITE,
  setupControl,
  signPolicy,
} from "./control-fixture.ts";
import type { SteppedClock } from "./fleet-clock.ts";
import {
  type Attempt,
  attestOverWire,
  messageOne,
  messageTwo,
  nodeKeys,
  sha256,
  type WireKeys,
  type WireName,
} from "./wire-attester.ts";
import { type WireAddress, type WireAnswer, WireConnection } from "./wire-client.ts";

/** A desk as an attester sees it, and somebody whom it expects. */
interface DeskUnderTest {
  readonly address: WireAddress;
  readonly clock: SteppedClock;
  readonly maker: FakeTpmMaker;
  /** Registered under `name`. */
  readonly tpm: FakeTpm;
  readonly name: WireName;
  /** Registered under another name of the same site and class. */
  readonly otherName: string;
  keys(): WireKeys;
  /** Logged as errors of ours. */
  errors(): readonly string[];
}

const desks: readonly [string, (t: TestContext) => Promise<DeskUnderTest | undefined>][] = [
  ["the control plane's desk", setupControlDesk],
  ["the gateway's desk", setupGatewayDesk],
];

for (const [title, setup] of desks)
  test(title, async (t) => {
    const desk = await setup(t);
    if (!desk) return;
    const connection = (): WireConnection => {
      const made = new WireConnection(desk.address);
      t.after(() => made[Symbol.dispose]());
      return made;
    };
    const attempt = (changes: Partial<Attempt> = {}): Attempt => {
      desk.clock.step(2_000); // a desk may refuse a device that comes twice within a second
      return { tpm: desk.tpm, name: desk.name, keys: desk.keys(), ...changes };
    };
    const admitted = (): Promise<WireAnswer> => attestOverWire(connection(), attempt());

    await t.test("admits whom it expects, with an SVID for the key that was attested and no other", async () => {
      const expected = attempt();
      const answer = await attestOverWire(connection(), expected);
      assert.equal(answer.status, 200, answer.bytes.toString());
      const [leaf] = (answer.body["svid"] as string[]).map((der) => parseCertificate(Buffer.from(der, "base64url")));
      assert.ok(leaf?.ok);
      assert.deepEqual(Buffer.from(leaf.value.spki), Buffer.from(expected.keys.tls.spki));
    });

    await t.test("refuses a first message that is not well formed, and says where", async () => {
      const wire: JsonObject = JSON.parse(messageOne(attempt()));
      const { spki: _, ...withoutSpki } = wire;
      const cases: [string, string, string | undefined][] = [
        ["", "MESSAGE_NOT_JSON", undefined],
        ["{", "MESSAGE_NOT_JSON", undefined],
        [messageOne(attempt()).slice(0, -200), "MESSAGE_NOT_JSON", undefined],
        ["\u0000\u0001", "MESSAGE_NOT_JSON", undefined],
        ["[".repeat(100_000), "MESSAGE_NOT_JSON", undefined],
        ["null", "MESSAGE_INVALID", ""],
        ["[]", "MESSAGE_INVALID", "/version"],
        [JSON.stringify(withoutSpki), "MESSAGE_INVALID", "/spki"],
        [JSON.stringify({ ...wire, version: 2 }), "MESSAGE_INVALID", "/version"],
        [JSON.stringify({ ...wire, admin: true }), "MESSAGE_INVALID", "/admin"],
        [JSON.stringify({ ...wire, name: "../root" }), "MESSAGE_INVALID", "/name"],
        [JSON.stringify({ ...wire, site: SITE.toUpperCase() }), "MESSAGE_INVALID", "/site"],
        [JSON.stringify({ ...wire, akPublic: "%%" }), "MESSAGE_INVALID", "/akPublic"],
        [JSON.stringify({ ...wire, ekIntermediates: Array(9).fill("AQ") }), "MESSAGE_INVALID", "/ekIntermediates"],
        [
          JSON.stringify({ ...wire, ekCertificate: base64url(new Uint8Array(8_193)) }),
          "MESSAGE_INVALID",
          "/ekCertificate",
        ],
      ];
      const desk = connection();
      for (const [message, code, path] of cases) {
        const answer = await desk.post("/v1/enrol", message);
        assert.deepEqual([answer.status, answer.code], [400, code], message.slice(0, 60));
        assert.equal((answer.body["error"] as JsonObject)["path"], path, message.slice(0, 60));
      }
    });

    await t.test("refuses keys and certificates that are not what they should be", async () => {
      const bytes = base64url(systemRandom.bytes(91));
      const cases: [object, number, string][] = [
        [{ ekCertificate: bytes }, 400, "EK_CERTIFICATE_INVALID"],
        [{ ekIntermediates: [bytes] }, 400, "EK_CERTIFICATE_INVALID"],
        [{ akPublic: bytes }, 400, "TPM_STRUCTURE_MALFORMED"],
        [{ spki: bytes }, 400, "TLS_KEY_UNSUPPORTED"],
        [{ spki: base64url(generateKey("Ed25519").spki) }, 400, "TLS_KEY_UNSUPPORTED"],
      ];
      for (const [request, status, code] of cases) {
        const answer = await attestOverWire(connection(), attempt({ request: { ...request } }));
        assert.deepEqual([answer.status, answer.code], [status, code]);
      }
    });

    await t.test("reads no attester but a TPM: a class cannot allow what the wire does not carry", async () => {
      const answer = await connection().post("/v1/enrol", messageOne(attempt({ request: { attester: "software" } })));
      assert.deepEqual([answer.status, answer.code], [400, "MESSAGE_INVALID"]);
      assert.equal((answer.body["error"] as JsonObject)["path"], "/attester");
    });

    await t.test(
      "refuses a message of another purpose, of another site, and of a class nobody configured",
      async () => {
        const purpose = await connection().post("/v1/enrol", messageOne(attempt({ purpose: "reattest" })));
        assert.ok([400, 403].includes(purpose.status), purpose.code);
        for (const name of [{ class: "nobodys" }, { class: "constructor" }]) {
          const answer = await attestOverWire(connection(), attempt({ name: { ...desk.name, ...name } }));
          assert.equal(answer.status, 403, JSON.stringify(name));
        }
        const elsewhere = await attestOverWire(connection(), attempt({ name: { ...desk.name, site: OTHER_SITE } }));
        assert.ok([202, 403].includes(elsewhere.status), elsewhere.code);
        assert.equal(elsewhere.body["svid"], undefined);
      },
    );

    await t.test("refuses a declared length beyond its limit before a byte of the body has come", async () => {
      const socket = await openSocket(t, desk.address);
      socket.write(head(`content-length: 131073`));
      assert.match(await firstLine(socket), /^HTTP\/1\.1 413 /);
    });

    await t.test("stops reading an undeclared length at its limit", async () => {
      const socket = await openSocket(t, desk.address);
      socket.write(head("transfer-encoding: chunked"));
      const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
      for (let sent = 0; sent < 3; sent++) socket.write(chunk);
      assert.match(await firstLine(socket), /^HTTP\/1\.1 413 /);
    });

    await t.test("outlives clients that leave in the middle of a message or before the answer", async () => {
      const cut = await openSocket(t, desk.address);
      cut.write(`${head("content-length: 5000")}{"version":1`);
      await sleep(20);
      cut.destroy();
      const message = messageOne(attempt());
      const gone = await openSocket(t, desk.address);
      gone.write(head(`content-length: ${Buffer.byteLength(message)}`) + message);
      gone.destroy();
      const noTls = await openSocket(t, desk.address);
      noTls.end("\r\n\r\nthis is not HTTP\r\n\r\n");
      assert.equal((await admitted()).status, 200);
    });

    await t.test("leaves a genuine TPM that nobody registered pending, and gives it nothing", async () => {
      const stranger = createFakeTpm(desk.maker);
      const answer = await attestOverWire(connection(), attempt({ tpm: stranger }));
      assert.equal(answer.status, 202);
      assert.deepEqual(answer.body, { version: 1, state: "pending", ekHash: ekHashOf(stranger) });
    });

    await t.test("does not let a registered TPM take another's name", async () => {
      const answer = await attestOverWire(connection(), attempt({ name: { ...desk.name, name: desk.otherName } }));
      assert.deepEqual([answer.status, answer.body["state"]], [202, "pending"]);
    });

    await t.test("knows no TPM of a maker that the class does not trust", async () => {
      const tpm = createFakeTpm(createFakeTpmMaker("maker 2"));
      const answer = await attestOverWire(connection(), attempt({ tpm }));
      assert.deepEqual([answer.status, answer.code], [403, "EK_ISSUER_UNKNOWN"]);
    });

    await t.test("uses the key of the EK certificate, so that another TPM cannot open the challenge", async () => {
      const thief = createFakeTpm(desk.maker);
      const stolen = attempt();
      const message = messageOne(stolen);
      const challenge = await connection().post("/v1/enrol", message);
      assert.equal(challenge.status, 200);
      assert.throws(() => messageTwo({ ...stolen, tpm: thief }, message, challenge.body));
    });

    await t.test("tells apart what is wrong with evidence, and admits none of it", async () => {
      const other = generateKey("ES256");
      const flipped = (text: unknown): string => {
        const bytes = Buffer.from(String(text), "base64url");
        bytes[bytes.length - 1]! ^= 1;
        return base64url(bytes);
      };
      const quoteWith =
        (lie: Parameters<FakeTpm["quote"]>[2], pcrs = PCRS) =>
        (_: JsonObject, challenge: JsonObject) => {
          const { quoted, quoteSignature } = desk.tpm.quote(new Uint8Array(32), pcrs, lie);
          assert.ok(challenge["nonce"]);
          return { quoted: base64url(quoted), quoteSignature: base64url(quoteSignature) };
        };
      const certified = (): object => {
        const { quoted, quoteSignature } = desk.tpm.certify(new Uint8Array(32));
        return { quoted: base64url(quoted), quoteSignature: base64url(quoteSignature) };
      };
      const cases: [string, NonNullable<Attempt["evidence"]>][] = [
        ["QUOTE_SIGNATURE_INVALID", (right) => ({ quoteSignature: flipped(right["quoteSignature"]) })],
        ["QUOTE_SIGNATURE_INVALID", (right) => ({ quoted: flipped(right["quoted"]) })],
        ["QUOTE_BINDING_MISMATCH", quoteWith({})],
        ["QUOTE_SELECTION_MISMATCH", quoteWith({}, [0])],
        ["QUOTE_SELECTION_MISMATCH", quoteWith({ bankId: 0x0c })],
        ["ATTEST_MAGIC_WRONG", quoteWith({ magic: 0x12345678 })],
        ["ATTEST_NOT_A_QUOTE", () => ({ ...certified() })],
        ["QUOTE_PCR_DIGEST_MISMATCH", (right) => ({ pcrValues: withPcr(right, 4, sha256("another boot loader")) })],
        ["QUOTE_PCR_VALUES_MALFORMED", (right) => ({ pcrValues: withoutPcr(right, 4) })],
        ["TLS_KEY_PROOF_INVALID", () => ({ spkiSignature: base64url(other.sign(new Uint8Array(32))) })],
        ["JOURNAL_BEFORE_ENROLMENT", () => ({ journalSize: 1 })],
        ["SESSION_INVALID", (right) => ({ session: flipped(right["session"]) })],
      ];
      for (const [code, evidence] of cases) {
        const answer = await attestOverWire(
          connection(),
          attempt({ evidence: (right, of) => ({ ...evidence(right, of) }) }),
        );
        assert.deepEqual([answer.status, answer.code], [400, code]);
        assert.equal(answer.body["svid"], undefined);
      }
    });

    await t.test(
      "refuses evidence that is not well formed, and the session is still good for the right one",
      async () => {
        const right = attempt();
        const desk = connection();
        const message = messageOne(right);
        const challenge = await desk.post("/v1/enrol", message);
        const evidence: JsonObject = JSON.parse(messageTwo(right, message, challenge.body));
        for (const [change, path] of [
          [{ journalSize: -1 }, "/journalSize"],
          [{ journalSize: 1.5 }, "/journalSize"],
          [{ journalRoot: "AQ" }, "/journalRoot"],
          [{ pcrValues: { 24: "A".repeat(43) } }, "/pcrValues/24"],
          [{ session: "" }, "/session"],
          [{ verdict: "affirming" }, "/verdict"],
        ] as const) {
          const answer = await desk.post("/v1/enrol/evidence", JSON.stringify({ ...evidence, ...change }));
          assert.deepEqual([answer.status, answer.code], [400, "MESSAGE_INVALID"], path);
          assert.equal((answer.body["error"] as JsonObject)["path"], path);
        }
        assert.equal((await desk.post("/v1/enrol/evidence", "{")).code, "MESSAGE_NOT_JSON");
        assert.equal((await desk.post("/v1/enrol/evidence", JSON.stringify(evidence))).status, 200);
      },
    );

    await t.test("takes evidence once", async () => {
      const once = attempt();
      const desk = connection();
      const message = messageOne(once);
      const challenge = await desk.post("/v1/enrol", message);
      const evidence = messageTwo(once, message, challenge.body);
      assert.equal((await desk.post("/v1/enrol/evidence", evidence)).status, 200);
      const replayed = await desk.post("/v1/enrol/evidence", evidence);
      assert.deepEqual([replayed.status, replayed.code], [409, "SESSION_USED"]);
    });

    await t.test("takes evidence only on the connection of its challenge", async () => {
      const right = attempt();
      const message = messageOne(right);
      const challenge = await connection().post("/v1/enrol", message);
      const answer = await connection().post("/v1/enrol/evidence", messageTwo(right, message, challenge.body));
      assert.deepEqual([answer.status, answer.code], [400, "SESSION_CHANNEL_MISMATCH"]);
    });

    await t.test("binds evidence to its own first message: an answer made for another one is refused", async () => {
      const right = attempt();
      const desk = connection();
      const challenge = await desk.post("/v1/enrol", messageOne(right));
      const altered = messageOne({ ...right, request: { claim: "x".repeat(22) } });
      const answer = await desk.post("/v1/enrol/evidence", messageTwo(right, altered, challenge.body));
      assert.deepEqual([answer.status, answer.code], [400, "QUOTE_BINDING_MISMATCH"]);
    });

    await t.test("renews whom it knows, and only with the attestation key that enrolled", async () => {
      const renewed = await attestOverWire(connection(), attempt({ purpose: "reattest" }));
      assert.equal(renewed.status, 200, renewed.code);
      const akPublic = base64url(createFakeTpm(desk.maker).akPublic);
      const changed = await attestOverWire(connection(), attempt({ purpose: "reattest", request: { akPublic } }));
      assert.deepEqual([changed.status, changed.code], [400, "AK_CHANGED"]);
      const name = { ...desk.name, name: "never-enrolled" };
      const unknown = await attestOverWire(connection(), attempt({ purpose: "reattest", name }));
      assert.deepEqual([unknown.status, unknown.code], [403, "ATTESTER_UNKNOWN"]);
    });

    await t.test("serves nothing else", async () => {
      const desk = connection();
      assert.equal((await desk.get("/")).status, 404);
      assert.equal((await desk.get("/v1/enrol")).status, 405);
      assert.equal((await desk.post("/v1/status")).status, 404);
    });

    await t.test("holds a machine that booted something else contraindicated", async () => {
      desk.tpm.extendPcr(4, sha256("boot loader of somebody else"));
      const answer = await attestOverWire(connection(), attempt({ purpose: "reattest" }));
      assert.deepEqual([answer.status, answer.code], [403, "CONTRAINDICATED"]);
      const reasons = (answer.body["error"] as JsonObject)["reasons"] as JsonObject[];
      assert.deepEqual([reasons[0]?.["code"], reasons[0]?.["pcr"]], ["PCR_UNEXPECTED", 4]);
    });

    await t.test("refuses evidence that comes a minute after its challenge", async () => {
      const late = attempt({ purpose: "reattest" });
      const desk_ = connection();
      const message = messageOne(late);
      const challenge = await desk_.post("/v1/reattest", message);
      assert.equal(challenge.status, 200);
      desk.clock.step(60_000);
      const answer = await desk_.post("/v1/reattest/evidence", messageTwo(late, message, challenge.body));
      assert.deepEqual([answer.status, answer.code], [410, "SESSION_EXPIRED"]);
    });

    await t.test("has met nothing in all this that it did not expect", () => {
      assert.deepEqual(desk.errors(), []);
    });
  });

async function setupControlDesk(t: TestContext): Promise<DeskUnderTest> {
  const control = await setupControl(t, {
    nodes: [{ site: SITE, name: "edge-2", class: "gateway", ek: "11".repeat(32) }],
  });
  const keys = nodeKeys();
  return {
    address: control.enrolAddress,
    clock: control.clock,
    maker: control.maker,
    tpm: control.tpm,
    name: { site: SITE, class: "gateway", name: "edge-1" },
    otherName: "edge-2",
    keys: () => ({ ...keys, tls: generateKey("ES256") }),
    errors: () => control.logged.filter((line) => line.startsWith("error")),
  };
}

async function setupGatewayDesk(t: TestContext): Promise<DeskUnderTest | undefined> {
  // Hooks run in the order of their making, and the node seals its state with its TPM before it ends.
  const running: { edge?: RunningEdge } = {};
  t.after(() => running.edge?.close());
  const swtpm = await setupSwtpm(t);
  if (!swtpm) return undefined;
  const tpm = await swtpm.open();
  const certificate = parseCertificate((await tpm.ekCertificate()) ?? new Uint8Array(0));
  await tpm.close();
  assert.ok(certificate.ok);
  const ek = hex(sha256(certificate.value.spki));
  const control = await setupControl(t, {
    anchors: swtpm.ekCaCertificates,
    nodes: [{ site: SITE, name: "edge-9", class: "gateway", ek }],
  });
  const logged: string[] = [];
  const edge = await startGateway(control, swtpm.socketPath, logged);
  running.edge = edge;
  const kiosk = createFakeTpm(control.maker);
  await publishInventory(control, edge, kiosk);
  return {
    address: { url: edge.enrolUrl, ca: control.enrolAddress.ca, servername: `${SITE}.${FLEET}` },
    clock: control.clock,
    maker: control.maker,
    tpm: kiosk,
    name: { site: SITE, class: "kiosk", name: "kiosk-2" },
    otherName: "kiosk-3",
    keys: () => ({ tls: generateKey("ES256") }),
    errors: () => logged.filter((line) => line.startsWith("error")),
  };
}

async function startGateway(control: ControlFixture, tpm: string, logged: string[]): Promise<RunningEdge> {
  const document = {
    kind: "vedette/edge/v1",
    tpm,
    listen: { enrol: "127.0.0.1:0", gateway: "127.0.0.1:0" },
    statusSocket: join(control.directory, "edge.sock"),
    fleetTimeout: "PT2S",
    routes: [],
  };
  const configFile = utf8(JSON.stringify(document));
  const config = parseConfig(edgeConfig, configFile, "edge.json");
  const body = JSON.stringify({ site: SITE, class: "gateway", name: "edge-9", isClaimed: false });
  const joined = await control.operator("POST", "/v1/joins", body);
  const join_ = parseConfig(joinFile, joined.bytes, "join.json");
  assert.ok(config.ok && join_.ok);
  const ports = { clock: control.clock, random: systemRandom, crypto: createNodeCrypto() };
  const data = join(control.directory, "edge");
  await initEdge({ join: join_.value, config: config.value, configFile, data, ...ports });
  const log = (level: string, message: string, facts?: object) =>
    void logged.push(`${level} ${message} ${JSON.stringify(facts)}`);
  return startEdge({ config: config.value, data, log, ...ports });
}

/** A policy whose inventory expects this TPM as `kiosk-2`; returns when the node runs it. */
async function publishInventory(control: ControlFixture, edge: RunningEdge, kiosk: FakeTpm): Promise<void> {
  const inventory = {
    kind: "vedette/inventory/v1",
    classes: { kiosk: { roles: ["kiosk"], pcrs: PCRS, referenceValues: REFERENCE_VALUES } },
    devices: [
      { name: "kiosk-2", class: "kiosk", ek: ekHashOf(kiosk) },
      { name: "kiosk-3", class: "kiosk", ek: "11".repeat(32) },
    ],
  };
  const published = await control.publish(signPolicy(buildPolicy({ inventory }), control.policyKey));
  assert.equal(published.status, 201, published.bytes.toString());
  using client = connectUnix({ path: edge.statusSocket });
  for (let waits = 0; waits < 500; waits++) {
    const status = JSON.parse(new TextDecoder().decode((await client.request("GET", "/v1/status")).body));
    if (status.policy?.sequence === 1) return;
    await sleep(20);
  }
  assert.fail("the node does not run the policy");
}

function withPcr(evidence: JsonObject, pcr: number, value: Uint8Array): JsonObject {
  return { ...(evidence["pcrValues"] as JsonObject), [pcr]: base64url(value) };
}

function withoutPcr(evidence: JsonObject, pcr: number): JsonObject {
  const { [pcr]: _, ...rest } = evidence["pcrValues"] as JsonObject;
  return rest;
}

function head(length: string): string {
  return `POST /v1/enrol HTTP/1.1\r\nhost: desk\r\n${length}\r\n\r\n`;
}

async function openSocket(t: TestContext, { url, ca, servername }: WireAddress): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), ca, servername, minVersion: "TLSv1.3" });
  socket.on("error", () => {}); // a cut connection is what some of these tests are about
  t.after(() => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

async function firstLine(socket: TLSSocket): Promise<string> {
  const [data] = await once(socket, "data");
  return String(data).split("\r\n")[0] ?? "";
}
