import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { instant } from "@vedette/base";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import fc from "fast-check";
import { BUILTINS } from "../builtins/registry.ts";
import { compileModules, compileQuery } from "../compile/compile.ts";
import { parseModule, parseQuery } from "../syntax/parse.ts";
import { parseJson } from "../values/json.ts";
import { ObjectBuilder, type PlainObject, RegoSet, type Value } from "../values/value.ts";
import { closures } from "./closures.ts";
import { javascript } from "./javascript.ts";
import { createRegoPolicy } from "./query.ts";
import { testAsk, testCompile } from "./query-fixture.test.ts";

/** Long enough for a slow machine, far too short for anything exponential. */
const TIME_MS_MAX = 30_000;

/** By the processor's time: what else the machine does is no fault of ours. */
function assertSoon(act: () => void): void {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  assert.ok((user + system) / 1_000 < TIME_MS_MAX, "it took too long");
}

test("what stands on Object.prototype decides nothing", () => {
  // In a process of its own: the pollution would reach every other test.
  const script = `
    import { testAsk, testCompile } from ${JSON.stringify(import.meta.resolve("./query-fixture.test.ts"))};
    const before = testCompile(process.argv[1]);
    const asked = { input: { user: {}, list: [{}], roles: {} }, data: { grants: {}, list: [] } };
    for (const name of ["admin", "role", "0", "1", "a"])
      Object.defineProperty(Object.prototype, name, { value: true, writable: true, configurable: true });
    const after = testCompile(process.argv[1]);
    process.stdout.write(JSON.stringify([before, after].map((policy) => testAsk(policy, "data.t.found", asked))));
  `;
  const conditions = [
    "input.admin",
    "input.user.admin",
    "input.user[input.role]",
    "data.admin",
    "data.grants.admin",
    "{ some x in input.list; x.admin }",
    'input["0"]',
    "input.list[0].role",
    "input.list[1]",
    "data.list[0]",
    "{ some k; input.user[k] }",
    "count(input.user) > 0",
    'object.get(input, "admin", false)',
    '{ some o in [{"b": 1}]; object.get(o, "admin", false) }',
    "{ x := {k: v | some k, v in input.user}; x.admin }",
    '"admin" in object.keys(input.user)',
    '{ {"a": _} = input.user }',
    'json.unmarshal("{}").admin',
    "never",
    "{ never; never }",
  ];
  const rules = conditions.map((condition, index) => `found contains ${index} if ${condition}`);
  const policy = ["package t", "never if input.never", ...rules].join("\n\n");
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script, policy], {
    encoding: "utf8",
  });
  assert.match(stdout, /^\["\[\]","\[\]"\]/, stderr + stdout);
});

test("an evaluation changes nothing that it is given", () => {
  const policy = testCompile(`package t

p := object.union(input, {"a": array.concat([input], [data.base])}) if { walk(input, [_, _]) }

q contains x if { some x in input; x != data.base with input as x with data.base as input }

r := sort([x | some x in input])

s := json.patch(input, [{"op": "add", "path": "/new", "value": 1}])

u := object.remove(input, ["a"]) if json.marshal(input)
`);
  const frozen = (value: unknown): unknown => {
    if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
    return value;
  };
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      const input = parseJson(JSON.stringify({ a: json, b: [json] }));
      assert.ok(input.ok);
      // Whoever tried to change it would throw.
      const value = frozen(input.value) as Value;
      for (const name of ["p", "q", "r", "s", "u"])
        testAsk(policy, `data.t.${name}`, { input: value, data: { base: value } });
    }),
    { numRuns: 50 },
  );
});

test("a value whose parts are shared is compared, sorted and hashed in no time, and refused as a text", () => {
  const shared = (leaf: Value, wrap: (part: Value) => Value): Value => {
    let value = leaf;
    for (let i = 0; i < 100; i++) value = wrap(value);
    return value;
  };
  const shapes: readonly ((part: Value) => Value)[] = [
    (part) => [part, part],
    (part) => ({ a: part, b: part }),
    (part) =>
      RegoSet.of([
        [part, 1],
        [part, 2],
      ]),
    (part) =>
      ObjectBuilder.from([
        [[part, 1], part],
        [[part, 2], part],
      ]),
  ];
  const policy = testCompile(`package t

distinct := count({x | some x in input})

sorted := count(sort(input))

same if { input[0] == input[1]; input[1] != input[2] }

text := json.marshal(input)
`);
  for (const shape of shapes) {
    const input = [1, 1, 2, 0, 3, 4, 5, 6, 7, 8, 9, 10].map((leaf) => shared(leaf, shape));
    assertSoon(() => assert.equal(testAsk(policy, "data.t.distinct", { input }), "11"));
    assertSoon(() => assert.equal(testAsk(policy, "data.t.sorted", { input }), "12"));
    assertSoon(() => assert.equal(testAsk(policy, "data.t.same", { input }), "true"));
    assertSoon(() => assert.match(testAsk(policy, "data.t.text", { input }), /^limit: /));
  }
});

