import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Body, Else, Expression, Module, Rule, Statement, Term } from "./ast.ts";
import { parseModule, parseQuery, parseTerm } from "./parse.ts";
import { NESTING_MAX } from "./token-reader.ts";

function parsed(text: string, regoVersion: 0 | 1 = 1): Module {
  const module = parseModule(text, { file: "test.rego", regoVersion });
  assert.ok(module.ok, module.ok ? "" : `${text}: ${JSON.stringify(module.error)}`);
  return module.value;
}

/** The rules of a module, written so that one sees how they were understood. */
function rules(text: string, regoVersion: 0 | 1 = 1): readonly string[] {
  return parsed(`package test\n${text}`, regoVersion).rules.map(showRule);
}

function term(text: string): string {
  const read = parseTerm(text);
  assert.ok(read.ok, read.ok ? "" : `${text}: ${JSON.stringify(read.error)}`);
  return show(read.value);
}

function query(text: string): string {
  const read = parseQuery(text);
  assert.ok(read.ok, read.ok ? "" : `${text}: ${JSON.stringify(read.error)}`);
  return showBody(read.value);
}

function show(node: Term): string {
  switch (node.type) {
    case "null":
      return "null";
    case "boolean":
      return String(node.value);
    case "number":
      return node.text;
    case "string":
      return node.form === "name" ? `.${node.value}` : JSON.stringify(node.value);
    case "var":
      return node.name;
    case "reference":
      return `<${[node.head, ...node.path].map(show).join(" ")}>`;
    case "array":
      return `[${node.items.map(show).join(", ")}]`;
    case "set":
      return `set(${node.items.map(show).join(", ")})`;
    case "object":
      return `{${node.entries.map(([key, value]) => `${show(key)}: ${show(value)}`).join(", ")}}`;
    case "call":
      return `(${[node.operator, ...node.args].map(show).join(" ")})`;
    case "comprehension":
      return `${node.of}(${node.key ? `${show(node.key)}: ` : ""}${show(node.value)} | ${showBody(node.body)})`;
    case "template":
      return `$(${node.parts.map((part) => (typeof part === "string" ? JSON.stringify(part) : show(part))).join(" ")})`;
  }
}

function showBody(body: Body): string {
  return body.map(showStatement).join("; ");
}

function showStatement({ isNegated, what, with: modifiers }: Statement): string {
  const changes = modifiers.map(({ target, value }) => ` with ${show(target)} as ${show(value)}`).join("");
  return `${isNegated ? "not " : ""}${showExpression(what)}${changes}`;
}

function showExpression(what: Expression): string {
  switch (what.type) {
    case "term":
      return show(what.term);
    case "unify":
      return `${show(what.left)} = ${show(what.right)}`;
    case "assign":
      return `${show(what.target)} := ${show(what.value)}`;
    case "some":
      return `some ${what.vars.map(show).join(", ")}`;
    case "some-in":
      return `some ${what.key ? `${show(what.key)}, ` : ""}${show(what.value)} in ${show(what.domain)}`;
    case "every":
      return `every ${what.key ? `${show(what.key)}, ` : ""}${show(what.value)} in ${show(what.domain)} { ${showBody(what.body)} }`;
  }
}

function showRule({ isDefault, isChained, head, body, otherwise }: Rule): string {
  const { name, path, args, key, value, operator } = head;
  const parts = [
    isDefault ? "default " : isChained ? "chained " : "",
    [name, ...path.map(show)].join(" "),
    args ? `(${args.map(show).join(", ")})` : "",
    key ? ` contains ${show(key)}` : "",
    value ? ` ${operator} ${show(value)}` : "",
    body ? ` if ${showBody(body)}` : "",
    showElse(otherwise),
  ];
  return parts.join("");
}

function showElse(branch: Else | undefined): string {
  if (branch === undefined) return "";
  const { value, operator, body, otherwise } = branch;
  return ` else${value ? ` ${operator} ${show(value)}` : ""}${body ? ` if ${showBody(body)}` : ""}${showElse(otherwise)}`;
}

