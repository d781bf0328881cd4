import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
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
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isJsonObject, type JsonObject } from "@vedette/base";
import { createFakeTpm } from "@vedette/fakes";
import { type ControlFixture, ekHashOf, OTHER_SITE, SITE, setupControl } from "./control-fixture.ts";
import { attestOverWire, nodeKeys } from "./wire-attester.ts";
import { codeOf, textIn } from "./wire-client.ts";
import { mirrorLeaves } from "./wire-log.ts";

const TOP = join(import.meta.dirname, "../../..");
const MAIN = join(TOP, "apps/cli/src/main.ts");
const RULES = join(TOP, "examples/store-17/rules.json");
const WITHDRAWAL = join(TOP, "examples/store-17/withdrawal.json");
const INVENTORY = { kind: "vedette/inventory/v1", classes: {}, devices: [] };

interface Run {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `vedette ARGS` as a person runs it. */
function vedette(...args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    const options = { env: ENVIRONMENT, maxBuffer: 16_777_216 };
    execFile(process.execPath, [...NODE_ARGS, ...args], options, (error, stdout, stderr) => {
      resolve({ exit: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}
// What Node compiles for the first start is there for the next hundred.
const COMPILED = mkdtempSync(join(tmpdir(), "vedette-compiled-"));
process.once("exit", () => rmSync(COMPILED, { recursive: true, force: true }));
const ENVIRONMENT = { ...process.env, VEDETTE_TOP: TOP, NODE_COMPILE_CACHE: COMPILED };
const NODE_ARGS = ["--disable-warning=ExperimentalWarning", MAIN];

interface JsonRun extends Run {
  readonly json: JsonObject;
  /** Of `{"error":{"code":…}}`. */
  readonly code: string | undefined;
}

/** With `--json`: exactly one JSON document is on standard output, whatever happened. */
async function vedetteJson(...args: readonly string[]): Promise<JsonRun> {
  const run = await vedette(...args, "--json");
  const json: unknown = JSON.parse(run.stdout);
  assert.ok(isJsonObject(json as never), run.stdout);
  const object = json as JsonObject;
  return { ...run, json: object, code: codeOf(object) };
}

/** Each of a list, two at a time: a start takes a core for half a second. */
async function eachOf<T>(list: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = [...list];
  const work = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await act(item);
  };
  await Promise.all([work(), work()]);
}

function setupFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "vedette-cli-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe("help", () => {
  test("the overview names every command, and each explains itself with usage, options and an example", async () => {
    const overview = await vedette();
    assert.equal(overview.exit, 0);
    const names = [...overview.stdout.matchAll(/^ {2}vedette ([a-z ]+?) {2}/gm)].map(([, name = ""]) => name);
    for (const name of ["demo", "control init", "edge init", "device run", "policy check", "audit verify"])
      assert.ok(names.includes(name), name);
    await eachOf(names, async (name) => {
      const { exit, stdout, stderr } = await vedette(...name.split(" "), "--help");
      assert.deepEqual([exit, stderr], [0, ""], name);
      assert.match(stdout, new RegExp(`^\\S.+\\n\\nUsage\\n {2}vedette ${name}`), name);
      assert.match(stdout, /\n {2}--json +\S/, name);
      if (stdout.includes("(required)")) assert.match(stdout, /\nExamples\n {2}\S/, name);
      for (const line of stdout.split("\n")) assert.ok(line.length <= 130, `${name}: ${line}`);
    });
  });

  test("is there however it is asked for", async () => {
    const [overview, ...others] = await Promise.all([vedette(), vedette("help"), vedette("--help"), vedette("-h")]);
    for (const other of others) assert.deepEqual(other, overview);
    const build = await vedette("policy", "build", "--help");
    for (const other of [await vedette("help", "policy", "build"), await vedette("policy", "build", "-h")])
      assert.deepEqual(other, build);
    const group = await vedette("policy", "--help");
    assert.deepEqual([group.exit, group.stdout.match(/vedette policy \w+/g)?.length], [0, 13]);
  });

  test("lists what the exit codes mean", async () => {
    const { exit, stdout } = await vedette("help", "exit-codes");
    assert.equal(exit, 0);
    assert.deepEqual(stdout.match(/^ {2}\d+/gm)?.map(Number), [0, 1, 2, 3, 4, 70]);
  });
});

describe("a command line that cannot be understood", () => {
  test("ends with 2, says what is wrong and where help is, and prints nothing else", async (t) => {
    const folder = setupFolder(t);
    const source = ["--rules", RULES, "--input", WITHDRAWAL];
    const build = ["--rules", RULES, "--inventory", RULES, "--site", SITE, "--out", join(folder, "out")];
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [["foo"], /no command "foo"/],
      [["policy"], /check, build, sign, publish, eval/],
      [["policy", "chek"], /no command "policy chek".* check, build/],
      [["help", "nonsense"], /no command "nonsense"/],
      [["--jsn"], /--jsn/],
      [["policy", "check"], /at least one file/],
      [["policy", "check", "--colour", RULES], /--colour/],
      [["control", "run"], /--config FILE is missing/],
      [["control", "run", "--config"], /--config/],
      [["control", "status", "--operator", "x", "extra"], /unexpected "extra"/],
      [["audit", "verify", "--trust", RULES], /folder of the export/],
      [["policy", "eval", ...source, "--state", "rotten"], /fresh, stale, expired or contraindicated/],
      [["policy", "eval", ...source, "--spent", "much"], /--spent "much"/],
      [["policy", "eval", ...source, "--at", "tomorrow"], /"tomorrow" is not a time/],
      [["policy", "build", ...build, "--sequence", "1", "--not-after", "2027"], /./],
    ];
    await eachOf(cases, async ([args, expected]) => {
      const line = args.join(" ");
      const { exit, stdout, stderr, code } = await vedetteJson(...args);
      assert.equal(exit, 2, line);
      assert.match(stderr, expected, line);
      assert.equal(stdout.trimEnd().split("\n").length, 1, line);
      if (code === "USAGE") assert.match(stderr, /see `vedette .*--help`/, line);
    });
    const plain = await vedette("policy", "chek");
    assert.equal(plain.stdout, "");
  });
});

describe("files and sockets", () => {
  test("a file that is missing, or not what it should be, ends with 2 and is named", async (t) => {
    const folder = setupFolder(t);
    const path = (name: string, contents?: string | Uint8Array): string => {
      if (contents !== undefined) writeFileSync(join(folder, name), contents);
      return join(folder, name);
    };
    const missing = path("missing");
    const broken = path("broken.json", '{\n  "kind": "vedette/control/v1",\n  "flet": 1\n}');
    const cases: readonly (readonly [readonly string[], string])[] = [
      [["policy", "check", missing], missing],
      [["policy", "check", path("bytes", Uint8Array.of(0xff, 0xfe))], "bytes"],
      [["policy", "check", folder], folder],
      [["policy", "sign", path("bundle", "no bundle"), "--key", missing], missing],
      [["policy", "sign", join(folder, "bundle"), "--key", path("key.pem", "no key")], "key.pem"],
      [["policy", "eval", "--rules", RULES, "--input", path("input.json", "[]")], "input.json:1:1"],
      [["control", "run", "--config", broken], `${broken}:`],
      [["control", "init", "--config", missing, "--authority", folder], missing],
      [["edge", "run", "--data", missing], missing],
      [["device", "run", "--join", broken, "--tpm", missing, "--socket", missing], broken],
      [["audit", "verify", missing, "--trust", broken], missing],
      [["audit", "verify", folder, "--trust", broken], broken],
      [["audit", "export", "--log", missing, join(folder, "export")], missing],
      [["audit", "export", "--log", broken, join(folder, "export")], broken],
    ];
    await eachOf(cases, async ([args, named]) => {
      const { exit, stderr } = await vedetteJson(...args);
      assert.equal(exit, 2, `${args.join(" ")}: ${stderr}`);
      assert.ok(stderr.includes(named), stderr);
    });
    assert.ok(!existsSync(join(folder, "export")));
  });

  test("a socket on which nobody answers, and a TPM that is not there, end with 4", async (t) => {
    const nowhere = join(setupFolder(t), "nowhere");
    const cases = [
      ["control", "status", "--operator", nowhere],
      ["edge", "status", "--socket", nowhere],
      ["audit", "trust", "--operator", nowhere, "--out", nowhere],
      ["edge", "ek", "--tpm", nowhere],
    ];
    await eachOf(cases, async (args) => {
      const { exit, stderr } = await vedetteJson(...args);
      assert.equal(exit, 4, args.join(" "));
      assert.ok(stderr.includes(nowhere), stderr);
      assert.match(stderr, /→ /, "and what to do about it");
    });
  });
});

describe("policy", () => {
  test("check says everything that is wrong, with file, line, column and what was expected", async (t) => {
    const file = join(setupFolder(t), "rules.json");
    writeFileSync(
      file,
      `{
  "kind": "rules/v1",
  "id": "broken",
  "default": "deny",
  "rules": [
    { "id": "a", "effect": "maybe", "subject": { "type": "device" }, "action": ["GET"], "resource": { "type": "x" } },
    { "id": "b", "effect": "allow", "subject": { "type": "device" }, "action": ["GET"], "resource": { "type": "x" },
      "when": { "above": ["context.amount", 1] }, "colour": "blue" }
  ]
}
`,
    );
    const text = await vedette("policy", "check", file);
    assert.equal(text.exit, 1);
    const lines = text.stdout.trimEnd().split("\n");
    assert.ok(lines.length >= 3, text.stdout);
    for (const line of lines) assert.match(line, /^error {4}\S+rules\.json:\d+:\d+: .+; expected .+ \[[A-Z_]+\]$/);
    assert.ok(
      lines.some((line) => line.includes("rules.json:6:28:") && line.includes("allow")),
      text.stdout,
    );
    const { exit, json } = await vedetteJson("policy", "check", file, RULES);
    assert.deepEqual([exit, json["ok"]], [1, false]);
    const files = json["files"] as readonly { readonly errors: readonly object[] }[];
    assert.deepEqual(
      files.map(({ errors }) => errors.length),
      [lines.length, 0],
    );
    assert.equal((await vedette("policy", "check", RULES)).exit, 0);
  });

  test("eval decides as the gateway would, and --fail makes a denial an exit code", async (t) => {
    const folder = setupFolder(t);
    const question = ["policy", "eval", "--rules", RULES, "--input"];
    const allowed = await vedetteJson(...question, WITHDRAWAL);
    assert.deepEqual(
      [allowed.exit, allowed.json["effect"], allowed.json["rule"]],
      [0, "allow", "atm-withdraws-within-limits"],
    );
    const large = join(folder, "large.json");
    writeFileSync(large, JSON.stringify({ ...JSON.parse(readFileSync(WITHDRAWAL, "utf8")), context: { amount: 201 } }));
    const denied = await vedette(...question, large);
    assert.equal(denied.exit, 0);
    assert.match(denied.stdout, /^deny \(denied-by-rule, rule no-cash-above-floor-limit/);
    assert.equal((await vedette(...question, large, "--fail")).exit, 1);
    assert.equal((await vedetteJson(...question, WITHDRAWAL, "--spent", "400")).json["reason"], "limit-exceeded");
    assert.equal((await vedetteJson(...question, WITHDRAWAL, "--state", "contraindicated")).json["effect"], "deny");
  });

  test("build, sign and publish bring rules to a site; a refusal of the control plane ends with 3", async (t) => {
    const control = await setupControl(t);
    const path = (name: string): string => join(control.directory, name);
    writeFileSync(path("inventory.json"), JSON.stringify(INVENTORY));
    const build = (sequence: string, out: string) =>
      vedetteJson(
        ...["policy", "build", "--rules", RULES, "--inventory", path("inventory.json"), "--site", SITE],
        ...["--sequence", sequence, "--not-after", "2099-01-31T00:00:00Z", "--out", out],
      );
    const publish = (bundle: string, site: string = SITE) =>
      vedetteJson("policy", "publish", bundle, "--operator", control.operatorSocket, "--site", site);
    const bundle = path("policy.tar.gz");
    assert.equal((await build("7", bundle)).exit, 0);
    const unsigned = await publish(bundle);
    assert.deepEqual([unsigned.exit, unsigned.code], [3, "BUNDLE_UNSIGNED"]);
    assert.equal((await vedette("policy", "sign", bundle, "--key", join(control.authority, "policy.key"))).exit, 0);
    const elsewhere = await publish(bundle, "store-18");
    assert.deepEqual([elsewhere.exit, elsewhere.code], [3, "WRONG_SITE"]);
    const published = await publish(bundle);
    assert.deepEqual([published.exit, published.json], [0, { site: SITE, sequence: 7, revision: `${SITE}-7` }]);
    const again = await publish(bundle);
    assert.deepEqual([again.exit, again.code], [3, "POLICY_SEQUENCE_NOT_RISING"]);
    assert.match(again.stderr, /what ran before still runs/);
    writeFileSync(path("inventory.json"), JSON.stringify({ ...INVENTORY, colour: "blue" }));
    assert.equal((await build("8", path("refused.tar.gz"))).exit, 1);
    assert.ok(!existsSync(path("refused.tar.gz")));
  });
});

describe("control", () => {
  test("init founds a fleet once, run says where it listens and ends with 0 when it is told to", async (t) => {
    const control = await setupControl(t);
    await control.stop();
    const config = writeConfig(control);
    const again = await vedetteJson("control", "init", "--config", config, "--authority", control.authority);
    assert.deepEqual([again.exit, again.code], [2, "ALREADY_INITIALISED"]);
    assert.match(again.stderr, /nothing was changed/);

    const child = spawn(process.execPath, [...NODE_ARGS, "control", "run", "--config", config, "--json"], {
      env: ENVIRONMENT,
    });
    t.after(() => child.kill());
    const output: string[] = [];
    child.stdout.on("data", (part) => output.push(String(part)));
    await once(child.stdout, "data");
    const status = await vedetteJson("control", "status", "--operator", control.operatorSocket);
    assert.deepEqual([status.exit, status.json["fleet"]], [0, "example.org"]);
    const second = await vedetteJson("control", "run", "--config", config);
    assert.deepEqual([second.exit, second.code], [4, "STORE_BUSY"]);
    assert.match(second.stderr, /control\.db/);
    child.kill("SIGTERM");
    const [exit] = await once(child, "close");
    assert.equal(exit, 0);
    const ready: JsonObject = JSON.parse(output.join(""));
    assert.deepEqual(Object.keys(ready), ["enrolUrl", "fleetUrl", "operatorSocket"]);
  });

  test("init founds a fleet in new folders, and its keys are for their owner alone", async (t) => {
    const folder = setupFolder(t);
    const control = await setupControl(t);
    const config = join(folder, "control.json");
    cpSync(join(control.directory, "ek-ca.pem"), join(folder, "ek-ca.pem"));
    writeFileSync(config, JSON.stringify({ ...control.document, data: "data", operatorSocket: "run/op.sock" }));
    const { exit, json } = await vedetteJson(
      "control",
      "init",
      "--config",
      config,
      "--authority",
      join(folder, "keys"),
    );
    assert.equal(exit, 0);
    assert.match(textIn(json, "root"), /^[0-9a-f]{64}$/);
    for (const key of ["keys/root.key", "keys/trust.key", "keys/policy.key", "data/issuing-ca.key", "data/mirror.key"])
      assert.equal(statSync(join(folder, key)).mode & 0o777, 0o600, key);
    assert.ok(!JSON.stringify(json).includes("PRIVATE"));
  });

  test("trust signs and publishes the next trust document with the key that is kept elsewhere", async (t) => {
    const control = await setupControl(t);
    const config = writeConfig(control);
    const trust = (authority: string, ...more: readonly string[]) =>
      vedetteJson(
        ...["control", "trust", "--config", config, "--operator", control.operatorSocket, "--authority", authority],
        ...more,
      );
    const none = await trust(control.directory);
    assert.deepEqual([none.exit, none.code], [2, "KEY_MISSING"]);
    const stranger = await setupControl(t);
    const foreign = await trust(stranger.authority);
    assert.deepEqual([foreign.exit, foreign.code], [2, "TRUST_ALTERED"]);
    assert.equal((await control.status())["trustVersion"], 1);
    const next = await trust(control.authority, "--revoke", OTHER_SITE);
    assert.deepEqual([next.exit, next.json], [0, { version: 2 }]);
    assert.equal((await control.status())["trustVersion"], 2);
  });

  test("status shows who waits; join writes a claim into the file and nowhere else", async (t) => {
    const control = await setupControl(t);
    const stranger = createFakeTpm(control.maker);
    const name = { site: SITE, class: "gateway", name: "edge-5" };
    await attestOverWire(control.desk(), { tpm: stranger, name, keys: nodeKeys() });
    const status = await vedette("control", "status", "--operator", control.operatorSocket);
    assert.ok(status.stdout.includes(ekHashOf(stranger)), status.stdout);

    const file = join(control.directory, "edge-5.join.json");
    const ask = ["control", "join", "--operator", control.operatorSocket, "--site", SITE, "--class", "gateway"];
    for (const isJson of [true, false]) {
      const { exit, stdout, stderr } = await vedette(
        ...[...ask, "--name", "edge-5", "--claim", "--out", file],
        ...(isJson ? ["--json"] : []),
      );
      const { claim } = JSON.parse(readFileSync(file, "utf8"));
      assert.equal(exit, 0, stderr);
      assert.ok(claim.length >= 22 && !stdout.includes(claim) && !stderr.includes(claim));
      assert.equal(statSync(file).mode & 0o777, 0o600);
    }
    const unknown = await vedetteJson(...ask.slice(0, -1), "nobodys", "--name", "edge-5", "--out", file);
    assert.deepEqual([unknown.exit, unknown.code], [3, "CLASS_UNKNOWN"]);
  });
});

describe("audit", () => {
  test("an export is verified with nothing but the trust file, and goes into a new folder only", async (t) => {
    const { control, exported, trust } = await setupExport(t);
    await control.stop();
    const text = await vedette("audit", "verify", exported, "--trust", trust);
    assert.equal(text.exit, 0, text.stderr);
    assert.match(text.stdout, /^INTACT: 2 leaves of store-17\/store-17\.edge-1\/journal/);
    const { exit, json } = await vedetteJson("audit", "verify", exported, "--trust", trust);
    assert.deepEqual([exit, json["ok"], json["size"]], [0, true, 2]);

    const before = readFileSync(join(exported, "checkpoint"), "utf8");
    const again = await vedetteJson("audit", "export", exported, "--log", control.files.mirror);
    assert.deepEqual([again.exit, again.code], [2, "EXPORT_EXISTS"]);
    assert.equal(readFileSync(join(exported, "checkpoint"), "utf8"), before);
    const nobodys = ["--log", control.files.mirror, "--origin", "nobody's"];
    const unknown = await vedetteJson("audit", "export", join(control.directory, "other"), ...nobodys);
    assert.deepEqual([unknown.exit, unknown.code], [2, "LOG_MISSING"]);
  });

  test("whatever was changed, cut off or taken away is found and named", async (t) => {
    const { exported, trust } = await setupExport(t);
    const change = (path: string, at: number) => (copy: string) => {
      const bytes = readFileSync(join(copy, path));
      bytes[at < 0 ? bytes.length + at : at]! ^= 1;
      writeFileSync(join(copy, path), bytes);
    };
    const checkpoint = readFileSync(join(exported, "checkpoint"), "utf8");
    const cosignatureAt = checkpoint.indexOf("— mirror.");
    assert.ok(cosignatureAt > 0);
    const cases: readonly (readonly [string, (copy: string) => void])[] = [
      ["ENTRY_MISMATCH", change("tile/entries/000.p/2", -1)],
      ["TILE_MISMATCH", change("tile/0/000.p/2", 0)],
      ["CHECKPOINT_SIGNATURE_INVALID", change("checkpoint", checkpoint.indexOf("\n") + 1)],
      ["FILE_MISSING", (copy) => rmSync(join(copy, "tile/0/000.p/2"))],
      ["FILE_MISSING", (copy) => rmSync(join(copy, "tile/entries/000.p/2"))],
      ["CHECKPOINT_MISSING", (copy) => rmSync(join(copy, "checkpoint"))],
      ["CHECKPOINT_MALFORMED", (copy) => truncateSync(join(copy, "checkpoint"), 20)],
      ["COSIGNATURE_MISSING", (copy) => writeFileSync(join(copy, "checkpoint"), checkpoint.slice(0, cosignatureAt))],
    ];
    await eachOf(cases, async ([code, tamper]) => {
      const copy = setupFolder(t);
      cpSync(exported, copy, { recursive: true });
      tamper(copy);
      const { exit, json } = await vedetteJson("audit", "verify", copy, "--trust", trust);
      assert.deepEqual([exit, json["ok"], (json["error"] as JsonObject)["code"]], [1, false, code]);
    });
  });

  test("keys of others prove nothing, and a trust file without a mirror is none", async (t) => {
    const { exported, trust, control } = await setupExport(t);
    const stranger = await setupExport(t);
    const file: JsonObject = JSON.parse(readFileSync(trust, "utf8"));
    const others: JsonObject = JSON.parse(readFileSync(stranger.trust, "utf8"));
    const verify = (name: string, changes: object) => {
      const path = join(control.directory, name);
      writeFileSync(path, JSON.stringify({ ...file, ...changes }));
      return vedetteJson("audit", "verify", exported, "--trust", path);
    };
    const otherMirror = await verify("mirror.json", { mirrors: others["mirrors"] ?? [] });
    assert.deepEqual([otherMirror.exit, otherMirror.code], [1, "COSIGNATURE_MISSING"]);
    const otherLog = await verify("log.json", { logs: others["logs"] ?? [] });
    assert.equal(otherLog.exit, 1);
    for (const [name, changes] of [
      ["none.json", { mirrors: [] }],
      ["kind.json", { kind: "vedette/audit-trust/v2" }],
      ["key.json", { mirrors: [{ name: "m", verifierKey: "no key" }] }],
    ] as const)
      assert.equal((await verify(name, changes)).exit, 2, name);
  });
});

/** A log of two leaves, mirrored, exported while the control plane runs, and the trust file made before. */
async function setupExport(t: TestContext) {
  const control = await setupControl(t);
  const node = await control.enrol();
  const trust = join(control.directory, "audit-trust.json");
  const exported = join(control.directory, "export");
  const told = await vedette("audit", "trust", "--operator", control.operatorSocket, "--out", trust);
  assert.equal(told.exit, 0, told.stderr);
  assert.equal((await mirrorLeaves(control.fleetApi(node.identity), node, ["leaf 0", "leaf 1"])).status, 200);
  const { exit, json, stderr } = await vedetteJson("audit", "export", exported, "--log", control.files.mirror);
  assert.equal(exit, 0, stderr);
  assert.deepEqual([json["size"], json["notExported"]], [2, 0]);
  return { control, trust, exported };
}

function writeConfig(control: ControlFixture): string {
  const path = join(control.directory, "control.json");
  mkdirSync(control.directory, { recursive: true });
  writeFileSync(path, JSON.stringify(control.document));
  return path;
}
