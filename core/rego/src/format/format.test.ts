import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import type { Else, Module, Rule } from "../syntax/ast.ts";
import { tokenize } from "../syntax/lexer.ts";
import { parseModule } from "../syntax/parse.ts";
import { NESTING_MAX } from "../syntax/token-reader.ts";
import { type FormatOptions, formatModule } from "./format.ts";

const top = join(import.meta.dirname, "../../../..");
const VECTORS = join(process.env["VEDETTE_VECTORS"] ?? join(top, "../shared/vectors"), "rego/v1");
const skip = existsSync(VECTORS) ? false : `no vectors at ${VECTORS}: set VEDETTE_VECTORS`;

function parsed(text: string, regoVersion: 0 | 1 = 1): Module {
  const module = parseModule(text, { file: "test.rego", regoVersion });
  assert.ok(module.ok, module.ok ? "" : `${JSON.stringify(module.error)}\n${text}`);
  return module.value;
}

function formatted(text: string, regoVersion: 0 | 1 = 1, options: FormatOptions = {}): string {
  return formatModule(parsed(text, regoVersion), options);
}

/** Each text is written as the one behind it, and that one stays as it is. */
function check(cases: readonly (readonly [before: string, after: string])[], regoVersion: 0 | 1 = 1): void {
  for (const [before, after] of cases) {
    const [text, expected] = [before, after].map((rules) => `package test\n\n${rules}\n`) as [string, string];
    assert.equal(formatted(text, regoVersion), expected);
    assertFaithful(text, regoVersion);
  }
}

/** What is written means the same, keeps every comment, and is not changed by writing it again. */
function assertFaithful(text: string, regoVersion: 0 | 1 = 1): void {
  const before = parsed(text, regoVersion);
  const written = formatModule(before);
  const after = parsed(written, regoVersion);
  assert.deepEqual(meaningOf(after), meaningOf(before), written);
  assert.deepEqual(commentsOf(after), commentsOf(before), written);
  assert.equal(formatModule(after), written, text);
}

/** Comments may share a line in the end. Those of imports go where these are sorted to. */
function commentsOf({ comments }: Module): readonly string[] {
  return comments.flatMap(({ text }) => text.split("#").map((part) => part.trim())).sort();
}

/** A module without that in which two ways to write it differ. */
function meaningOf({ package: { path }, imports, rules, annotations }: Module): unknown {
  const hasKeywords = imports.some((each) => each.path[0] === "rego");
  const kept = imports.filter((each) => !hasKeywords || each.path[0] !== "future");
  const names = kept.map((each) => `${each.path.join(" ")} as ${each.alias}`).sort();
  return withoutPlaces({ path, names, rules: rules.map(ruleMeaning), annotations });
}

function ruleMeaning({ head, body, otherwise, isDefault, annotations }: Rule): unknown {
  const { name, path, args, key, value = TRUE } = head;
  const bodies = { body: body ?? HOLDS, branches: elseMeaning(otherwise) };
  return { name, path, args, key, value: key ? undefined : value, ...bodies, isDefault, annotations };
}

function elseMeaning(branch: Else | undefined): unknown {
  return branch && { value: branch.value ?? TRUE, body: branch.body ?? HOLDS, branches: elseMeaning(branch.otherwise) };
}

const TRUE = { type: "boolean", value: true };
const HOLDS = [{ isNegated: false, what: { type: "term", term: TRUE }, with: [] }];

/** A string is the same in any quotes, and as a name behind a dot. */
function withoutPlaces(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutPlaces);
  if (typeof node !== "object" || node === null) return node;
  const members = Object.entries(node).filter(([name]) => name !== "location" && name !== "form");
  return Object.fromEntries(members.map(([name, value]) => [name, withoutPlaces(value)]));
}

test("every module of OPA's conformance suite keeps its meaning and its comments", { skip }, (t) => {
  let modules = 0;
  for (const category of readdirSync(VECTORS)) {
    for (const file of readdirSync(join(VECTORS, category))) {
      const read: { readonly cases: readonly { readonly modules?: readonly string[] }[] } = JSON.parse(
        readFileSync(join(VECTORS, category, file), "utf8"),
      );
      for (const text of read.cases.flatMap((each) => each.modules ?? [])) {
        assertFaithful(text);
        modules++;
      }
    }
  }
  assert.ok(modules > 2000);
  t.diagnostic(`${modules} modules`);
});

