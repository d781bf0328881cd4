import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { parseModule } from "../syntax/parse.ts";
import { parseJson } from "../values/json.ts";
import { RegoSet, type Value } from "../values/value.ts";
import { CodeWriter } from "./code-writer.ts";
import { testAsk, testCompile } from "./query-fixture.test.ts";

/** Texts that end a string, a comment, a template, a line or a script, and names that objects have for themselves. */
const TEXTS: readonly string[] = [
  '"',
  "'",
  "`",
  "\\",
  '\\"',
  "*/",
  "//",
  "</script>",
  "$" + "{1}",
  "\u2028",
  "\u2029",
  "\u0000",
  "\n",
  "\r",
  "\ud800",
  "😀",
  '"]; process.exit(7); ["',
  "__proto__",
  "constructor",
  "prototype",
  "hasOwnProperty",
  "toString",
  "then",
];

/** Long enough for a slow machine, far too short for anything exponential. */
const TIME_MS_MAX = 10_000;

function assertSoon(act: () => void): void {
  const before = performance.now();
  act();
  assert.ok(performance.now() - before < TIME_MS_MAX, "it took too long");
}

/** A string of Rego with everything escaped that may be. */
function quoted(text: string): string {
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index).toString(16).padStart(4, "0"));
  return `"${units.map((unit) => `\\u${unit}`).join("")}"`;
}

test("hostile text is nothing but text, wherever it stands in a policy", () => {
  for (const text of TEXTS) {
    const name = quoted(text);
    // Rego has no half surrogates: the parser reads another character, and that is text as well.
    const read = text.isWellFormed() ? text : "\ufffd";
    const policy = testCompile(`package a[${name}]

own[${name}] := ${name}

other.part[${name}].inner[k] := v if some k, v in {${name}: ${name}}

words contains ${name}

f(${name}) := ${name}

same if { f(${name}) == ${name}; ${name} in words; input[${name}] == input.x[${name}][${name}] }

base := data[${name}][${name}]
`);
    const input: Value = Object.fromEntries([
      [read, 1],
      ["x", Object.fromEntries([[read, Object.fromEntries([[read, 1]])]])],
    ]);
    const data: Value = Object.fromEntries([[read, Object.fromEntries([[read, read]])]]);
    const at = `data.a[${name}]`;
    const asJson = JSON.stringify(JSON.parse(JSON.stringify(read)));
    const answer = (query: string) => JSON.parse(testAsk(policy, query, { input, data }));
    assert.equal(answer(`${at}.same`), true, asJson);
    assert.equal(answer(`${at}.own[${name}]`), read);
    assert.equal(answer(`${at}.base`), read);
    assert.deepEqual(answer(`${at}.words`), [read]);
    assert.deepEqual(Object.entries(answer(`${at}.other.part[${name}].inner`)), [[read, read]]);
  }
  assert.equal(({} as { readonly admin?: unknown }).admin, undefined);
});