test("scalars are what JSON says they are", () => {
  for (const text of ["null", "true", "false", "0", "-1", "1.5e-3", "1E+6", '"a\\nb"']) assert.equal(term(text), text);
  assert.equal(term("- 1"), "-1");
  assert.equal(term(".5"), ".5");
  assert.deepEqual(parseTerm("-.5").ok && parseTerm("-.5"), {
    ok: true,
    value: { type: "number", value: -0.5, text: "-.5", location: { file: "", row: 1, col: 1, start: 0, end: 3 } },
  });
});

test("a minus before a name is subtraction from zero", () => {
  assert.equal(term("-x"), "(minus 0 x)");
  assert.equal(term("1 - -x.y * 2"), "(minus 1 (mul (minus 0 <x .y>) 2))");
  assert.equal(term("1 -1"), "(minus 1 1)");
});

test("operators bind as in OPA: in, comparison, |, &, + -, * / %, each from the left", () => {
  assert.equal(term("a == b | c & d + e * f"), "(equal a (or b (and c (plus d (mul e f)))))");
  assert.equal(term("a * b + c & d | e == f"), "(equal (or (and (plus (mul a b) c) d) e) f)");
  assert.equal(term("a - b - c"), "(minus (minus a b) c)");
  assert.equal(term("a < b != c >= d"), "(gte (neq (lt a b) c) d)");
  assert.equal(term("w % z / x * y"), "(mul (div (rem w z) x) y)");
  assert.equal(term("(a + b) * c"), "(mul (plus a b) c)");
  assert.equal(term("a == b in c"), "(<internal .member_2> (equal a b) c)");
  assert.equal(term("a in b in c"), "(<internal .member_2> (<internal .member_2> a b) c)");
  assert.equal(term("k, v in xs"), "(<internal .member_3> k v xs)");
  assert.equal(term("k, v in xs in ys"), "(<internal .member_2> (<internal .member_3> k v xs) ys)");
});

test("in a list a comma ends an item, and key, value in xs needs brackets", () => {
  assert.equal(term("[1, 2 in xs]"), "[1, (<internal .member_2> 2 xs)]");
  assert.equal(term("[(1, 2 in xs)]"), "[(<internal .member_3> 1 2 xs)]");
  assert.equal(term("f(1, 2 in xs)"), "(f 1 (<internal .member_2> 2 xs))");
  assert.equal(term("x[1, 2 in xs]"), "<x (<internal .member_3> 1 2 xs)>");
});

test("references go through names, brackets and calls", () => {
  assert.equal(term('a.b[0]["c d"][x].e'), '<a .b 0 "c d" x .e>');
  assert.equal(term("a[b[c].d + 1]"), "<a (plus <b c .d> 1)>");
  assert.equal(term("data.lib.f(x).y[0]"), "<(<data .lib .f> x) .y 0>");
  assert.equal(term("foo.bar(1)[0](1).baz"), "<(<(<foo .bar> 1) 0> 1) .baz>");
  assert.equal(term("input.if.in.not"), "<input .if .in .not>");
  assert.equal(term("[1, 2][i]"), "<[1, 2] i>");
  assert.equal(term('{"a": 1}.a'), '<{"a": 1} .a>');
  assert.equal(term("{1 | true}[x]"), "<set(1 | true) x>");
  assert.equal(term("(f(x)).y"), "<(f x) .y>");
  assert.equal(term("contains(a, b)"), "(contains a b)");
  assert.equal(term("f()"), "(f)");
});

test("composites take a comma at their end, and for old policies one at their beginning", () => {
  assert.equal(term("[]"), "[]");
  assert.equal(term("{}"), "{}");
  assert.equal(term("set()"), "set()");
  assert.equal(term("[1, 2,]"), "[1, 2]");
  assert.equal(term("{1, 2,}"), "set(1, 2)");
  assert.equal(term('{"a": 1, b: [2],}'), '{"a": 1, b: [2]}');
  assert.equal(term("[, 1 | 2]"), "[(or 1 2)]");
  assert.equal(term("{, 1 | 2: 3}"), "{(or 1 2): 3}");
});