test("rules stand apart, except those that take a line each and were neighbours", () => {
  check([
    ["p := 1\nq := 2\n\n\n\nr := 3", "p := 1\nq := 2\n\nr := 3"],
    ["p if x\nq if { x; y }\nr := 1", "p if x\n\nq if {\n\tx\n\ty\n}\n\nr := 1"],
    ["default p := 1\np := 2 if x", "default p := 1\n\np := 2 if x"],
    ["p := 1 if x else := 2\nq := 1", "p := 1 if x\n\nelse := 2\n\nq := 1"],
  ]);
});

test("imports are sorted among their neighbours, each with its comment", () => {
  const written = "import data.a # first\nimport data.b as c\nimport input.x\n\nimport data.a.z";
  check([["import input.x\nimport data.b as c\nimport data.a     # first\n\n\nimport data.a.z", written]]);
  check([['import data["if"].x["a b"]\np := 1', 'import data["if"].x["a b"]\n\np := 1']]);
});

test("import rego.v1 makes imports of keywords superfluous", () => {
  check([["import future.keywords\nimport rego.v1\nimport future.keywords.in", "import rego.v1"]]);
});

test("a body of one statement on the line of its head needs no braces", () => {
  check([
    ["p if { x }", "p if x"],
    ["p if {\n  x\n}", "p if {\n\tx\n}"],
    ["p if\n  x", "p if {\n\tx\n}"],
    ["p := [\n  1,\n] if { x }", "p := [\n\t1,\n] if x"],
    ["p if { {1, 2} }\nq if not {1}", "p if {\n\t{1, 2}\n}\n\nq if not {1}"],
    ["p if { x # why\n}\nq if { x # why\n # and how\n}", "p if x # why\n\nq if {\n\tx # why\n\t# and how\n}"],
  ]);
});

test("a value that goes without saying is left out, and so is a body that always holds", () => {
  check([
    ["p = true if x", "p if x"],
    ["p if true", "p := true"],
    ["p = 1 if { true }", "p := 1"],
    ["p contains x if true", "p contains x"],
    ["f(x) if true\ng(x)", "f(x) := true\ng(x)"],
    ["p := 1 if true else := 2 if true", "p := 1 if true\n\nelse := 2"],
    ["p if x\nelse = true if y\nelse if true", "p if x\n\nelse if y\n\nelse := true"],
    ["default p = true", "default p := true"],
  ]);
});

test("statements take a line each, and one blank line between them stays", () => {
  check([
    ["p if { x; y\n\n\nz }", "p if {\n\tx\n\ty\n\n\tz\n}"],
    ["p if {\n\n  x;\n  # about y\n  y\n\n}", "p if {\n\tx\n\n\t# about y\n\ty\n}"],
    [
      "p if {some x,y;some k,v in xs;every a,b in c{a;b}}",
      "p if {\n\tsome x, y\n\tsome k, v in xs\n\tevery a, b in c { a; b }\n}",
    ],
    [
      "p if {\n some a,\n b, c\n every x in xs {\n x }\n}",
      "p if {\n\tsome a,\n\t\tb, c\n\tevery x in xs {\n\t\tx\n\t}\n}",
    ],
  ]);
});

test("a statement that would go on with the one before it is enclosed", () => {
  check([
    ["p if { x; -1 == y }", "p if {\n\tx\n\t(-1 == y)\n}"],
    ["p if { x; -1 = y; -z }", "p if {\n\tx\n\t(-1) = y\n\t(-z)\n}"],
    ["p if { (x | y) == z; (x | y) }", "p if {\n\t(x | y) == z\n\tx | y\n}"],
    ["p if { (x | y); z }", "p if {\n\t(x | y)\n\tz\n}"],
    ["p := 1 if x else := 2 if ({1} == y)", "p := 1 if x\n\nelse := 2 if {\n\t{1} == y\n}"],
  ]);
});

test("modifiers begin lines where they did", () => {
  check([
    ["p if { x  with input as 1 with data.y as 2; z }", "p if {\n\tx with input as 1 with data.y as 2\n\tz\n}"],
    [
      'p if {\n x with input as 1\n   with data.y as {\n "a": 1 }\n z\n}',
      'p if {\n\tx with input as 1\n\t\twith data.y as {\n\t\t\t"a": 1,\n\t\t}\n\tz\n}',
    ],
    [
      "p if {\n f(\n a,\n b\n ) with input as 1 # one\n # two\n with input.x as 2\n}",
      "p if {\n\tf(\n\t\ta,\n\t\tb,\n\t) with input as 1 # one\n\t\t# two\n\t\twith input.x as 2\n}",
    ],
  ]);
});