test("generated code holds no text of a policy but in JSON strings", () => {
  const MARK = "zZ9";
  const textWithMark = fc
    .array(fc.oneof(fc.constantFrom(...TEXTS), fc.string({ unit: "binary" })), { maxLength: 4 })
    .map((parts) => MARK + parts.filter((part) => part.isWellFormed()).join(MARK) + MARK);
  fc.assert(
    fc.property(textWithMark, textWithMark, (a, b) => {
      const [x, y] = [quoted(a), quoted(b)];
      const { program } = testCompile(
        `package a[${x}]

p[${x}].zZ9[${y}] := {${x}: input[${x}][${y}], ${y}: data.${MARK}[${y}]} if { zZ9v := ${x}; input.zZ9 == zZ9v }

q contains $"{${x}}${MARK}{input[${y}]}" if { some zZ9k, zZ9w in input[${x}]; zZ9k != ${y}; not zZ9w in {${x}} }

f(zZ9a, ${x}) := zZ9a if every zZ9e in zZ9a { zZ9e == ${y} with input[${MARK}] as ${x} }
`.replace("input[zZ9]", "input.zZ9"),
      );
      const writer = new CodeWriter(program);
      const code = program.procedures.map((_, index) => writer.procedure(index)).join("\n") + writer.constantNames();
      const withoutText = code.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
      assert.ok(!withoutText.includes(MARK), withoutText);
      assert.match(withoutText, /^[\w\s"(){}[\]<>=!&|?:;,.+-]*$/);
    }),
  );
});

test("what stands on Object.prototype decides nothing", () => {
  // In a process of its own: the pollution would reach every other test.
  const script = `
    import { testAsk, testCompile } from ${JSON.stringify(import.meta.resolve("./query-fixture.test.ts"))};
    const before = testCompile(process.argv[1]);
    const asked = { input: { user: {}, list: [{}], roles: {} }, data: { grants: {} } };
    for (const name of ["admin", "role", "0", "a"])
      Object.defineProperty(Object.prototype, name, { value: true, writable: true, configurable: true });
    const after = testCompile(process.argv[1]);
    console.log(JSON.stringify([before, after].map((policy) => testAsk(policy, "data.t.found", asked))));
  `;
  const policy = `package t

found contains 1 if input.admin
found contains 2 if input.user.admin
found contains 3 if input.user[input.role]
found contains 4 if data.admin
found contains 5 if data.grants.admin
found contains 6 if some x in input.list; x.admin
found contains 7 if input["0"]
found contains 8 if input.list[0].role
found contains 9 if { some k; input.user[k] }
found contains 10 if count(input.user) > 0
found contains 11 if object.get(input, "admin", false)
found contains 12 if {"a": 1}.admin
found contains 13 if { x := {k: v | some k, v in input.user}; x.admin }
found contains 14 if data.t.admin
found contains 15 if "admin" in object.keys(input.user)
found contains 16 if { {"a": _} = input.user }
`.replace("some x in input.list; x.admin", "{ some x in input.list; x.admin }");
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script, policy], {
    encoding: "utf8",
  });
  assert.equal(stdout.trim(), '["[]","[]"]', stderr);
});

