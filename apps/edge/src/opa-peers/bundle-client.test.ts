import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { concatBytes, instant, milliseconds, utf8 } from "@vedette/base";
import {
  bytesResponse,
  connectUnix,
  emptyResponse,
  HeldDocuments,
  type HttpHandler,
  type HttpRequest,
} from "@vedette/net";
import { LONG_POLLING_TYPE, openOpaBundle } from "@vedette/policy";
import { parseJson } from "@vedette/rego";
import { createNodeCrypto, gunzip, gzip, systemClock, systemRandom } from "@vedette/runtime";
import { BundleClient } from "./bundle-client.ts";
import { testDirectory, testService, until } from "./opa-fixture.test.ts";
import { PulledBundles } from "./pulled-bundles.ts";

const crypto = createNodeCrypto();
const LENGTH_MAX = 1_000_000;
const policyOf = (value: string) => `package app\n\nanswer := data.app.value\n\nsaid := ${JSON.stringify(value)}\n`;

/** A server of bundles that knows tags, changes and, if asked, how to hold. */
class BundleServer {
  bundle: { etag: string; bytes: Uint8Array } | undefined;
  status = 200;
  readonly asked: HttpRequest["headers"][] = [];
  readonly held = new HeldDocuments({ contentType: "application/gzip", heldContentType: LONG_POLLING_TYPE });

  readonly handler: HttpHandler = async (request) => {
    this.asked.push(request.headers);
    if (this.status !== 200) return emptyResponse(this.status);
    if (request.path === "/bundles/delta")
      return bytesResponse(200, "application/gzip", this.bundle?.bytes ?? utf8(""));
    return this.held.answer(request, "b", async () => this.bundle);
  };

  publish(etag: string, files: Readonly<Record<string, string>>): void {
    this.bundle = { etag, bytes: bundleOf(files) };
    this.held.changed("b");
  }
}