test("a policy nested without end is refused", () => {
  const loops = (depth: number) => Array.from({ length: depth }, (_, i) => `some x${i} in input.list; x${i} == 1`);
  const nests: readonly ((depth: number) => string)[] = [
    (depth) => `p := ${"[".repeat(depth)}1${"]".repeat(depth)}`,
    (depth) => `p := ${"{1: ".repeat(depth)}1${"}".repeat(depth)}`,
    (depth) => `p := ${"(".repeat(depth)}1${")".repeat(depth)}`,
    (depth) => `p := ${"[x | x := ".repeat(depth)}1${"]".repeat(depth)}`,
    (depth) => `p := ${"abs(".repeat(depth)}1${")".repeat(depth)}`,
    (depth) => `p := 1${" + 1".repeat(depth)}`,
    (depth) => `p := input${".a".repeat(depth)}`,
    (depth) => `p if input${"[_]".repeat(depth)}`,
    (depth) => `p${".a".repeat(depth)} := 1`,
    (depth) => `p := ${'$"{'.repeat(depth)}1${'}"'.repeat(depth)}`,
    (depth) => `p if ${"{ every _ in [1] ".repeat(depth)}{ true }${" }".repeat(depth)}`,
    (depth) => `p := 0 if input.x${" else := 1 if input.x".repeat(depth)}`,
    (depth) => `p if { ${loops(depth).join("; ")} }`,
  ];
  for (const nest of nests) {
    const sound = testCompile(`package t\n\n${nest(80)}\n`);
    assertSoon(() => testAsk(sound, "data.t.p", { input: { x: 1, list: [1] } }));
    assertSoon(() => {
      const parsed = parseModule(`package t\n\n${nest(2_000)}\n`, { file: "nest.rego" });
      assert.ok(!parsed.ok || !compileModules([parsed.value], BUILTINS).ok, nest(2));
    });
  }
});

test("sets within sets are looped over as deep as policies go", () => {
  const rules = Array.from({ length: 5 }, (_, index) => {
    const loops = Array.from({ length: 200 }, (_, i) => `some x${i} in input.list; x${i} == 1`).join("; ");
    return `s${index} contains x if { ${loops}; some x in ${index === 0 ? "input.list" : `s${index - 1}`} }`;
  });
  const policy = testCompile(["package t", ...rules, "p if { some x in s4; x == 1 }"].join("\n\n"));
  assertSoon(() => assert.match(testAsk(policy, "data.t.p", { input: { list: [1] } }), /^true$/));
});

test("a large document is read and decided on", () => {
  const text = `{"a": "${"x".repeat(50_000_000)}", "list": [${"1,".repeat(1_000_000)}2]}`;
  assertSoon(() => {
    const read = parseJson(text);
    assert.ok(read.ok);
    const policy = testCompile(
      "package t\n\np if { input.a != input.b; input.list[1000000] == 2 }\n\nq := upper(input.a)\n",
    );
    const input = { ...(read.value as PlainObject), b: "x" };
    assert.equal(testAsk(policy, "data.t.p", { input }), "true");
    assert.equal(testAsk(policy, "data.t.q", { input }), "limit: fuel");
  });
});

test("an input that is no JSON at all ends in an error, and throws nothing", () => {
  const policy = testCompile(`package t

p := input.a.b

q contains x if some x in input.list

r := {[x, 1] | some x in input.list}

s := json.marshal(input)

u := sort(input.list)

v if walk(input, [_, 1])
`);
  const refuse = (): never => {
    throw new Error("mine");
  };
  const inputs: readonly unknown[] = [
    { a: undefined, list: [undefined, 1, undefined, 2, 3, 4, 5, 6, 7, 8] },
    { a: () => 1, list: [() => 1, Symbol("x"), 1n, new Date(0), new Map(), /x/] },
    {
      get a(): never {
        return refuse();
      },
      get list(): never {
        return refuse();
      },
    },
    new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse, getOwnPropertyDescriptor: refuse }),
    {
      a: new Proxy({}, { get: refuse, ownKeys: refuse, getOwnPropertyDescriptor: refuse }),
      list: new Proxy([1], { get: refuse }),
    },
    () => 1,
    Symbol("input"),
    1n,
  ];
  for (const input of inputs)
    for (const name of ["p", "q", "r", "s", "u", "v"])
      for (const backEnd of [closures, javascript]) {
        const query = parseQuery(`data.t.${name}`);
        assert.ok(query.ok);
        const compiled = compileQuery(policy, query.value);
        assert.ok(compiled.ok);
        const deps = { now: instant(0), crypto: createNodeCrypto(), random: systemRandom };
        createRegoPolicy(policy, { backEnd })
          .prepare(compiled.value)
          .evaluate({ input: input as Value, ...deps });
      }
});
