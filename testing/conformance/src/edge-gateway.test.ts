import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connect } from "node:tls";
import { addDuration, minutes, utf8 } from "@vedette/base";
import { mintNodeSvid, mintSiteCa } from "@vedette/identity";
import type { ClientAnswer, HttpClient, HttpRequester, TlsCertificate } from "@vedette/net";
import { createNodeCrypto, generateKey, systemClock, systemRandom } from "@vedette/runtime";
import { decisionsIn } from "@vedette/telemetry";
import { type GeneralName, parseCertificate } from "@vedette/x509";
import { FLEET, type Fleet, OTHER_SITE, SITE, setupFleet, until } from "./fleet.ts";
import { identityOf, issuingCaOf, mintIdentity, stealSiteCa, type TestAuthority } from "./fleet-authorities.ts";
import { codeOf, decisionOf, reasonOf } from "./fleet-device.ts";

const DEVICES = [
  { name: "pos-1", class: "pos" },
  { name: "atm-3", class: "atm" },
];
const PRICE = "/pricing/items/4006381333931";
const WITHDRAWALS = "/cash/withdrawals";
const crypto = createNodeCrypto();

// Side by side: they wait for clocks and windows more than they work.
describe("the gateway", { concurrency: true }, () => {
  test("who is no principal of this site gets nothing at its gateway, and is counted by the reason", async (t) => {
    const fleet = await setupFleet(t);
    if (!fleet) return;
    const site = await stealSiteCa(fleet);
    const issuing = issuingCaOf(fleet);
    const own = uri(`spiffe://${SITE}.${FLEET}/device/pos/pos-1`);
    const second = uri(`spiffe://${SITE}.${FLEET}/device/atm/atm-3`);
    const foreign = uri(`spiffe://${OTHER_SITE}.${FLEET}/device/pos/pos-1`);
    const past = addDuration(systemClock.now(), minutes(-1));
    const expired = { notBefore: addDuration(systemClock.now(), minutes(-9)), notAfter: past };
    const unborn = { notBefore: addDuration(systemClock.now(), minutes(9)) };
    const strangers: readonly (readonly [who: string, identity: TlsCertificate, counted: string])[] = [
      [
        "another site's device, certified by that site's CA",
        mintIdentity(siteCaOf(OTHER_SITE, issuing), { names: [foreign] }),
        "ISSUER_UNKNOWN",
      ],
      [
        "another site's device, certified by this site's stolen CA",
        mintIdentity(site, { names: [foreign] }),
        "tls_refused",
      ],
      [
        "a node, certified by this site's stolen CA",
        mintIdentity(site, { names: [uri(`spiffe://${FLEET}/node/${SITE}.edge-1`)] }),
        "tls_refused",
      ],
      ["a node with its own SVID", nodeIdentity(issuing), "NODE_AT_GATEWAY"],
      [
        "a device of this site, certified by the issuing CA",
        mintIdentity(issuing, { names: [own] }),
        "ISSUER_NOT_ENTITLED",
      ],
      ["an expired SVID", mintIdentity(site, { names: [own], ...expired }), "tls_refused"],
      ["an SVID that is not valid yet", mintIdentity(site, { names: [own], ...unborn }), "tls_refused"],
      ["a certificate without a name", mintIdentity(site, { names: [] }), "SPIFFE_ID_MISSING"],
      [
        "a certificate with a DNS name alone",
        mintIdentity(site, { names: [{ kind: "dns", value: `${SITE}.${FLEET}` }] }),
        "SPIFFE_ID_MISSING",
      ],
      ["two SPIFFE IDs in one certificate", mintIdentity(site, { names: [own, second] }), "SPIFFE_ID_AMBIGUOUS"],
      [
        "an IP address beside the SPIFFE ID",
        mintIdentity(site, { names: [own, { kind: "ip", value: Uint8Array.of(10, 0, 0, 7) }] }),
        "tls_refused",
      ],
      [
        "a mail address beside the SPIFFE ID",
        mintIdentity(site, { names: [own, { kind: "email", value: "pos-1@example.org" }] }),
        "NAME_FORM_REFUSED",
      ],
      [
        "a URI that is no SPIFFE ID",
        mintIdentity(site, { names: [uri(`https://${SITE}.${FLEET}/device/pos/pos-1`)] }),
        "SPIFFE_ID_MALFORMED",
      ],
    ];
    for (const [who, identity] of strangers)
      await t.test(`${who} is refused`, async () => {
        const client = fleet.gatewayClient(identity);
        const answer = await client.request("GET", PRICE).catch((error: unknown) => error);
        if (isAnswer(answer)) assert.equal(answer.status, 401);
        else assert.match(codeOfError(answer), /^NET_(TLS_REFUSED|UNREACHABLE)$/);
      });
    await t.test("none of them left a decision or reached the service, and each was counted", async () => {
      assert.deepEqual(fleet.upstream.seen, []);
      await fleet.stopEdge();
      assert.ok(fleet.leaves().every((leaf) => decisionsIn(leaf).length === 0 && leaf.kind !== "summary"));
      const [counted, ...others] = fleet.events("unauthenticated");
      assert.deepEqual(others, []);
      const expected: Record<string, number> = {};
      for (const [, , reason] of strangers) expected[reason] = (expected[reason] ?? 0) + 1;
      assert.deepEqual(counted?.["counts"], expected);
    });
  });

  test("the gateway forwards what was judged, and spends only what may have happened", async (t) => {
    const edgeConfig = { denialBudget: { whole: 3, window: "PT2S" } };
    const fleet = await setupFleet(t, { devices: DEVICES, edgeConfig });
    if (!fleet) return;
    const [pos, atm] = [await fleet.enrolDevice("pos-1"), await fleet.enrolDevice("atm-3")];
    const till = fleet.gatewayClient(pos.identity);
    const cash = fleet.gatewayClient(atm.identity);
    const withdraw = (amount: number) => post(cash, JSON.stringify({ amount }));
    const seen = fleet.upstream.seen;

    await t.test(
      "headers that only the gateway may set are dropped from the client's request and set by the gateway",
      async () => {
        const forged = {
          "x-vedette-subject": "spiffe://evil/",
          "x-vedette-role": "admin",
          forwarded: "for=1",
          "x-forwarded-for": "1",
        };
        const answer = await till.request("GET", PRICE, { headers: { ...forged, "x-request-id": "7" } });
        assert.equal(answer.status, 200);
        const { headers } = seen.at(-1) ?? {};
        assert.equal(headers?.["x-vedette-subject"], pos.spiffeId);
        assert.equal(headers?.["x-vedette-decision"], answer.headers["x-vedette-decision"]);
        assert.equal(headers?.["x-request-id"], "7");
        for (const name of ["x-vedette-role", "forwarded", "x-forwarded-for"])
          assert.equal(headers?.[name], undefined, name);
      },
    );

    await t.test("a path with more than one reading reaches nobody", async () => {
      const before = seen.length;
      const paths = [
        "/pricing//items/1",
        "/pricing/../cash/withdrawals",
        "/pricing/./items",
        "/pricing/%2e%2e/cash",
        "/pricing/a%2fb",
        "/pricing/a%5cb",
        "/pricing/%00",
        "/pricing/%",
        "/pricing/%zz",
        "/pricing/a;b/../c",
      ];
      for (const path of paths) assert.equal((await till.request("GET", path)).status, 400, path);
      assert.equal(seen.length, before);
    });

    await t.test("what is not listed is denied by default and recorded", async () => {
      const before = seen.length;
      for (const [method, path] of [
        ["GET", "/admin"],
        ["DELETE", PRICE],
        ["GET", "/pricing"],
        ["GET", "/PRICING/items/1"],
      ] as const) {
        const answer = await cash.request(method, path);
        assert.deepEqual([answer.status, codeOf(answer.body)], [403, "DENIED"], path);
        assert.ok(decisionOf(answer) !== undefined);
      }
      assert.equal(seen.length, before);
    });

    await t.test("a body whose attributes cannot be read in one way withdraws nothing", async () => {
      const before = seen.length;
      const bodies = [
        "",
        "{}",
        "[]",
        "null",
        '{"amount":"10"}',
        '{"amount":null}',
        '{"amount":[10]}',
        '{"amount":{"a":10}}',
        '{"amount":1e999}',
        '{"amount":10,"amount":1000}',
        '{"amount":10} {"amount":1000}',
        '{"amount":10',
        '{"__proto__":{"amount":10}}',
        '{"Amount":10}',
        '{"amount":-10}',
        '{"amount":0}',
        '{"amount":0.5}',
        '{"amount":1e-320}',
        '{"amount":9007199254740993}',
        '{"amount":true}',
        '\ufeff{"amount":10}',
      ];
      for (const body of [...bodies, Uint8Array.of(0x7b, 0xff, 0x7d)]) {
        const answer = await post(cash, body);
        assert.deepEqual([answer.status, codeOf(answer.body)], [403, "DENIED"], String(body));
      }
      assert.equal((await post(cash, `{"amount":10,"x":"${"x".repeat(70_000)}"}`)).status, 413);
      assert.equal(seen.length, before);
    });

    await t.test("money that surely did not move is not spent; money that may have moved is", async () => {
      await fleet.upstream.stop();
      assert.equal((await withdraw(200)).status, 502, "nobody listens");
      await fleet.upstream.start();
      fleet.upstream.respond = () => "silence";
      const unanswered = withdraw(50);
      await until("the service has it", () => seen.some(({ body }) => body.includes("50}")));
      fleet.upstream.respond = () => ({ status: 409 });
      assert.equal((await withdraw(200)).status, 409, "the service refuses");
      fleet.upstream.respond = () => ({ status: 503 });
      assert.equal((await withdraw(100)).status, 503, "the service fails; 100 may have moved");
      fleet.upstream.respond = () => "hang-up";
      assert.equal((await withdraw(100)).status, 502, "the service hangs up; 200 may have moved");
      fleet.upstream.respond = () => "silence";
      await leaveDuring(fleet, atm.identity, JSON.stringify({ amount: 100 }));
      fleet.upstream.respond = () => ({ status: 201 });
      const late = await unanswered;
      assert.deepEqual([late.status, codeOf(late.body)], [502, "UPSTREAM_TIMEOUT"], "another 50 may have moved");
      assert.equal((await withdraw(150)).status, 201, "350 may have moved: 150 are left");
      const beyond = await withdraw(1);
      assert.deepEqual([beyond.status, reasonOf(beyond)], [403, "limit-exceeded"]);
      fleet.upstream.respond = () => ({ status: 200 });
    });

    await t.test(
      "a flood of denials leaves whole records first, and one summary that accounts for the rest",
      async () => {
        const before = fleet.leaves().length;
        const numbers: number[] = [];
        for (let i = 0; i < 40; i++) numbers.push(decisionOf(await till.request("GET", "/admin")) ?? Number.NaN);
        await until("the summary", () =>
          fleet
            .leaves()
            .slice(before)
            .some(({ kind }) => kind === "summary"),
        );
        const leaves = fleet.leaves();
        const whole = leaves.flatMap((leaf) => decisionsIn(leaf)).filter(({ number }) => numbers.includes(number));
        assert.equal(whole.length, 3);
        const summaries = leaves.filter((leaf) => leaf.kind === "summary" && leaf.principal === pos.spiffeId);
        const [summary] = summaries;
        assert.ok(summary?.kind === "summary" && summaries.length === 1);
        assert.deepEqual([summary.count, summary.firstNumber, summary.lastNumber], [37, numbers[3], numbers.at(-1)]);
        assert.equal(new Set(numbers).size, 40);
      },
    );

    await t.test("an obligation that the gateway does not know denies", async () => {
      const rules = fleet.exampleRules();
      const changed = (rules["rules"] as object[]).map((rule) =>
        "id" in rule && rule.id === "pos-reads-prices" ? { ...rule, obligations: [{ type: "watermark" }] } : rule,
      );
      await fleet.publishPolicy({ rules: { ...rules, rules: changed } });
      const before = seen.length;
      const answer = await till.request("GET", PRICE);
      assert.deepEqual([answer.status, reasonOf(answer)], [403, "obligation-unknown"]);
      assert.equal(seen.length, before);
      const decisions = fleet.leaves().flatMap((leaf) => decisionsIn(leaf));
      const found = decisions.find(({ number }) => number === decisionOf(answer));
      assert.deepEqual(Object(found?.record["result"]).allow, false);
    });

    await t.test("a device that policy no longer lists is denied on the connection it has", async () => {
      await till.withConnection(async (connection) => {
        await fleet.publishPolicy();
        assert.equal((await connection.request("GET", PRICE)).status, 200);
        await fleet.publishPolicy({ inventory: fleet.inventory(DEVICES.filter(({ name }) => name !== "pos-1")) });
        const answer = await connection.request("GET", PRICE).catch((error: unknown) => error);
        if (isAnswer(answer)) assert.equal(answer.status, 403);
      });
    });
  });

  test("time is asked on every request, not at the handshake alone", async (t) => {
    const edgeConfig = { gatewaySvidLifetime: "PT12M" };
    const fleet = await setupFleet(t, { edgeConfig, deviceClass: { svidLifetime: "PT10M" } });
    if (!fleet) return;
    const pos = await fleet.enrolDevice("pos-1");
    const client = fleet.gatewayClient(pos.identity);
    await client.withConnection(async (connection) => {
      assert.equal((await connection.request("GET", PRICE)).status, 200);
      const serial = await serverSerial(fleet, pos.identity);
      await t.test("the gateway's certificate is swapped without dropping an open connection", async () => {
        const before = fleet.events("gateway-certificate").length;
        fleet.clock.step(minutes(4.5));
        await until("the swap", () => fleet.events("gateway-certificate").length > before);
        assert.equal((await connection.request("GET", PRICE)).status, 200);
        assert.notEqual(await serverSerial(fleet, pos.identity), serial);
      });
      await t.test("an SVID that expires between two requests of one connection is refused at the second", async () => {
        const before = fleet.upstream.seen.length;
        fleet.clock.step(minutes(6));
        const answer = await connection.request("GET", PRICE).catch((error: unknown) => error);
        if (isAnswer(answer)) assert.deepEqual([answer.status, codeOf(answer.body)], [401, "PRINCIPAL_EXPIRED"]);
        await assert.rejects(connection.request("GET", PRICE), "the connection was cut");
        assert.equal(fleet.upstream.seen.length, before);
      });
    });
  });

  test("an idle connection is cut when its principal expires", async (t) => {
    const fleet = await setupFleet(t, { deviceClass: { svidLifetime: "PT10M" } });
    if (!fleet) return;
    const pos = await fleet.enrolDevice("pos-1");
    const socket = connect(tlsOptions(fleet, pos.identity));
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {}); // that it is closed is what counts
    socket.write(`GET ${PRICE} HTTP/1.1\r\nhost: gateway\r\n\r\n`);
    await new Promise((resolve) => socket.once("data", resolve));
    fleet.clock.step(minutes(11));
    await closed;
    assert.deepEqual((await fleet.status()).connections, { open: 0, cut: { PRINCIPAL_EXPIRED: 1 } });
  });
});