test("an evaluation changes nothing that it is given", () => {
  const policy = testCompile(`package t

p := object.union(input, {"a": array.concat([input], [data])}) if { walk(input, [_, _]) }

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
      const text = JSON.stringify({ a: json, b: [json] });
      const input = parseJson(text);
      assert.ok(input.ok);
      const value = frozen(input.value) as Value;
      for (const name of ["p", "q", "r", "s", "u"])
        testAsk(policy, `data.t.${name}`, { input: value, data: { base: value } });
    }),
    { numRuns: 50 },
  );
});

const MANY = testCompile(`package t

whole := input

text := json.marshal(input)

member := input.a.b.c

walked contains path if walk(input, [path, _])

same if input == input.x

all contains x if some x in input.list

keyed[x] := y if some x, y in input.list

hashed := {[x, 1] | some x in input.list}

sorted := sort(input.list)

loud if { not input.a; input.list[_] < 1 }

size := count(input)
`);
const QUERIES = ["whole", "text", "member", "walked", "same", "all", "keyed", "hashed", "sorted", "loud", "size"];

/** Asks everything; whatever the answers are, they come soon and do not throw. */
function assertSurvives(input: unknown, names: readonly string[] = QUERIES): void {
  for (const name of names) {
    // Whoever calls in the process may hand over anything at all.
    assertSoon(() => testAsk(MANY, `count([x | x := data.t.${name}]) >= 0`, { input: input as Value }));
  }
}

test("an input nested without end ends in a limit", () => {
  let deep: Value = [];
  for (let i = 0; i < 100_000; i++) deep = [deep];
  assertSurvives({ a: deep, x: deep, list: [deep] });
  let long: Value = {};
  for (let i = 0; i < 100_000; i++) long = { a: long };
  assertSurvives(long);
});

test("an input that contains itself ends in a limit", () => {
  const cycle: { [key: string]: unknown } = { list: [1] };
  cycle["x"] = cycle;
  cycle["a"] = { b: cycle };
  assertSurvives(cycle);
  const other: { [key: string]: unknown } = { list: [1] };
  other["x"] = { ...other, x: other };
  assertSurvives({ x: other, list: [cycle, other] });
});

test("numbers that are none decide nothing", () => {
  for (const number of [Number.NaN, Number.POSITIVE_INFINITY, -Number.POSITIVE_INFINITY, -0]) {
    assertSurvives({ list: [number, number, 1], a: { b: { c: number } }, x: number }, [
      "member",
      "all",
      "keyed",
      "loud",
    ]);
  }
});

test("a value whose parts are shared is compared, sorted, hashed and refused as text in no time", () => {
  const shared = (leaf: Value, wrap: (part: Value) => Value): Value => {
    let value = leaf;
    for (let i = 0; i < 200; i++) value = wrap(value);
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
  ];
  for (const shape of shapes) {
    const list = [shared(1, shape), shared(1, shape), shared(2, shape)];
    const lists = [...list, ...Array.from({ length: 10 }, (_, index) => shared(index, shape))];
    const policy = testCompile(`package t

distinct := count({x | some x in input})

sorted := count(sort(input))

equal if { input[0] == input[1]; input[1] != input[2] }

text := json.marshal(input)
`);
    assertSoon(() => assert.equal(testAsk(policy, "data.t.distinct", { input: lists }), "10"));
    assertSoon(() => assert.equal(testAsk(policy, "data.t.sorted", { input: lists }), "13"));
    assertSoon(() => assert.equal(testAsk(policy, "data.t.equal", { input: list }), "true"));
    assertSoon(() =>
      assert.match(testAsk(policy, "data.t.text", { input: list }), /^limit: (fuel|result-size|nesting)$/),
    );
  }
});

test("a policy nested without end is refused or ends in a limit", () => {
  const nests: readonly ((depth: number) => string)[] = [
    (depth) => `${"[".repeat(depth)}1${"]".repeat(depth)}`,
    (depth) => `${"{1: ".repeat(depth)}1${"}".repeat(depth)}`,
    (depth) => `${"(".repeat(depth)}1${")".repeat(depth)}`,
    (depth) => `${"[x | x := ".repeat(depth)}1${"]".repeat(depth)}`,
    (depth) => `${"abs(".repeat(depth)}1${")".repeat(depth)}`,
    (depth) => `1${" + 1".repeat(depth)}`,
    (depth) => `input${".a".repeat(depth)}`,
    (depth) => `input${"[0]".repeat(depth)}`,
    (depth) => `${'$"{'.repeat(depth)}1${'}"'.repeat(depth)}`,
  ];
  for (const nest of nests)
    for (const depth of [100, 20_000])
      assertSoon(() => {
        const parsed = parseModule(`package t\n\np := ${nest(depth)}\n`, { file: "nest.rego" });
        if (!parsed.ok) return;
        assert.ok(testAsk(testCompile(`package t\n\np := ${nest(depth)}\n`), "data.t.p", { input: {} }).length > 0);
      });
  const bodies = `package t\n\np if ${"{ every x in [1] ".repeat(5_000)}{ true }${" }".repeat(5_000)}\n`;
  assertSoon(() => parseModule(bodies, { file: "bodies.rego" }));
  const elses = `package t\n\np := 0 if input.x ${"else := 1 if input.x ".repeat(2_000)}\n`;
  assertSoon(() => testAsk(testCompile(elses), "data.t.p", { input: {} }));
});

test("patterns that take others forever take time in proportion to the text", () => {
  const policy = testCompile("package t\n\np if regex.match(input.pattern, input.text)\n");
  const text = `${"a".repeat(30_000)}!`;
  for (const pattern of ["(a+)+$", "(a|a)*$", "(a|aa)+$", "([a-z]+)*$", "(.*)*x", "^(([a-z])+.)+[A-Z]([a-z])+$"])
    assertSoon(() => testAsk(policy, "data.t.p", { input: { pattern, text } }));
});

test("a large document is read and decided on", () => {
  const text = `{"a": "${"x".repeat(50_000_000)}", "list": [${"1,".repeat(1_000_000)}2]}`;
  assertSoon(() => {
    const input = parseJson(text);
    assert.ok(input.ok);
    const policy = testCompile('package t\n\np if { startswith(input.a, "xx"); input.list[1000000] == 2 }\n');
    assert.equal(testAsk(policy, "data.t.p", { input: input.value }), "true");
  });
});