test("a bar behind the first operand makes a comprehension, unless a list goes on", () => {
  assert.equal(term("[x | x = 1; y]"), "array(x | x = 1; y)");
  assert.equal(term("{x | some x\n y}"), "set(x | some x; y)");
  assert.equal(term("{a + 1: b | c}"), "object((plus a 1): b | c)");
  assert.equal(term("[x | k, v in xs]"), "array(x | (<internal .member_3> k v xs))");
  assert.equal(term("[x | y, z]"), "[(or x y), z]");
  assert.equal(term("{x | y,}"), "set((or x y))");
  assert.equal(term("{x: y | z, a: b}"), "{x: (or y z), a: b}");
  assert.equal(term("[1 + 2 | 3]"), "[(or (plus 1 2) 3)]");
  assert.equal(term("[x | [y | z, 1], 2]"), "[(or x [(or y z), 1]), 2]");
});

test("a template string keeps its texts and its terms", () => {
  assert.equal(term('$"a {x} b {y + 1}\\n"'), '$("a " x " b " (plus y 1) "\\n")');
  assert.equal(term("$`{x}\\n\\{`"), '$(x "\\\\n{")');
  assert.equal(term('$"{[$"{y}" | y]}"'), "$(array($(y) | y))");
  assert.equal(term('$"{k, v in xs}"'), "$((<internal .member_3> k v xs))");
});

test("with in a template string becomes a term that is undefined when its subject is", () => {
  assert.equal(term('$"{x.y with input as 1}"'), "$(<array($ | $ = <x .y> with input as 1) 0>)");
});

test("statements are separated by semicolons or newlines", () => {
  assert.equal(query("x := 1; data.foo[y]"), "x := 1; <data .foo y>");
  assert.equal(query("x = 1 # one\n y # two\n"), "x = 1; y");
  assert.equal(query("f(x)\n [1]"), "(f x); [1]");
  assert.equal(query("input\n {1}"), "input; set(1)");
});

test("a statement may be negated, and change what it is evaluated with", () => {
  assert.equal(query("not x = y"), "not x = y");
  assert.equal(
    query("not p with input.a as 1 + 2\n with data.x as k, v in xs with time.now_ns as f"),
    "not p with <input .a> as (plus 1 2) with <data .x> as (<internal .member_3> k v xs) with <time .now_ns> as f",
  );
});

test("some declares names, or takes them from a collection", () => {
  assert.equal(query("some x, _,\n y"), "some x, _, y");
  assert.equal(query("some x\n in.y"), "some x; <in .y>");
  assert.equal(query('some {"a": x}, [y] in f(z) with input as 1'), 'some {"a": x}, [y] in (f z) with input as 1');
  assert.equal(query("some x in xs == ys"), "some x in (equal xs ys)");
});

test("every says what holds of each member", () => {
  assert.equal(query("every x in xs { x > 1; y }"), "every x in xs { (gt x 1); y }");
  assert.equal(
    query("every k, v in {1: 2} { k\n v } with input as 1"),
    "every k, v in {1: 2} { k; v } with input as 1",
  );
});

test("a keyword directly before a dot or a bracket is a name where a statement begins", () => {
  assert.equal(query('if.foo == 1; not.x; every["y"]'), '(equal <if .foo> 1); <not .x>; <every "y">');
  assert.deepEqual(rules("default.x := 1\nelse.y if not.z\ndefault if.a := 2"), [
    "default .x := 1",
    "else .y if <not .z>",
    "default if .a := 2",
  ]);
});

test("a module has a package, imports and rules", () => {
  const module = parsed(
    'package a.b["c d"].if\nimport rego.v1\nimport data.x["y z"] as w\nimport input\nimport future.keywords.in\np := 1',
  );
  assert.deepEqual(module.package.path, ["a", "b", "c d", "if"]);
  assert.deepEqual(
    module.imports.map(({ path, alias }) => [...path, `as ${alias}`]),
    [
      ["rego", "v1", "as undefined"],
      ["data", "x", "y z", "as w"],
      ["input", "as undefined"],
      ["future", "keywords", "in", "as undefined"],
    ],
  );
  assert.equal(module.regoVersion, 1);
});