function bundleOf(files: Readonly<Record<string, string>>): Uint8Array {
  const parts = Object.entries(files).map(([name, contents]) => {
    const header = new Uint8Array(512);
    const bytes = utf8(contents);
    header.set(utf8(name), 0);
    header.set(utf8(`${bytes.length.toString(8).padStart(11, "0")}\0`), 124);
    header.set(utf8("0"), 156);
    header.set(utf8("ustar\0" + "00"), 257);
    header.set(utf8("        "), 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.set(utf8(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    return concatBytes(header, bytes, new Uint8Array((512 - (bytes.length % 512)) % 512));
  });
  return new Uint8Array(gzipSync(concatBytes(...parts, new Uint8Array(1_024))));
}

async function setupClient(t: TestContext, longPoll?: number) {
  const server = new BundleServer();
  const path = await testService(t, server.handler);
  const file = join(testDirectory(t), "authz.tar");
  const service = connectUnix({ path });
  const logged: string[] = [];
  const start = (bundles = new PulledBundles(LENGTH_MAX), name = "authz") => {
    const client = new BundleClient({
      ...{ name, service, path: `/bundles/${name}`, sizeMax: LENGTH_MAX, file, bundles, random: systemRandom },
      policy: {
        delayMin: milliseconds(5),
        delayMax: milliseconds(10),
        longPoll: longPoll === undefined ? undefined : milliseconds(longPoll),
      },
      clock: systemClock,
      log: (_level, message) => void logged.push(message),
      open: (bytes) =>
        openOpaBundle(bytes, { verification: undefined, lengthMax: LENGTH_MAX, crypto, gzip: { gzip, gunzip } }),
      onStatus: () => undefined,
    });
    return { client, bundles };
  };
  const running = (started = start()) => {
    started.client.start((error) => assert.fail(String(error)));
    t.after(() => started.client[Symbol.asyncDispose]());
    return started;
  };
  t.after(() => {
    server.held[Symbol.dispose]();
    service.close();
  });
  return { server, start, running, file, logged };
}

function answerOf(bundles: PulledBundles, name = "answer"): unknown {
  const deps = { now: instant(0), crypto, random: systemRandom };
  const answer = bundles.code?.document(["app", name], parseOk("{}"), deps);
  return answer?.ok ? answer.value : undefined;
}

function parseOk(text: string) {
  const value = parseJson(text);
  assert.ok(value.ok);
  return value.value;
}

const files = (value: number, revision = `r${value}`) => ({
  ".manifest": JSON.stringify({ revision, roots: ["app"] }),
  "app/data.json": JSON.stringify({ value }),
  "policy.rego": policyOf(revision),
});

test("a bundle is fetched, activated and followed", async (t) => {
  const { server, running } = await setupClient(t);
  server.publish("1", files(1));
  const { client, bundles } = running();
  await until(() => client.status.activeRevision === "r1");
  assert.deepEqual([answerOf(bundles), answerOf(bundles, "said")], [1, "r1"]);
  server.publish("2", files(2));
  await until(() => client.status.activeRevision === "r2");
  assert.equal(answerOf(bundles), 2);
  assert.ok(server.asked.some((headers) => headers["if-none-match"] === '"1"'));
});

test("with long polling news arrive at once, and without news there are few requests", async (t) => {
  const { server, running } = await setupClient(t, 20_000);
  server.publish("1", files(1));
  const { client } = running();
  await until(() => server.held.holders === 1);
  const before = server.asked.length;
  server.publish("2", files(2));
  await until(() => client.status.activeRevision === "r2");
  assert.equal(server.asked.length, before);
});

test("whatever a server sends instead, what is active stays and status says why", async (t) => {
  const { server, running } = await setupClient(t);
  server.publish("1", files(1));
  const { client, bundles } = running();
  await until(() => client.status.activeRevision === "r1");
  const bad: readonly [string, () => void, RegExp][] = [
    ["an error", () => (server.status = 503), /503/],
    ["no bundle", () => (server.bundle = { etag: "x", bytes: utf8("x") }), /BUNDLE_MALFORMED/],
    [
      "rules that do not compile",
      () => server.publish("y", { ...files(2), "x.rego": "package app\nx := y\n" }),
      /compile/,
    ],
    ["data of the node's own", () => server.publish("z", { "data.json": '{"vedette":{}}' }), /ROOTS_OVERLAP/],
    [
      "rules that ask the network",
      () => server.publish("w", { "x.rego": 'package a\nx := http.send({"url":""})\n' }),
      /compile/,
    ],
  ];
  for (const [what, serve, message] of bad) {
    server.status = 200;
    serve();
    await until(() => message.test(client.status.trouble?.message ?? ""));
    assert.deepEqual([client.status.activeRevision, answerOf(bundles)], ["r1", 1], what);
  }
  server.publish("2", files(2));
  await until(() => client.status.activeRevision === "r2" && client.status.trouble === undefined);
});

test("after a restart without a network the bundle on disk runs, and its tag is asked about", async (t) => {
  const { server, running, start } = await setupClient(t);
  server.publish("1", files(1));
  const first = running();
  await until(() => first.client.status.activeRevision === "r1");
  await first.client[Symbol.asyncDispose]();
  server.status = 503;
  const second = start();
  assert.ok(second.client.loadFromDisk());
  assert.deepEqual([second.client.status.activeRevision, answerOf(second.bundles)], ["r1", 1]);
  server.asked.length = 0;
  running(second);
  await until(() => server.asked.length > 0);
  assert.equal(server.asked[0]?.["if-none-match"], '"1"');
});

test("what was changed on disk is refused at the next start", async (t) => {
  const { server, running, start, file, logged } = await setupClient(t);
  server.publish("1", files(1));
  const first = running();
  await until(() => first.client.status.activeRevision === "r1");
  await first.client[Symbol.asyncDispose]();
  const kept = readFileSync(file);
  for (const bytes of [kept.subarray(0, 700), Buffer.from("x"), flipped(kept)]) {
    writeFileSync(file, bytes);
    assert.equal(start().client.loadFromDisk(), false);
  }
  assert.ok(logged.includes("a bundle on disk is refused and does not run"));
});

test("a delta changes the active bundle, and is applied again after a restart", async (t) => {
  const { server, running, start } = await setupClient(t);
  const { client, bundles } = running(start(new PulledBundles(LENGTH_MAX), "delta"));
  server.publish("1", files(1));
  await until(() => client.status.activeRevision === "r1");
  const patch = JSON.stringify({ data: [{ op: "replace", path: "/app/value", value: 7 }] });
  server.publish("2", { ".manifest": '{"revision":"r2","roots":["app"]}', "patch.json": patch });
  await until(() => client.status.activeRevision === "r2");
  assert.deepEqual([answerOf(bundles), client.status.type], [7, "delta"]);
  await client[Symbol.asyncDispose]();
  const again = start(new PulledBundles(LENGTH_MAX), "delta");
  assert.ok(again.client.loadFromDisk());
  assert.equal(answerOf(again.bundles), 7);
});

test("a delta that does not fit makes the client ask for a whole bundle", async (t) => {
  const { server, running, start } = await setupClient(t);
  const { client } = running(start(new PulledBundles(LENGTH_MAX), "delta"));
  server.publish("1", files(1));
  await until(() => client.status.activeRevision === "r1");
  const patch = JSON.stringify({ data: [{ op: "replace", path: "/app/nothing", value: 7 }] });
  server.publish("2", { ".manifest": '{"revision":"r2","roots":["app"]}', "patch.json": patch });
  await until(() => /DELTA_PATH_INVALID/.test(client.status.trouble?.message ?? ""));
  server.asked.length = 0;
  await until(() => server.asked.length > 1);
  assert.ok(server.asked.at(-1)?.["prefer"] === "modes=snapshot" && !server.asked.at(-1)?.["if-none-match"]);
  assert.equal(client.status.activeRevision, "r1");
});

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf(Buffer.from([0x1f, 0x8b])) + 40;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