test("what began a line in a list begins one again", () => {
  check([
    ["x := [1,2,\n3]", "x := [\n\t1, 2,\n\t3,\n]"],
    ["x := [\n1,2]", "x := [\n\t1, 2,\n]"],
    ["x := [1,2\n]", "x := [1, 2]"],
    ['x := {"a":1,"b":{\n"c":2}}', 'x := {"a": 1, "b": {\n\t"c": 2,\n}}'],
    ["x := f(\n1,2)\ny := f(1,\n2)", "x := f(1, 2)\n\ny := f(\n\t1,\n\t2,\n)"],
    ["f(\nx,y) := 1", "f(\n\tx, y,\n) := 1"],
    ["x := [set( ),{1},{},[]]", "x := [set(), {1}, {}, []]"],
    ["x := {1,1}", "x := {1, 1}"],
  ]);
});

test("a comprehension is written on one line, or its statements on their own", () => {
  check([
    ["x := [ y|some y in ys ;y>1 ]", "x := [y | some y in ys; y > 1]"],
    ["x := {k:v|\nsome k,v in ys\n}", "x := {k: v |\n\tsome k, v in ys\n}"],
    ["x := [\n y |\n some y in ys\n]", "x := [y |\n\tsome y in ys\n]"],
    ["x := {(a+b)|a; b}", "x := {(a + b) | a; b}"],
    ["x := {y | y\n # last\n}", "x := {y |\n\ty\n\t# last\n}"],
  ]);
});

test("operators inside others have parentheses, and those of a statement where they need them", () => {
  check([
    ["x := 1+2*3-4", "x := (1 + (2 * 3)) - 4"],
    ["p if 1+2==(3)", "p if 1 + 2 == 3"],
    ["p if 1-(2-3)\nq if (1-2)-3", "p if 1 - (2 - 3)\nq if 1 - 2 - 3"],
    ["p if (1==2)==3\nq if 1==(2==3)", "p if 1 == 2 == 3\nq if 1 == (2 == 3)"],
    ["p if (1==2)+3", "p if (1 == 2) + 3"],
    ["p if x in xs in ys\nq if x in (xs in ys)", "p if x in xs in ys\nq if x in (xs in ys)"],
    ["p if (x in xs)+1\nq if x+1 in xs", "p if (x in xs) + 1\nq if (x + 1) in xs"],
    ["p if k, v in xs\nx := [(k, v in xs), k]", "p if k, v in xs\nx := [(k, v in xs), k]"],
    ["x := [(a|b)]\ny := f(a|b)\nz := f((a|b))", "x := [(a | b)]\ny := f(a | b)\nz := f((a | b))"],
    ["x := (a|b)[_]\ny := -x*-1", "x := (a | b)[_]\ny := -x * -1"],
    // A keyword is a name only where the statement begins.
    ["p if if.x+1+2==3", "p if if.x + 1 + 2 == 3"],
    ["x := plus(1,2)", "x := plus(1, 2)"],
  ]);
});

test("a reference has dots where its keys are names", () => {
  check([
    ['x := a["b"]["c d"][`e`][_][0][f][-1]', 'x := a.b["c d"].e[_][0][f][-1]'],
    ['x := a.if["if"]', 'x := a.if["if"]'],
    ['x := a["\\u00e9\\ufeff"][`\\d"`]', 'x := a["é\\ufeff"]["\\\\d\\""]'],
    ["p.q := 1", 'p["q"] := 1'],
    ['p["q"] := 1\np.q.r := 1', "p.q := 1\np.q.r := 1"],
    ['p["q"] contains 1', "p.q contains 1"],
  ]);
});

test("strings and numbers stay as they were written", () => {
  check([['x := ["\\u0041\\/",1e3,.5,- 1]\ny := `a\n  "b`', 'x := ["\\u0041\\/", 1e3, .5, -1]\ny := `a\n  "b`']]);
});

test("template strings keep their text, and what stands in them is laid out", () => {
  check([
    ['x := $"a\\{b\\n{ y }c{42}{ {1,2} }"', 'x := $"a\\{b\\n{y}c{42}{{1, 2}}"'],
    ['x := $`a\n\\{"{ y[ `z` ] }`', 'x := $`a\n\\{"{y.z}`'],
    ['x := $"{ y with input as 1 }"', 'x := $"{y with input as 1}"'],
  ]);
});

