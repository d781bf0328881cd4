import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";

const TOP = join(import.meta.dirname, "../../..");
const MAIN = join(TOP, "apps/cli/src/main.ts");

// What Node compiles for the first start is there for the next fifty.
const COMPILED = mkdtempSync(join(tmpdir(), "vedette-compiled-"));
process.once("exit", () => rmSync(COMPILED, { recursive: true, force: true }));
const ENVIRONMENT = { ...process.env, NODE_COMPILE_CACHE: COMPILED };

interface Run {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

const POLICY = `package shop

default allow := false

allow if {
	some role in input.roles
	role == "admin"
	input.age > 18
}

total := sum([item.price | some item in input.items])
`;

const TESTS = `package shop_test

import data.shop

test_admins_may if shop.allow with input as {"roles": ["admin"], "age": 19}

test_the_young_may_not if {
	print("too young")
	shop.allow with input as {"roles": ["admin"], "age": 17}
}

test_totals[note] if {
	some note, tc in {"none": {"items": [], "sum": 0}, "one": {"items": [{"price": 2}], "sum": 3}}
	shop.total == tc.sum with input.items as tc.items
}

todo_test_later if false
`;

/** A folder of files, in which commands run, so that their output names no machine. */
function setupFolder(t: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "vedette-policy-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries({ "shop.rego": POLICY, ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

function policyIn(folder: string): (...args: readonly string[]) => Promise<Run> {
  return (...args) =>
    new Promise((resolve) => {
      const all = ["--disable-warning=ExperimentalWarning", MAIN, "policy", ...args];
      execFile(
        process.execPath,
        all,
        { cwd: folder, env: ENVIRONMENT, maxBuffer: 16_777_216 },
        (error, stdout, stderr) => {
          resolve({ exit: error ? Number(error.code) : 0, stdout, stderr });
        },
      );
    });
}

describe("policy eval", () => {
  test("answers in the shape of opa eval, also when the answer is none or an error", async (t) => {
    const policy = policyIn(setupFolder(t, { "input.json": '{"roles": ["admin"], "age": 20}' }));
    const asked = await policy("eval", "-d", "shop.rego", "-i", "input.json", "data.shop.allow");
    assert.deepEqual(
      [asked.exit, asked.stdout],
      [
        0,
        `{
  "result": [
    {
      "expressions": [
        {
          "value": true,
          "text": "data.shop.allow",
          "location": {
            "row": 1,
            "col": 1
          }
        }
      ]
    }
  ]
}
`,
      ],
    );
    const bound = await policy("eval", "x := [1, 2][_]; y = x + 1", "-f", "bindings");
    assert.deepEqual(bound.stdout.replace(/\s/g, ""), '{"x":1,"y":2}{"x":2,"y":3}');
    assert.deepEqual(await policy("eval", "data.nothing"), { exit: 0, stdout: "{}\n", stderr: "" });
    assert.equal((await policy("eval", "data.nothing", "--fail")).exit, 1);
    assert.equal((await policy("eval", "1 == 1", "--fail-defined")).exit, 1);
    const broken = await policy("eval", "-d", "shop.rego", "data.shop.allow(");
    assert.equal(broken.exit, 2);
    assert.equal(JSON.parse(broken.stdout).errors[0].code, "rego_parse_error");
    const strict = await policy("eval", "--strict-builtin-errors", "1 / 0");
    assert.deepEqual([strict.exit, JSON.parse(strict.stdout).errors[0].message], [2, "div: divide by zero"]);
  });

  test("says why in words that name rule, line and values", async (t) => {
    const policy = policyIn(setupFolder(t, { "input.json": '{"roles": ["admin"], "age": 12}' }));
    const { stdout } = await policy(
      ...["eval", "-d", "shop.rego", "-i", "input.json", "--explain", "-f", "pretty", "data.shop.allow"],
    );
    assert.equal(
      stdout,
      `data.shop.allow is false, its default (shop.rego:3):
  the definition at shop.rego:5 gave up at line 8: input.age > 18
    input.age is 12
false
`,
    );
  });

  test("reports coverage, profile and metrics beside the answer", async (t) => {
    const policy = policyIn(setupFolder(t));
    const { stdout } = await policy(
      "eval",
      "-d",
      "shop.rego",
      "--coverage",
      "--profile",
      "--metrics",
      "data.shop.allow",
    );
    const report = JSON.parse(stdout);
    assert.equal(report.coverage.files["shop.rego"].covered_lines, 2);
    assert.ok(report.profile.length > 0);
    assert.ok(report.metrics.timer_rego_query_eval_ns > 0);
  });

  test("puts data where folders and prefixes say, and names both files of a conflict", async (t) => {
    const policy = policyIn(
      setupFolder(t, { "d/a/x.json": '{"v": 1}', "d/b.yaml": "w: [yes]\n", "e.json": '{"a": {"v": 2}}' }),
    );
    assert.equal((await policy("eval", "-f", "raw", "-d", "d", "data")).stdout, '{"a":{"v":1},"w":["yes"]}\n');
    assert.equal(
      (await policy("eval", "-f", "raw", "-d", "k.l:d/b.yaml", "data")).stdout,
      '{"k":{"l":{"w":["yes"]}}}\n',
    );
    const conflict = JSON.parse((await policy("eval", "-d", "d", "-d", "e.json", "data")).stdout);
    assert.deepEqual(conflict.errors, [
      { message: "e.json: merge error: conflicting values at data.a.v, also defined in d/a/x.json" },
    ]);
  });

  test("decides an access request by Rego, with or without rules", async (t) => {
    const request = { subject: { type: "device", id: "a" }, action: { name: "GET" }, resource: { type: "x", id: "y" } };
    const policy = policyIn(
      setupFolder(t, {
        "access.rego": 'package vedette.access\n\nallow if input.action.name == "GET"\n',
        "request.json": JSON.stringify(request),
      }),
    );
    const decided = await policy("eval", "--decide", "-d", "access.rego", "-i", "request.json", "--json");
    assert.deepEqual([decided.exit, JSON.parse(decided.stdout).effect], [0, "allow"]);
    const why = await policy("eval", "--decide", "-d", "access.rego", "-i", "request.json", "--explain");
    assert.match(why.stdout, /^allow \(allowed-by-rule\)\n {2}data\.vedette\.access\.allow is true/);
  });
});

describe("policy test", () => {
  test("runs tests and cases, keeps what they print, and says where and why one failed", async (t) => {
    const policy = policyIn(setupFolder(t, { "shop_test.rego": TESTS }));
    const { exit, stdout } = await policy("test", ".", "-v");
    assert.equal(exit, 2);
    assert.match(stdout, /data\.shop_test\.test_admins_may: PASS/);
    assert.match(stdout, /test_the_young_may_not: FAIL .*\n\n {2}too young\n\n {2}shop_test\.rego:9:\n/);
    assert.match(stdout, /the definition at shop\.rego:5 gave up at line 8: input\.age > 18\n {8}input\.age is 17/);
    assert.match(stdout, /test_totals: FAIL .*\n {2}none: PASS\n {2}one: FAIL\n/);
    assert.match(stdout, /todo_test_later: SKIPPED/);
    assert.match(stdout, /-{80}\nPASS: 2\/5\nFAIL: 2\/5\nSKIPPED: 1\/5\n$/);
  });

  test("ends with 0 when all pass, 2 when one is skipped, 1 when the policy does not compile", async (t) => {
    const good = "package a\ntest_a if true\n";
    const files = {
      "a_test.rego": good,
      "b_test.rego": "package b\ntodo_test_b if false\n",
      "c.rego": "package c\np := f(1)\n",
    };
    const policy = policyIn(setupFolder(t, files));
    assert.deepEqual(await policy("test", "a_test.rego"), { exit: 0, stdout: "PASS: 1/1\n", stderr: "" });
    assert.equal((await policy("test", "a_test.rego", "b_test.rego")).exit, 2);
    assert.equal((await policy("test", "a_test.rego", "b_test.rego", "-z")).exit, 0);
    const broken = await policy("test", "c.rego");
    assert.equal(broken.exit, 1);
    assert.match(broken.stderr, /1 error occurred: c\.rego:2: rego_type_error: undefined function f/);
    assert.equal((await policy("test", "shop.rego", "--fail-on-empty")).exit, 1);
    assert.equal((await policy("test", "a_test.rego", "-r", "nothing")).stdout, "");
  });

  const RULES = {
    kind: "rules/v1",
    id: "tills",
    default: "deny",
    rules: [
      {
        id: "small",
        effect: "allow",
        subject: { type: "device" },
        action: ["pay"],
        resource: { type: "account" },
        when: { lte: ["context.amount", 300] },
      },
    ],
  };
  const pay = (name: string, amount: number, expect: object) => ({
    name,
    subject: { type: "device", id: "pos-1" },
    action: { name: "pay" },
    resource: { type: "account", id: "1" },
    context: { amount },
    expect,
  });

  test("decides access cases by JSON rules and Rego, and says why one came out otherwise", async (t) => {
    const cases = [
      pay("a small sum", 20, { effect: "allow", rule: "small" }),
      pay("a large sum", 450, { effect: "allow" }),
      pay("a till that is closed", 20, { effect: "deny", rule: "closed" }),
    ];
    const files = {
      "p/rules.json": JSON.stringify(RULES),
      "p/cases.json": JSON.stringify({ kind: "cases/v1", cases }),
      "p/access.rego": 'package vedette.access\n\ndeny := {"rule": "shut"} if input.context.amount == 20\n',
    };
    const policy = policyIn(setupFolder(t, files));
    const { exit, stdout } = await policy("test", "p", "-v");
    assert.equal(exit, 2);
    assert.match(stdout, /p\/cases\.json\.a large sum: FAIL .*\n {2}effect is "deny", expected "allow"\n/);
    assert.match(stdout, /rule small does not allow it\n {6}context\.amount <= 300 is false: context\.amount is 450\n/);
    assert.match(stdout, /rule is "shut", expected "closed"/);
    assert.match(stdout, /-{80}\nFAIL: 3\/3\n$/);
    const report = JSON.parse((await policy("test", "p", "-f", "json", "-r", "large")).stdout);
    assert.deepEqual(
      report.map(({ package: file, name, fail }: Record<string, unknown>) => [file, name, fail]),
      [["p/cases.json", "a large sum", true]],
    );
    assert.match(report[0].failed_at, /context\.amount <= 300/);
  });

  test("refuses a case that is none with its place, and rules of which it is not said which decide", async (t) => {
    const misspelt = [{ ...pay("a", 1, { effect: "allow" }), expct: {} }];
    const files = {
      "p/cases.json": JSON.stringify({ kind: "cases/v1", cases: misspelt }, undefined, 2),
      "q/cases.json": JSON.stringify({ kind: "cases/v1", cases: [pay("b", 1, { effect: "allow" })] }),
      "q/one.json": JSON.stringify(RULES),
      "q/two.json": JSON.stringify(RULES),
    };
    const policy = policyIn(setupFolder(t, files));
    const refused = await policy("test", "p");
    assert.equal(refused.exit, 2);
    assert.match(refused.stderr, /p\/cases\.json:\d+:\d+: expected one of name, subject,/);
    assert.match((await policy("test", "q")).stderr, /q\/one\.json and q\/two\.json hold rules: name with --rules/);
    assert.equal((await policy("test", "q", "--rules", "q/two.json")).stdout, "PASS: 1/1\n");
    assert.equal((await policy("test", "-b", "q", "--rules", "q/two.json")).stdout, "PASS: 1/1\n");
  });

  test("reports coverage, and refuses less than the threshold with the lines that are missing", async (t) => {
    const tests = "package shop_test\nimport data.shop\ntest_a if not shop.allow\n";
    const policy = policyIn(setupFolder(t, { "shop_test.rego": tests }));
    const covered = JSON.parse((await policy("test", ".", "--coverage")).stdout);
    assert.equal(covered.files["shop_test.rego"].coverage, 100);
    const missing = await policy("test", ".", "--threshold", "90", "-v");
    assert.equal(missing.exit, 2);
    assert.match(missing.stderr, /not met: got [\d.]+ instead of 90\.00\nlines not covered:(?:\n\tshop\.rego:[\d-]+)+/);
  });

  test("writes JUnit and SARIF for whoever reads them", async (t) => {
    const policy = policyIn(setupFolder(t, { "shop_test.rego": TESTS }));
    assert.match(
      (await policy("test", ".", "-f", "junit")).stdout,
      /<testsuite name="data\.shop_test" tests="4" failures="2"/,
    );
    assert.equal(JSON.parse((await policy("test", ".", "-f", "sarif")).stdout).runs[0].results.length, 2);
  });
});

describe("policy check and fmt", () => {
  test("check says what is wrong in rules and modules together", async (t) => {
    const policy = policyIn(
      setupFolder(t, { "bad/bad.rego": "package bad\np := f(1)\n", "bad/rules.json": '{"kind": "rules/v1"}' }),
    );
    assert.equal((await policy("check", "shop.rego")).stdout, "1 module: good\n");
    const { exit, stdout } = await policy("check", "bad");
    assert.equal(exit, 1);
    assert.match(stdout, /error {4}bad\/rules\.json:1:1: .*\n/);
    assert.match(stdout, /bad\/bad\.rego:2: rego_type_error: undefined function f\n\tp := f\(1\)\n\t {5}\^/);
    assert.equal(JSON.parse((await policy("check", "-f", "sarif", "bad")).stdout).runs[0].results[0].level, "error");
    assert.equal((await policy("check", "--strict", "shop.rego")).exit, 0);
  });

  test("check for the edge names each call that is refused there, and lets tests put something in its place", async (t) => {
    const policy = policyIn(
      setupFolder(t, {
        "net.rego": 'package net\np := http.send({"method": "get", "url": "x"})\n',
        "mock.rego": "package mock\np if data.q.x with http.send as {}\n",
      }),
    );
    const { exit, stdout } = await policy("check", "--capabilities", "edge", "net.rego");
    assert.equal(exit, 1);
    assert.match(stdout, /net\.rego:2: rego_type_error: http\.send is refused \(edge\): it asks the network/);
    assert.equal((await policy("check", "net.rego")).exit, 0);
    assert.equal((await policy("check", "--capabilities", "edge", "mock.rego")).exit, 0);
  });

  test("fmt lists, shows and changes what is not laid out", async (t) => {
    const folder = setupFolder(t, { "a.rego": "package  a\nx   :=1\n", "r.json": '{"b":1}' });
    const policy = policyIn(folder);
    assert.equal((await policy("fmt", "a.rego")).stdout, "package a\n\nx := 1\n");
    assert.equal((await policy("fmt", "-l", ".")).stdout, "a.rego\n");
    assert.match(
      (await policy("fmt", "-d", "a.rego")).stdout,
      /^--- a\.rego\n\+\+\+ a\.rego\n@@ -1,2 \+1,3 @@\n-package {2}a\n/,
    );
    assert.equal((await policy("fmt", "-l", "--fail", ".")).exit, 2);
    assert.equal((await policy("fmt", "-w", "a.rego", "r.json")).exit, 0);
    assert.equal(readFileSync(join(folder, "r.json"), "utf8"), '{\n  "b": 1\n}\n');
    assert.deepEqual(await policy("fmt", "-l", "--fail", ".", "r.json"), { exit: 0, stdout: "", stderr: "" });
  });
});

describe("a bundle for any OPA", () => {
  test("is built, signed and verified, and nothing about it may change", async (t) => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
    const folder = setupFolder(t, {
      "policy/shop.rego": POLICY,
      "policy/prices/data.json": '{"apple": 2}',
      "key.pem": privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      "key.pub": publicKey.export({ type: "spki", format: "pem" }).toString(),
      "other.pub": other.export({ type: "spki", format: "pem" }).toString(),
    });
    const policy = policyIn(folder);
    const built = await policy(
      "build",
      "-b",
      "policy",
      "-r",
      "r1",
      "-o",
      "b.tar.gz",
      "--signing-key",
      "key.pem",
      "-e",
      "shop/allow",
    );
    assert.equal(built.exit, 0, built.stderr);
    assert.deepEqual(await policy("verify", "b.tar.gz", "--verification-key", "key.pub"), {
      exit: 0,
      stdout: "VERIFIED: b.tar.gz (revision r1), RS256\n",
      stderr: "",
    });
    assert.match(
      (await policy("verify", "b.tar.gz", "--key", "other.pub")).stdout,
      /^NOT VERIFIED: .*SIGNATURE_INVALID/,
    );
    assert.equal((await policy("verify", "b.tar.gz", "--key", "key.pub", "--scope", "x")).exit, 1);
    const asked = await policy("eval", "-b", "b.tar.gz", "-f", "raw", "data.prices.apple");
    assert.equal(asked.stdout, "2\n");
    const seen = JSON.parse((await policy("inspect", "b.tar.gz", "-f", "json")).stdout);
    assert.equal(seen.manifest.revision, "r1");
    assert.deepEqual(Object.keys(seen.namespaces), ["data", "data.shop"]);
    assert.equal((await policy("build", "-b", "policy", "-o", "b.tar.gz", "-e", "shop/nothing")).exit, 1);
  });

  test("is a site's policy bundle when a site is named, with Rego beside rules", async (t) => {
    const inventory = { kind: "vedette/inventory/v1", classes: {}, devices: [] };
    const folder = setupFolder(t, {
      "access/a.rego": 'package vedette.access\n\nallow if input.action.name == "GET"\n',
      "access/net.rego": "package lib\n\np := http.send({})\n",
      "folder/a.rego": 'package vedette.access\n\nallow if input.action.name == "GET"\n',
      "folder/a_test.rego": "package a_test\n\ntest_p if http.send({}) == 1 with http.send as 1\n",
      "folder/cases.json": JSON.stringify({ kind: "cases/v1", cases: [] }),
      "inventory.json": JSON.stringify(inventory),
    });
    const policy = policyIn(folder);
    const site = [
      "--inventory",
      "inventory.json",
      "--site",
      "s",
      "--sequence",
      "1",
      "--not-after",
      "2099-01-01T00:00:00Z",
    ];
    const refused = await policy("build", "access", ...site, "--out", "s.tar.gz");
    assert.equal(refused.exit, 1);
    assert.match(refused.stderr, /net\.rego:3/);
    const built = await policy("build", "access/a.rego", ...site, "--out", "s.tar.gz");
    assert.equal(built.exit, 0, built.stderr);
    const seen = JSON.parse((await policy("inspect", "s.tar.gz", "-f", "json")).stdout);
    assert.deepEqual(seen.manifest.roots, ["vedette"]);
    const whole = await policy("build", "folder", ...site, "--out", "f.tar.gz");
    assert.equal(whole.exit, 0, whole.stderr);
    const inside = await policy("inspect", "f.tar.gz", "-f", "json");
    assert.doesNotMatch(inside.stdout, /a_test|cases/, "tests and cases stay at home");
  });

  test("is taken by the real opa, which makes ones that we take", async (t) => {
    const opa = process.env["VEDETTE_OPA"] ?? "opa";
    if (spawnSync(opa, ["version"]).error) return t.skip("no opa: put it on the PATH or name it in VEDETTE_OPA");
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const folder = setupFolder(t, {
      "policy/shop.rego": POLICY,
      "key.pem": privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      "key.pub": publicKey.export({ type: "spki", format: "pem" }).toString(),
    });
    const policy = policyIn(folder);
    const run = (...args: readonly string[]) => spawnSync(opa, args, { cwd: folder, encoding: "utf8" });
    const signing = ["--signing-key", "key.pem", "--signing-alg", "ES256"];
    assert.equal((await policy("build", "-b", "policy", "-o", "ours.tar.gz", ...signing)).exit, 0);
    const taken = run(
      "build",
      "-b",
      "ours.tar.gz",
      "--verification-key",
      "key.pub",
      "--signing-alg",
      "ES256",
      "-o",
      "x.tar.gz",
    );
    assert.equal(taken.status, 0, taken.stderr);
    assert.equal(run("eval", "-b", "ours.tar.gz", "-f", "raw", "data.shop.allow").stdout, "false\n");
    assert.equal(run("build", "-b", "policy", "-o", "theirs.tar.gz", ...signing).status, 0);
    assert.equal((await policy("verify", "theirs.tar.gz", "--key", "key.pub")).exit, 0);
  });
});

describe("policy roles", () => {
  test("finds the roles by which an application decides, and those of the rules", async (t) => {
    const rules = {
      kind: "rules/v1",
      id: "r",
      default: "deny",
      rules: [
        {
          id: "a",
          effect: "allow",
          subject: { type: "user", roles: ["cashier"] },
          action: ["pay"],
          resource: { type: "till" },
        },
      ],
    };
    const files = {
      "src/a.ts": 'if (user.role === "admin") open();\nconst GROUPS = ["cashier"];\n',
      "src/node_modules/b.js": 'if (user.role === "admin") open();\n',
      "rules.json": JSON.stringify(rules),
    };
    const policy = policyIn(setupFolder(t, files));
    const plain = await policy("roles", "src");
    assert.deepEqual(
      [plain.exit, plain.stdout],
      [1, 'src/a.ts:1:20: role admin\n  if (user.role === "admin") open();\n1 role name in 1 file\n'],
    );
    const known = JSON.parse((await policy("roles", "src", "--rules", "rules.json", "--json")).stdout);
    assert.deepEqual(
      known.found.map(({ role, row }: { readonly role: string; readonly row: number }) => [role, row]),
      [
        ["admin", 1],
        ["cashier", 2],
      ],
    );
    const sarif = JSON.parse((await policy("roles", "src", "-f", "sarif")).stdout);
    assert.equal(sarif.runs[0].results[0].ruleId, "hard-coded-role");
    assert.equal((await policy("roles", "rules.json")).exit, 0);
  });
});

describe("policy bench, capabilities and repl", () => {
  test("bench gives percentiles of one evaluation", async (t) => {
    const policy = policyIn(setupFolder(t));
    const report = JSON.parse((await policy("bench", "-d", "shop.rego", "data.shop.allow", "-f", "json")).stdout);
    assert.ok(report.N > 1_000);
    assert.ok(report.Extra.p50_ns <= report.Extra.p90_ns && report.Extra.p90_ns <= report.Extra.p99_ns);
    assert.equal((await policy("bench", "data.nothing")).exit, 1);
  });

  test("capabilities of the edge leave out what asks the network", async (t) => {
    const policy = policyIn(setupFolder(t));
    const { builtins } = JSON.parse((await policy("capabilities", "--tier", "edge")).stdout);
    const names = builtins.map(({ name }: { readonly name: string }) => name);
    assert.deepEqual([names.includes("http.send"), names.includes("time.now_ns")], [false, true]);
  });

  test("repl takes queries, rules and commands from a pipe", async (t) => {
    const folder = setupFolder(t);
    const lines = [
      "x := 1",
      "x + 1",
      "x := 2",
      "x + 1",
      "p if {",
      "  input.a == x",
      "}",
      "p",
      'input := {"a": 2}',
      "p",
      "[1, 2][i] > 1",
      "p q",
      "unset x",
      "data.shop.allow",
      "exit",
      "never",
    ];
    const args = ["--disable-warning=ExperimentalWarning", MAIN, "policy", "repl", "shop.rego"];
    const { status, stdout } = spawnSync(process.execPath, args, {
      cwd: folder,
      input: lines.join("\n"),
      encoding: "utf8",
    });
    assert.equal(status, 0);
    assert.equal(
      stdout,
      `rule x defined in package repl
2
rule x replaced in package repl
3
rule p defined in package repl
undefined
true
┌───┐
│ i │
├───┤
│ 1 │
└───┘
1 error occurred: 1:3: rego_parse_error: unexpected identifier token: expected \\n or ; or eof
	p q
	  ^
1 error occurred: <repl>:4: rego_unsafe_var_error: var x is unsafe
false
`,
    );
  });
});