test("a rule's head is a name or a path, with a value, a key or parameters", () => {
  assert.deepEqual(
    rules(`
      a := 1
      b = x if x := 2
      c if true
      d.e[x].f := 1 if x := "g"
      h contains x if some x in [1]
      i.j contains 1
      k(x, [1, _]) := x if x
      l.m(x) if x
      is_known("a")
      n [x] := 1 if x := 1
      o (x) := 1 if x
      default q := {"r": [1, set(), {s | s := 1}]}
      default t(_, u) := 1
      default v
      contains.w := 1`),
    [
      "a := 1",
      "b = x if x := 2",
      "c if true",
      'd .e x .f := 1 if x := "g"',
      "h contains x if some x in [1]",
      "i .j contains 1",
      "k(x, [1, _]) := x if x",
      "l .m(x) if x",
      'is_known("a")',
      "n x := 1 if x := 1",
      "o(x) := 1 if x",
      'default q := {"r": [1, set(), set(s | s := 1)]}',
      "default t(_, u) := 1",
      "default v",
      "contains .w := 1",
    ],
  );
});

test("the body of a rule is one statement, or several in braces", () => {
  assert.deepEqual(
    rules(`
      a if not x with input as 1
      b if {
        x := 1
        y
      }
      c if { true }
      d if { x == 1 } { y }
      e if {"a": 1}.a
      f if {x | y} == {1}
      g if every x in xs { y }
      h if some x in xs`),
    [
      "a if not x with input as 1",
      "b if x := 1; y",
      "c if true",
      "d if (equal x 1)",
      "chained d if y",
      'e if <{"a": 1} .a>',
      "f if (equal set(x | y) set(1))",
      "g if every x in xs { y }",
      "h if some x in xs",
    ],
  );
});

test("else branches follow each other", () => {
  assert.deepEqual(rules("p := 1 if { a } else := 2 if b\nelse if { c } else = 3"), [
    "p := 1 if a else := 2 if b else if c else = 3",
  ]);
});

test("rules need no newline between them", () => {
  assert.deepEqual(rules("p := 1 q := 2 r if { true } s := 3"), ["p := 1", "q := 2", "r if true", "s := 3"]);
});

test("in v0 bodies need no if, and a bracket makes a partial set", () => {
  assert.deepEqual(
    rules(
      `
      p { x }
      p[x] { x := 1 } { x := 2 }
      p[x] = y { y := x }
      f(x) = y { y := x } else = 1 { true }
      g(x) { x }
      q["a"]
      q.r
      q.r.s
      default t = 1
      if { contains }
      in := every
      h() = 1 { true }`,
      0,
    ),
    [
      "p if x",
      "p contains x if x := 1",
      "chained p contains x if x := 2",
      "p x = y if y := x",
      "f(x) = y if y := x else = 1 if true",
      "g(x) if x",
      'q contains "a"',
      "q contains .r",
      "q .r .s",
      "default t = 1",
      "if if contains",
      "in := every",
      "h = 1 if true",
    ],
  );
});

test("in v0 imports bring the keywords, and rego.v1 the rules of v1", () => {
  const old = parsed(
    "package a\nimport future.keywords.if\nimport future.keywords.every\np[x] if every y in x { y }",
    0,
  );
  assert.deepEqual([old.regoVersion, ...old.rules.map(showRule)], [0, "p x if every y in x { y }"]);
  const current = parsed("package a\nimport rego.v1\np contains x if x in [1]", 0);
  assert.equal(current.regoVersion, 1);
  const strict = parseModule("package a\nimport rego.v1\np { true }", { file: "", regoVersion: 0 });
  assert.deepEqual(!strict.ok && strict.error.map(({ message }) => message), [
    "`if` keyword is required before rule body",
  ]);
});

test("a node's location covers exactly what was written", () => {
  const text = "package a\n\ndefault p := [1]\n\np := f(x.y, 2) + 3 if {\n\tsome x in input # c\n} else := 2\n";
  const { rules: all } = parsed(text);
  const cut = ({ location: { start, end } }: Pick<Rule, "location">): string => text.slice(start, end);
  const [first, second] = all as [Rule, Rule];
  assert.equal(cut(first), "default p := [1]");
  assert.equal(cut(second), text.slice(text.indexOf("p := f"), -1));
  assert.equal(cut(second.head), "p := f(x.y, 2) + 3");
  assert.equal(cut(second.head.value as Term), "f(x.y, 2) + 3");
  assert.equal(cut((second.body as Body)[0] as Statement), "some x in input");
  assert.equal(cut(second.otherwise as Else), "else := 2");
  assert.deepEqual(second.location, { file: "test.rego", row: 5, col: 1, start: 29, end: text.length - 1 });
});

