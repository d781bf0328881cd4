import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { addDuration, base64, days, hours, instant, isJsonObject, type JsonObject, utf8 } from "@vedette/base";
import { connectUnix, createRouter, emptyResponse, type HttpHandler, listenTls, route } from "@vedette/net";
import {
  buildPolicyBundle,
  openOpaBundle,
  parseOpaKey,
  RULES_FILE,
  signPolicyBundle,
  statusReport,
} from "@vedette/policy";
import {
  createNodeCrypto,
  generateKey,
  gunzip,
  gzip,
  type SoftwareKey,
  systemClock,
  systemRandom,
} from "@vedette/runtime";
import { encodeEvent, eventsOfLeaf } from "@vedette/telemetry";
import {
  type CertificateTemplate,
  certificatesToPem,
  distinguishedName,
  EMPTY_NAME,
  mintCertificate,
} from "@vedette/x509";
import { BundleService } from "../bundle-service/bundle-service.ts";
import { testDirectory, until } from "./opa-fixture.test.ts";

// Against the real thing: `opa` on the PATH, or the one that VEDETTE_OPA names.

const crypto = createNodeCrypto();
const OPA = process.env["VEDETTE_OPA"] ?? "opa";
const SITE = "store-17";
const POLICY = "package app\n\ndefault allow := false\n\nallow if input.role == data.app.roles.admin\n";
const LENGTH_MAX = 16_777_216;

function hasOpa(t: TestContext): boolean {
  try {
    execFileSync(OPA, ["version"], { stdio: "ignore" });
    return true;
  } catch {
    t.skip("no `opa` on the PATH, and VEDETTE_OPA names none");
    return false;
  }
}

function writeTree(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), contents);
  }
}

const tree = {
  ".manifest": '{"revision":"r1","roots":["app"],"metadata":{"x":1}}',
  "app/policy.rego": POLICY,
  "app/roles/data.json": '{"admin":"root","n":1.0,"big":12345678901234567890,"z":{"b":1,"a":"<é\\u2028>"}}',
  "app/y/data.yaml": "b: 1\na:\n  - x\n  - 2.50\n",
};

test("bundles that stock OPA builds are read, and their rules and data are all there", (t) => {
  if (!hasOpa(t)) return;
  const folder = testDirectory(t);
  const names = `${"a-very-long-folder-name/".repeat(6)}täst`;
  writeTree(join(folder, "src"), {
    ...tree,
    [`app/${names}/data.json`]: "1",
    [`${names}/long.rego`]: "package app.long\n\nx := 1\n",
  });
  for (const [name, flags] of [
    ["plain", []],
    ["optimized", ["-O1", "-e", "app/allow"]],
    ["plan", ["-t", "plan", "-e", "app/allow"]],
  ] as const) {
    const file = join(folder, `${name}.tar.gz`);
    execFileSync(OPA, ["build", "-b", "src", "-o", file, ...flags], { cwd: folder });
    const opened = openUnsigned(readFileSync(file));
    assert.ok(opened.ok && opened.value.type === "snapshot", `${name} ${JSON.stringify(opened)}`);
    assert.ok(opened.value.modules.size > 0 && isJsonObject(opened.value.data["app"]));
  }
});

test("bundles of stock OPA whose rules are not in Rego v1 are refused by name", (t) => {
  if (!hasOpa(t)) return;
  const folder = testDirectory(t);
  writeTree(join(folder, "src"), tree);
  const codeOf = (...flags: readonly string[]) => {
    const file = join(folder, "x.tar.gz");
    execFileSync(OPA, ["build", "-o", file, ...flags], { cwd: folder });
    const opened = openUnsigned(readFileSync(file));
    return opened.ok ? "OPENED" : opened.error.code;
  };
  assert.equal(codeOf("-t", "wasm", "-e", "app/allow", "-b", "src"), "WASM_UNSUPPORTED");
  writeTree(join(folder, "old"), { "p.rego": 'package app\n\nallow { input.role == "x" }\n' });
  assert.equal(codeOf("--v0-compatible", "-b", "old"), "REGO_V0_UNSUPPORTED");
});