test("else goes on behind a brace or begins a line, as it did", () => {
  check([
    ["p := 1 if {\n x\n} else := 2 if {\n y\n}\nelse := 3", "p := 1 if {\n\tx\n} else := 2 if {\n\ty\n}\n\nelse := 3"],
    ["p if {\n x\n} # one\n# two\nelse := 2", "p if {\n\tx\n} # one\n\n# two\nelse := 2"],
  ]);
});

test("further bodies of a rule become rules, unless they are so many that it would grow out of proportion", () => {
  check([
    [
      "p contains x if { x := 1 } { x := 2\n x > 1 }",
      "p contains x if x := 1\n\np contains x if {\n\tx := 2\n\tx > 1\n}",
    ],
  ]);
  const chained = `p if { x }${" { x }".repeat(20)}`;
  check([[chained, `p if {\n\tx\n}${" {\n\tx\n}".repeat(20)}`]]);
});

test("comments stay at the ends of their lines or on their own", () => {
  check([
    ["# about p\np := 1 #one  \n\n# last\n\n# of all", "# about p\np := 1 #one\n\n# last\n\n# of all"],
    ["p if { # one\n # two\n\n x # three\n\n # four\n}", "p if { # one\n\t# two\n\n\tx # three\n\t# four\n}"],
    [
      'x := [ # one\n 1, # two\n # three\n {"a": 2} # four\n # five\n] # six',
      'x := [ # one\n\t1, # two\n\t# three\n\t{"a": 2}, # four\n\t# five\n] # six',
    ],
    ["x := f(\n # one\n y\n)", "x := f(\n\t# one\n\ty,\n)"],
    ["x := {k: v | # one\n # two\n v := y[k] # three\n}", "x := {k: v | # one\n\t# two\n\tv := y[k] # three\n}"],
  ]);
});

test("a comment in the midst of an expression goes to the end of its line", () => {
  check([
    ["x := y + # one\n z", "x := y + z # one"],
    ["x := # one\n y + # two\n z # three", "x := y + z # one # two # three"],
    ['x := {"a": # one\n {"b": 1}}', 'x := {\n\t"a": {"b": 1}, # one\n}'],
    ["p := # one\n 1 if { x; y }", "p := 1 if { # one\n\tx\n\ty\n}"],
    ["p if x\nelse := # one\n 2", "p if x\n\nelse := 2 # one"],
  ]);
});

test("blocks of metadata stay what they are", () => {
  const block = "# METADATA\n# title: x";
  check([[`${block}\np := 1`, `${block}\np := 1`]]);
  check([[`${block}\n  # no part of it\np := 1`, `${block}\n\n# no part of it\np := 1`]]);
  assert.equal(formatted(`${block}\npackage a\n${block}\n\np := 1`), `${block}\npackage a\n\n${block}\n\np := 1\n`);
});

test("a rule whose body ends on the line of the next rule is settled at once", () => {
  check([["p if\nx q := 1", "p if {\n\tx\n}\n\nq := 1"]]);
});

test("a package alone is a module, and its comments are its own", () => {
  assert.equal(formatted("package a"), "package a\n");
  assert.equal(
    formatted('# one\n\n\n# two\npackage a["b c"].d # three\n\n# four'),
    '# one\n\n# two\npackage a["b c"].d # three\n\n# four\n',
  );
  assert.equal(formatted("\ufeffpackage a\r\n\r\np := 1 # one\r\n"), "package a\n\np := 1 # one\n");
});

test("a module of v0 is spelled as v0", () => {
  check(
    [
      ["p{x}", "p {\n\tx\n}"],
      ["p = 1 { x } else = 2 { y }", "p = 1 {\n\tx\n}\n\nelse = 2 {\n\ty\n}"],
      ['p["a"]\nq[x]{x := 1}\nr.s { x }', 'p["a"]\n\nq[x] {\n\tx := 1\n}\n\nr["s"] {\n\tx\n}'],
      ["p[x] = true { x }\nq = true { x }", "p[x] = true {\n\tx\n}\n\nq {\n\tx\n}"],
      ["f(x)\np.q.r\ng(x) := 1", "f(x)\n\np.q.r\n\ng(x) := 1"],
      ["import future.keywords.if\np if { x }\nq[x] { y }", "import future.keywords.if\n\np if x\n\nq[x] {\n\ty\n}"],
    ],
    0,
  );
});

