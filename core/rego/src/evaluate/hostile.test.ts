import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Value } from "../values/value.ts";
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

/** By the processor's time: what else the machine does is no fault of ours. */
function assertSoon(act: () => void): void {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  assert.ok((user + system) / 1_000 < TIME_MS_MAX, "it took too long");
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

test("patterns that take others forever take time in proportion to the text", () => {
  const policy = testCompile("package t\n\np if regex.match(input.pattern, input.text)\n");
  const text = `${"a".repeat(30_000)}!`;
  for (const pattern of ["(a+)+$", "(a|a)*$", "(a|aa)+$", "([a-z]+)*$", "(.*)*x", "^(([a-z])+.)+[A-Z]([a-z])+$"])
    assertSoon(() => testAsk(policy, "data.t.p", { input: { pattern, text } }));
});