test("signatures of stock OPA hold, over files as it builds and as it signs them", (t) => {
  if (!hasOpa(t)) return;
  const folder = testDirectory(t);
  const pairs = {
    RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
    PS512: generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
    ES384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
  };
  const secret = "a secret of at least thirty-two bytes";
  const keys = Object.entries(pairs).map(([algorithm, { privateKey, publicKey }]) => {
    const file = join(folder, `${algorithm}.pem`);
    const type = algorithm.startsWith("ES") ? "sec1" : "pkcs1";
    writeFileSync(file, privateKey.export({ format: "pem", type }));
    return { algorithm, signing: file, verifying: publicKey.export({ format: "pem", type: "spki" }).toString() };
  });
  for (const { algorithm, signing, verifying } of [
    ...keys,
    { algorithm: "HS256", signing: secret, verifying: secret },
  ]) {
    const source = join(folder, `src-${algorithm}`);
    writeTree(source, tree);
    const flags = ["--signing-alg", algorithm, "--signing-key", signing];
    const verifier = join(folder, `${algorithm}.pub`);
    writeFileSync(verifier, verifying);
    execFileSync(OPA, ["sign", ...flags, "--bundle", ".", "-o", "."], { cwd: source });
    const tarred = join(folder, `${algorithm}-tarred.tar.gz`);
    execFileSync("tar", ["czf", tarred, "."], { cwd: source });
    const built = join(folder, `${algorithm}-built.tar.gz`);
    const checked = ["--verification-key", algorithm === "HS256" ? secret : verifier];
    // What it builds from, it wants signed under the path that it is given.
    const name = `src-${algorithm}`;
    execFileSync(OPA, ["sign", ...flags, "--bundle", name, "-o", name], { cwd: folder });
    execFileSync(OPA, ["build", ...flags, ...checked, "-b", name, "-o", built], { cwd: folder });
    const key = parseOpaKey({ keyId: "default", algorithm, key: verifying, allowShared: true });
    assert.ok(key.ok);
    const verification = { keys: [key.value], keyId: "default" };
    const options = { verification, lengthMax: LENGTH_MAX, crypto, gzip: { gzip, gunzip } };
    for (const file of [tarred, built]) {
      const opened = openOpaBundle(new Uint8Array(readFileSync(file)), options);
      assert.ok(opened.ok, `${file} ${JSON.stringify(opened)}`);
      assert.equal(openUnsigned(readFileSync(file)).ok, false, "and without a key it is refused");
    }
  }
});

test("stock OPA pulls the node's policy bundle over mTLS, checks its signature, and has the next one at once", async (t) => {
  if (!hasOpa(t)) return;
  const folder = testDirectory(t);
  const key = generateKey("ES256");
  const file = join(folder, "policy.tar.gz");
  let digest = publish(file, 1, key);
  const service = new BundleService({ site: SITE, file, activeDigest: () => digest, crypto });
  t.after(() => service[Symbol.dispose]());
  const asked: (string | undefined)[] = [];
  const url = await listen(t, folder, async (request) => {
    asked.push(request.headers["prefer"]);
    return (await service.serve(request)) ?? emptyResponse(404);
  });
  const bundle = `{service: node, resource: bundles/${SITE}, polling: {min_delay_seconds: 60, max_delay_seconds: 120, long_polling_timeout_seconds: 30}, signing: {keyid: policy-1}}`;
  const opa = await runOpa(
    t,
    folder,
    url,
    `keys: {policy-1: {algorithm: ES256, key: ${JSON.stringify(pemOf(key))}}}\nbundles: {site: ${bundle}}`,
  );
  await untilAsync(async () => (await opa("/v1/data/vedette/rules/id"))["result"] === "rules-1");
  digest = publish(file, 2, key);
  service.changed();
  await untilAsync(async () => (await opa("/v1/data/vedette/rules/id"))["result"] === "rules-2");
  assert.ok(
    asked.some((prefer) => prefer === "modes=snapshot,delta;wait=30"),
    `${asked}`,
  );
  assert.ok(asked.length <= 4, "it is held, not polled");
});

test("stock OPA refuses the bundle under another key, and keeps asking", async (t) => {
  if (!hasOpa(t)) return;
  const folder = testDirectory(t);
  const file = join(folder, "policy.tar.gz");
  const digest = publish(file, 1, generateKey("ES256"));
  const service = new BundleService({ site: SITE, file, activeDigest: () => digest, crypto });
  t.after(() => service[Symbol.dispose]());
  let asked = 0;
  const url = await listen(t, folder, async (request) => {
    asked++;
    return (await service.serve(request)) ?? emptyResponse(404);
  });
  const other = pemOf(generateKey("ES256"));
  const opa = await runOpa(
    t,
    folder,
    url,
    `keys: {policy-1: {algorithm: ES256, key: ${JSON.stringify(other)}}}\nbundles: {site: {service: node, resource: bundles/${SITE}, signing: {keyid: policy-1}}}`,
  );
  await until(() => asked > 2);
  assert.deepEqual(await opa("/v1/data/vedette"), {});
});