const NESTED: readonly (readonly [string, string])[] = [
  ["[", "]"],
  ["{1: ", "}"],
  ["(", ")"],
  ["f(", ")"],
  ["x[", "]"],
  ["[1 | ", "]"],
  ['$"{', '}"'],
  ["[1 | every x in y { ", " }]"],
  ["1 == 1 + (", ")"],
  ["[x | y, ", "]"],
  ["(a, b in ", ")"],
];

test("terms nest to a limit, and beyond it are refused without a stack overflow", () => {
  const nested = (open: string, close: string, depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`;
  for (const [open, close] of NESTED) {
    assert.ok(parseTerm(nested(open, close, 60)).ok, open);
    for (const text of [nested(open, close, NESTING_MAX + 1), open.repeat(50_000)]) {
      const refused = parseTerm(text);
      assert.match(refused.ok ? "accepted" : (refused.error[0]?.message ?? ""), /^nesting too deep/, open);
    }
  }
});

test("a chain nests to the left, and has the same limit", () => {
  assert.ok(parseTerm(`1${" + 1".repeat(NESTING_MAX - 1)}`).ok);
  for (const link of [" + 1", " in x", " == 1 | 2"]) assert.ok(!parseTerm(`1${link.repeat(NESTING_MAX + 1)}`).ok);
  assert.ok(!parseTerm(`a${".b(1)[0]".repeat(NESTING_MAX + 1)}`).ok);
  assert.ok(!parseModule(`package a\np if x${" else if y".repeat(NESTING_MAX + 1)}`, { file: "" }).ok);
  // Neighbours do not add up.
  assert.ok(parseQuery("x == 1 + 2\n".repeat(NESTING_MAX)).ok);
});

test("trials inside trials cost no more than one reading", () => {
  const nested = (open: string, middle: string, close: string): boolean =>
    parseTerm(`${open.repeat(60)}${middle}${close.repeat(60)}`).ok;
  // Twice the work for each level would take until the end of the universe.
  assert.ok(nested("[x | ", "1", ", 1]"));
  assert.ok(nested("[x | y, ", "1", "]"));
  assert.ok(nested("{x: y | ", "1", ", 1: 2}"));
  assert.ok(!nested("[x | y, ", "!", "]"));
});

test("a module that is damaged anywhere is read or refused, with positions inside the text", () => {
  const module = `package a.b
import data.x as y
# METADATA
# title: t
p.q[x].r := y + 1 if { some x, y in input.a; not x.if; z := 1 with input as 2 }
f(x, [1, _]) := $"a {x} b" if x == 1
q contains {"k": x} | {1, 2} if x in [1, 2, 3,] else := -2.5e3
m := [1 | 2, 3] if { every k, v in a { k != v } } { b["c"] }
`;
  const piece = fc.constantFrom(
    ...'if contains in every some not with as else default := = == | & + - * ( ) [ ] { } , : ; . x 1 _ # " ` $ \\ \0 \ud800'.split(
      " ",
    ),
    "\n",
    '$"{',
    "# METADATA\n# - [",
  );
  const edit = fc.record({ at: fc.nat(module.length), length: fc.nat(12), piece });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), fc.constantFrom(0, 1), (edits, regoVersion) => {
      let text = module;
      for (const { at, length, piece: inserted } of edits)
        text = text.slice(0, at) + inserted + text.slice(at + length);
      const read = parseModule(text, { file: "", regoVersion });
      if (read.ok) return;
      assert.ok(read.error.length >= 1 && read.error.length <= 10);
      for (const { message, location } of read.error) {
        const { row, col, start, end } = location;
        assert.ok(message !== "" && start >= 0 && start <= end && end <= text.length, JSON.stringify(location));
        const lines = text.slice(0, start).split("\n");
        assert.deepEqual([row, col], [lines.length, [...(lines.at(-1) as string).replace("\ufeff", "")].length + 1]);
      }
    }),
    { numRuns: 500 },
  );
});