function uri(value: string): GeneralName {
  return { kind: "uri", value };
}

function isAnswer(value: unknown): value is ClientAnswer {
  return typeof value === "object" && value !== null && "status" in value;
}

function codeOfError(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function post(client: HttpRequester, body: string | Uint8Array): Promise<ClientAnswer> {
  const bytes = typeof body === "string" ? utf8(body) : body;
  return client.request("POST", WITHDRAWALS, { body: bytes, headers: { "content-type": "application/json" } });
}

/** Sends a withdrawal and goes away while the service has it and has not answered. */
async function leaveDuring(fleet: Fleet, identity: TlsCertificate, body: string): Promise<void> {
  const client: HttpClient = fleet.gatewayClient(identity);
  const before = fleet.upstream.seen.length;
  const answer = post(client, body).catch((error: unknown) => error);
  await until("the service has the request", () => fleet.upstream.seen.length > before);
  client.close();
  assert.ok(!isAnswer(await answer));
}

function tlsOptions(fleet: Fleet, identity: TlsCertificate) {
  const key = Buffer.from(identity.key.reveal());
  const pem = `-----BEGIN PRIVATE KEY-----\n${key.toString("base64")}\n-----END PRIVATE KEY-----\n`;
  const port = Number(new URL(fleet.edge.gatewayUrl).port);
  return {
    host: "127.0.0.1",
    port,
    cert: identity.chainPem,
    key: pem,
    ca: [fleet.rootPem],
    checkServerIdentity: () => undefined,
  };
}

async function serverSerial(fleet: Fleet, identity: TlsCertificate): Promise<string> {
  const socket = connect(tlsOptions(fleet, identity));
  await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

function siteCaOf(site: string, issuing: TestAuthority): TestAuthority {
  const signer = generateKey("ES256");
  const minted = mintSiteCa({ site, spki: signer.spki }, issuing, issuance());
  assert.ok(minted.ok);
  const certificate = parseCertificate(minted.value);
  assert.ok(certificate.ok);
  return { certificate: certificate.value, signer, chain: [minted.value, ...issuing.chain] };
}

function nodeIdentity(issuing: TestAuthority): TlsCertificate {
  const key = generateKey("ES256");
  const minted = mintNodeSvid({ nodeId: `${SITE}.edge-1`, spki: key.spki }, issuing, issuance());
  assert.ok(minted.ok);
  return identityOf(minted.value, issuing.chain, key);
}

function issuance() {
  return { now: systemClock.now(), random: systemRandom, crypto };
}