test("our events and status have the members that stock OPA's have", async (t) => {
  if (!hasOpa(t)) return;
  const folder = testDirectory(t);
  writeTree(join(folder, "src"), tree);
  const built = join(folder, "app.tar.gz");
  execFileSync(OPA, ["build", "-b", "src", "-o", built], { cwd: folder });
  const events: JsonObject[] = [];
  const statuses: JsonObject[] = [];
  const receive = (into: JsonObject[]) => async (request: Parameters<HttpHandler>[0]) => {
    const body = await request.body(1_000_000);
    const isPacked = request.headers["content-encoding"] === "gzip";
    into.push(...[JSON.parse((isPacked ? gunzipSync(body) : Buffer.from(body)).toString())].flat());
    return emptyResponse(200);
  };
  const url = await listen(
    t,
    folder,
    createRouter([
      route("POST", "/logs", receive(events)),
      route("POST", "/status/", receive(statuses)),
      route("POST", "/status", receive(statuses)),
      route("GET", "/bundles/app", async () => ({
        status: 200,
        headers: { "content-type": "application/gzip" },
        body: new Uint8Array(readFileSync(built)),
      })),
    ]),
  );
  const opa = await runOpa(
    t,
    folder,
    url,
    "bundles: {app: {service: node, resource: bundles/app}}\nstatus: {service: node}\ndecision_logs: {service: node, reporting: {min_delay_seconds: 1, max_delay_seconds: 1}}",
  );
  await untilAsync(async () => (await opa("/v1/data/app/allow"))["result"] === false);
  await until(() => events.length > 0 && statuses.some((status) => "bundles" in status));
  const record = {
    labels: {},
    bundles: {},
    path: "app/allow",
    input: {},
    result: false,
    requested_by: "x",
    timestamp: "x",
  };
  const [event = {}] = eventsOfLeaf({ kind: "decision", number: 1, record }, { origin: "o", index: 0 }, {});
  const ours = JSON.parse(Buffer.from(encodeEvent(event)).toString());
  const theirs = new Set(events.flatMap((event) => Object.keys(event)));
  // OPA leaves an absent input out.
  assert.deepEqual(
    Object.keys(ours).filter((name) => !theirs.has(name) && name !== "input"),
    [],
  );
  const ourStatus = statusReport({}, [{ name: "app", type: "snapshot", activeRevision: "r", size: 1 }], undefined);
  const withBundles = statuses.filter((status) => "bundles" in status);
  const known = new Set(withBundles.flatMap((status) => membersOf(status, "bundles", "app")));
  assert.deepEqual(
    membersOf(ourStatus, "bundles", "app").filter((name) => !known.has(name)),
    [],
  );
  for (const name of ["labels", "bundles", "plugins"])
    assert.ok(name in ourStatus && withBundles.some((status) => name in status), name);
});

function membersOf(value: JsonObject, ...path: readonly string[]): readonly string[] {
  const at = path.reduce<unknown>((inner, name) => (isJsonObject(inner) ? inner[name] : undefined), value);
  return isJsonObject(at) ? Object.keys(at) : [];
}

function openUnsigned(bytes: Uint8Array) {
  const options = { verification: undefined, lengthMax: LENGTH_MAX, crypto, gzip: { gzip, gunzip } };
  return openOpaBundle(new Uint8Array(bytes), options);
}

/** Writes a signed policy bundle and returns its digest, as an activation would. */
function publish(file: string, sequence: number, signer: SoftwareKey): string {
  const rules = { kind: "rules/v1", id: `rules-${sequence}`, default: "deny", rules: [] };
  const manifest = {
    revision: `r${sequence}`,
    roots: ["vedette"],
    sequence,
    site: SITE,
    notAfter: addDuration(systemClock.now(), days(1)),
  };
  const built = buildPolicyBundle(new Map([[RULES_FILE, utf8(JSON.stringify(rules))]]), manifest, { gzip, gunzip });
  assert.ok(built.ok);
  const signed = signPolicyBundle(built.value, "policy-1", { signer, crypto, gzip: { gzip, gunzip } });
  assert.ok(signed.ok);
  writeFileSync(file, signed.value);
  return createHash("sha256").update(signed.value).digest("hex");
}