test("a module of v0 becomes one of v1 that v0 takes as well", () => {
  const v0 =
    'package a\n\nimport future.keywords.in # why\nimport data.b\n\np[x] { x = 1 }\nq["a"]\nr.s { x }\nt = 1\nu.v.w\n';
  const v1 =
    'package a\n\nimport data.b\nimport rego.v1 # why\n\np contains x if x = 1\nq contains "a"\nr contains "s" if x\nt := 1\nu.v.w := true\n';
  assert.equal(formatted(v0, 0, { regoVersion: 1 }), v1);
  assert.equal(formatted(v1), v1);
  assert.equal(formatted(v1, 0), v1);
});

/** Modules of every kind of syntax, for those who change where it breaks. */
const CORPUS: readonly string[] = [
  "package a.b\nimport data.c as d\nimport rego.v1\ndefault p := {1, 2}\np contains x if { some x in [1, 2]; x > 1 }\n",
  'package a\nf(x, [y, z]) := {"k": x, "l": [y, z]} if { x == y + 1; z := -x } else := g(x, {y | y < 1}) if not z\n',
  'package a\np if { every k, v in input.x { v == `r`; k != "s" } with input as {"x": {1}} with data.y as f; -1 == q[_].r["s"] }\n',
  'package a\np.q[r] := $"a{ x }b{ [y | y := 1] }" if { x := {k: (v | w) | v := k; w := set()}; y = [x | x := 1][0] }\n',
  "package a\np if (a | b) == c\nq[x].r contains k if { (k, v in xs) in ys; (a & b) % 2 >= 1 } { k := 1; true }\n",
  "package a\np if { some x, y, z; x = y }\nelse := 1 if { {1} == x } else if { x }\nelse := 2\nq := f(g(1), [h({2})])\nr := 1\n",
];

const GAPS: readonly string[] = [" ", "  ", "\n", "\n\n", "\n\n\n", " # c\n", "\n# d\n", "\n# e\n\n# f\n"];

/** Other blanks between its tokens, wherever it still means the same with them. */
function respaced(text: string, choices: readonly number[]): string {
  const tokens = tokenize(text, "").tokens;
  const meaning = meaningOf(parsed(text));
  let result = text;
  for (let i = tokens.length - 1; i > 0; i--) {
    const [before, next] = [tokens[i - 1], tokens[i]];
    const gap = GAPS[choices[i % choices.length] as number];
    if (!before || !next || gap === undefined) continue;
    const changed = result.slice(0, before.location.end) + gap + result.slice(next.location.start);
    const module = parseModule(changed, { file: "test.rego" });
    if (module.ok && isDeepStrictEqual(meaningOf(module.value), meaning)) result = changed;
  }
  return result;
}

test("wherever lines break and comments stand, nothing is lost and all is settled at once", () => {
  const choice = fc.integer({ min: 0, max: 2 * GAPS.length });
  const choices = fc.array(choice, { minLength: 7, maxLength: 60 });
  fc.assert(
    fc.property(fc.constantFrom(...CORPUS), choices, (text, gaps) => assertFaithful(respaced(text, gaps))),
    { numRuns: 300 },
  );
});

test("no text that is a module is too much", () => {
  const depth = NESTING_MAX - 10;
  const hostile = [
    `p := ${"[".repeat(depth)}${"]".repeat(depth)}`,
    `p := ${"[\n".repeat(depth)}${"1,\n".repeat(20_000)}${"]".repeat(depth)}`,
    `p := ${"1 + ".repeat(depth)}1`,
    `p := ${"{x | y := ".repeat(depth / 2)}1${"}".repeat(depth / 2)}`,
    `p if { ${"x;".repeat(50_000)} y }`,
    `f(${"x,".repeat(2000)}x) if { x }${"{x}".repeat(2000)}`,
    `p if x ${"else if x ".repeat(depth)}`,
    "# c\n".repeat(50_000),
    `p := [ ${"1, # c\n".repeat(20_000)} ]`,
    `p if x\n${"p if x\n".repeat(20_000)}`,
    `${"import data.x ".repeat(20_000)}`,
  ];
  for (const rules of hostile) {
    const text = `package a\n${rules}\n`;
    const written = formatted(text);
    assert.ok(written.length < 40 * text.length);
    assert.equal(formatted(written), written);
  }
});