function pemOf({ spki }: SoftwareKey): string {
  return `-----BEGIN PUBLIC KEY-----\n${base64(spki)}\n-----END PUBLIC KEY-----\n`;
}

/** A PKI of this test alone, and a listener that wants a certificate of it. */
async function listen(t: TestContext, folder: string, handler: HttpHandler): Promise<string> {
  const rootKey = generateKey("ES256");
  const keyId = (spki: Uint8Array) => new Uint8Array(createHash("sha1").update(spki).digest());
  const name = distinguishedName("Test", "stock opa");
  const issuer = { name, keyId: keyId(rootKey.spki), signer: rootKey };
  const mint = (spki: Uint8Array, changes: Partial<CertificateTemplate>) =>
    mintCertificate(
      {
        serial: systemRandom.bytes(8).map((byte, i) => (i === 0 ? byte & 0x7f : byte)),
        subject: EMPTY_NAME,
        notBefore: instant(systemClock.now() - hours(1)),
        notAfter: addDuration(systemClock.now(), hours(1)),
        spki,
        subjectKeyId: keyId(spki),
        basicConstraints: { isCa: false },
        keyUsage: ["digitalSignature"],
        extendedKeyUsage: [],
        subjectAltNames: [],
        ...changes,
      },
      issuer,
    );
  const root = mint(rootKey.spki, {
    subject: name,
    basicConstraints: { isCa: true },
    keyUsage: ["keyCertSign", "cRLSign"],
  });
  const leaf = (dns: string) => {
    const key = generateKey("ES256");
    const chainPem = certificatesToPem([mint(key.spki, { subjectAltNames: [{ kind: "dns", value: dns }] })]);
    return { chainPem, key: key.exportPkcs8() };
  };
  const client = leaf("opa.test");
  writeFileSync(join(folder, "root.pem"), certificatesToPem([root]));
  writeFileSync(join(folder, "client.pem"), client.chainPem);
  const pkcs8 = Buffer.from(client.key.reveal()).toString("base64");
  writeFileSync(join(folder, "client.key"), `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`, {
    mode: 0o600,
  });
  const listener = await listenTls({
    certificate: leaf("localhost"),
    clientCa: { pems: [certificatesToPem([root])], required: true },
    host: "127.0.0.1",
    port: 0,
    handler,
    random: systemRandom,
    onConnectionError: () => undefined,
    onHandlerError: (error) => t.diagnostic(String(error)),
  });
  t.after(() => listener.close({ graceMs: 0 }));
  return `https://localhost:${listener.port}`;
}

/** `opa run --server` on a Unix socket; answers its data API. */
async function runOpa(t: TestContext, folder: string, url: string, rest: string) {
  const socket = join(folder, "opa.sock");
  const credentials = `{client_tls: {cert: ${join(folder, "client.pem")}, private_key: ${join(folder, "client.key")}}}`;
  const config = `services: {node: {url: "${url}", tls: {ca_cert: ${join(folder, "root.pem")}}, credentials: ${credentials}}}\n${rest}\n`;
  writeFileSync(join(folder, "opa.yaml"), config);
  const opa = spawn(
    OPA,
    ["run", "--server", "-a", `unix://${socket}`, "-c", join(folder, "opa.yaml"), "--disable-telemetry"],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const said: string[] = [];
  opa.stderr.on("data", (part) => said.push(String(part)));
  t.after(async () => {
    const ended = new Promise((resolve) => opa.once("exit", resolve));
    opa.kill("SIGKILL");
    await ended;
  });
  const client = connectUnix({ path: socket });
  t.after(() => client.close());
  return async (path: string): Promise<JsonObject> => {
    try {
      const answer: unknown = JSON.parse(Buffer.from((await client.request("GET", path)).body).toString());
      return isJsonObject(answer) ? answer : {};
    } catch (error) {
      // It is not listening yet.
      if (opa.exitCode !== null) throw new Error(`opa ended: ${said.join("")}`, { cause: error });
      return {};
    }
  };
}

async function untilAsync(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; !(await condition()); i++) {
    if (i > 300) throw new Error("it never happened");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
