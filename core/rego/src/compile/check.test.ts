import assert from "node:assert/strict";
import { test } from "node:test";
import { BUILTINS } from "../builtins/registry.ts";
import { parseModule, parseQuery } from "../syntax/parse.ts";
import { type CompileOptions, compileModules, compileQuery } from "./compile.ts";

interface Refused {
  /** What is refused. */
  readonly what: string;
  readonly policy: string;
  /** `row:col code message`, the first line of each. */
  readonly errors: readonly string[];
  /** The same policy without the mistake. */
  readonly twin: string;
}

const DECLARATIONS: readonly Refused[] = [
  {
    what: "a variable that is assigned twice in one body",
    policy: `p if { x := 1; x := 2 }`,
    errors: [`3:16 rego_compile_error var x assigned above`],
    twin: `p if { x := 1; y := 2; x < y }`,
  },
  {
    what: "a variable that is mentioned before its declaration",
    policy: `p if { x = 1; x := 2 }`,
    errors: [`3:15 rego_compile_error var x referenced above`],
    twin: `p if { x := 2; x == 2 }`,
  },
  {
    what: "a variable that is assigned to itself",
    policy: `p if { x := x }`,
    errors: [`3:8 rego_compile_error var x referenced above`],
    twin: `p if { x := 1; y := [x | x := 2]; y != x }`,
  },
  {
    what: "a variable that a loop declares and its body declares again",
    policy: `p if { every x in [1] { x := 1 } }`,
    errors: [`3:25 rego_compile_error var x declared above`],
    twin: `p if { every x in [1] { y := x; y == 1 } }`,
  },
  {
    what: "a key that is also mentioned by a comprehension in its statement",
    policy: `p if { x := 1; input.o[x] == {x | input.y} }`,
    errors: [`3:16 rego_unsafe_var_error var x is unsafe`],
    twin: `p if { x := 1; y := {x | input.y}; input.o[x] == y }`,
  },
  {
    what: "an argument that is declared again",
    policy: `f(x) if { some x in [1] }`,
    errors: [`3:11 rego_compile_error arg x redeclared`],
    twin: `f(x) if { some y in [1]; y == x }`,
  },
  {
    what: "a variable that enumerates the collection that it stands in",
    policy: `p if { some x in [x] }`,
    errors: [`3:8 rego_compile_error var x assigned before`],
    twin: `p if { x := 1; some y in [x]; y == 1 }`,
  },
  {
    what: "a body inside the collection that mentions what the loop declares",
    policy: `p := [x | some x in {y | y := x}]`,
    errors: [`3:11 rego_unsafe_var_error var x is unsafe`],
    twin: `p := [x | some x in {y | x := 1; y := x}]`,
  },
  {
    what: "a declared variable that nothing mentions",
    policy: `p if { some x; input.y }`,
    errors: [`3:8 rego_compile_error declared var x unused`],
    twin: `p if { some x; input.y[x] }`,
  },
  {
    what: "the key of a loop that nothing mentions",
    policy: `p if { every k, v in [1] { v == 1 } }`,
    errors: [`3:28 rego_compile_error declared var k unused`],
    twin: `p if { every _, v in [1] { v == 1 } }`,
  },
  {
    what: "an assignment that is negated",
    policy: `p if { not x := 1 }`,
    errors: [`3:8 rego_compile_error cannot assign vars inside negated expression`],
    twin: `p if { x := 1; not x == 2 }`,
  },
  {
    what: "an assignment to what is no pattern",
    policy: `p if { [x, 1] := [1, 1] }`,
    errors: [`3:12 rego_compile_error cannot assign to number`],
    twin: `p if { [x, _] := [1, 1]; x == 1 }`,
  },
  {
    what: "a call of a function whose name a variable has taken",
    policy: `p if { count := 1; x := count([1]); x == count }`,
    errors: [`3:25 rego_compile_error called function count shadowed`],
    twin: `p if { n := 1; x := count([1]); x == n }`,
  },
  {
    what: "an argument in the place of a root document",
    policy: `f([input]) := 1`,
    errors: [`3:1 rego_compile_error args must not shadow input (use a different variable name)`],
    twin: `f([x]) := x`,
  },
  {
    what: "a variable in the place of a root document",
    policy: `p if { input := 1; input == 1 }`,
    errors: [`3:8 rego_compile_error variables must not shadow input (use a different variable name)`],
    twin: `p if { x := input; x == 1 }`,
  },
  {
    what: "a rule in the place of a root document",
    policy: `input := 1`,
    errors: [`3:1 rego_compile_error rules must not shadow input (use a different rule name)`],
    twin: `p := input`,
  },
  {
    what: "an import in the place of another",
    policy: `import data.a.x\nimport data.b.x\np := x`,
    errors: [`4:1 rego_compile_error import must not shadow import data.a.x`],
    twin: `import data.a.x\nimport data.b.x as y\np := x + y`,
  },
];

const RULES: readonly Refused[] = [
  {
    what: "a value and a set of one name",
    policy: `p := 1\np contains 2`,
    errors: [`3:1 rego_type_error conflicting rules data.t.p found`],
    twin: `p contains 1\np contains 2`,
  },
  {
    what: "functions of one name that take different numbers of operands",
    policy: `f(x) := x\nf(x, y) := x + y`,
    errors: [`3:1 rego_type_error conflicting rules data.t.f found`],
    twin: `f(x) := x\ng(x, y) := x + y`,
  },
  {
    what: "a value with a rule inside it",
    policy: `p.q := {"a": 1}\np.q.r := 2`,
    errors: [`3:1 rego_type_error rule data.t.p.q conflicts with:`],
    twin: `p.q[x] := 1 if x := "a"\np.q.r := 2`,
  },
  {
    what: "a rule with two defaults",
    policy: `default p := 1\ndefault p := 2`,
    errors: [`1:1 rego_type_error multiple default rules data.t.p found at t.rego:3, t.rego:4`],
    twin: `default p := 1\np := 2 if input.x`,
  },
];

const CALLS: readonly Refused[] = [
  {
    what: "a call of a function that is not there",
    policy: `p if { data.lib.f(1) }`,
    errors: [`3:8 rego_type_error undefined function data.lib.f`],
    twin: `p if { f(1) }\nf(x) if x == 1`,
  },
  {
    what: "a negated call of a builtin that is not there",
    policy: `p if { not foo.bar(1) }`,
    errors: [`3:8 rego_type_error undefined function foo.bar`],
    twin: `p if { not startswith("a", "b") }`,
  },
  {
    what: "a builtin with too many operands",
    policy: `p if { x := count(1, 2); x == 1 }`,
    errors: [`3:13 rego_type_error count: arity mismatch`],
    twin: `p if { x := count([1, 2]); x == 1 }`,
  },
  {
    what: "a function with too few operands",
    policy: `f(x, y) := x + y\np if { f(1) }`,
    errors: [`4:8 rego_type_error function data.t.f has arity 2, got 1 argument`],
    twin: `f(x, y) := x + y\np if { f(1, 2) }`,
  },
  {
    what: "a function that gives nothing, in the place of a value",
    policy: `p := print("a")`,
    errors: [`3:6 rego_type_error print("a") used as value`],
    twin: `p := 1 if { print("a") }`,
  },
  {
    what: "a deprecated builtin in a module of Rego v1",
    policy: `p := any([true])`,
    errors: [`3:6 rego_type_error deprecated built-in function calls in expression: any`],
    twin: `p := true in [true]`,
  },
  {
    what: "a part of a rule that is replaced",
    policy: `r := {"a": 1}\np if { r with r.a as 2 }`,
    errors: [`4:15 rego_compile_error with keyword cannot partially replace virtual document(s)`],
    twin: `r := {"a": 1}\np if { r.a == 2 with r as {"a": 2} }`,
  },
  {
    what: "a replacement of what is no document and no function",
    policy: `p if { input.x with foo as 1 }`,
    errors: [`3:21 rego_type_error with keyword target must reference existing input, data, or a function`],
    twin: `p if { input.x with input as {"x": 1} }`,
  },
  {
    what: "a relation that is replaced",
    policy: `p if { input.x with walk as 1 }`,
    errors: [`3:21 rego_compile_error with keyword replacing built-in function: target must not be a relation`],
    twin: `p if { count(input.x) == 3 with count as 3 }`,
  },
  {
    what: "a function that is replaced by one of another arity",
    policy: `f(x) := x\np if { count([1]) == 1 with count as g }\ng(x, y) := [x, y]`,
    // The comparison, and the call in it.
    errors: [`4:24 rego_type_error count: arity mismatch`, `4:24 rego_type_error count: arity mismatch`],
    twin: `f(x) := 2\np if { count([1]) == 2 with count as f }`,
  },
];

const SAFETY: readonly Refused[] = [
  {
    what: "a variable that nothing binds",
    policy: `p if { y := x + 1; y == 2 }`,
    errors: [`3:13 rego_unsafe_var_error var x is unsafe`],
    twin: `p if { y := x + 1; y == 2; x = 1 }`,
  },
  {
    what: "a variable in a head that the body does not mention",
    policy: `p contains x if { input.y }`,
    errors: [`3:12 rego_unsafe_var_error var x is unsafe`],
    twin: `p contains x if { input.y[x] }`,
  },
  {
    what: "a variable that only a negated statement mentions",
    policy: `p if { not input.x[i]; i > 3 }`,
    errors: [`3:8 rego_unsafe_var_error var i is unsafe`],
    twin: `p if { some i in [1, 2]; not input.x[i] }`,
  },
  {
    what: "a wildcard in a negated statement",
    policy: `p if { not input.x[_] }`,
    errors: [`3:8 rego_unsafe_var_error var _ is unsafe`],
    twin: `p if { not q }\nq if input.x[_]`,
  },
  {
    what: "a variable inside a comprehension that nothing binds",
    policy: `p := [x | x > 1]`,
    errors: [`3:11 rego_unsafe_var_error var x is unsafe`],
    twin: `p := [x | some x in [1, 2]; x > 1]`,
  },
  {
    what: "a variable that its own comprehension would have to give",
    policy: `p if { x = [y | y = x] }`,
    errors: [`3:8 rego_unsafe_var_error var x is unsafe`],
    twin: `p if { x = [y | y = 1]; x == [1] }`,
  },
  {
    what: "the domain of a loop that nothing binds",
    policy: `p if { every x in xs { x == 1 } }`,
    errors: [`3:19 rego_unsafe_var_error var xs is unsafe`],
    twin: `p if { xs := [1]; every x in xs { x == 1 } }`,
  },
  {
    what: "a variable that is printed before it is bound",
    policy: `p if { print(x); x = 1 }`,
    errors: [`3:14 rego_compile_error var x is undeclared`],
    twin: `p if { x = 1; print(x) }`,
  },
  {
    what: "a template string that shows what nothing binds",
    policy: `p := $"a {input.y[x]}"`,
    errors: [`3:11 rego_compile_error var x is undeclared`],
    twin: `p := $"a {input.y[x]}" if x := 1`,
  },
  {
    what: "variables of two rules in one line, by the names of the rules",
    policy: `p if { x == 1 } q if { y == 1 }`,
    errors: [
      `3:8 rego_unsafe_var_error var x is unsafe in rule p`,
      `3:24 rego_unsafe_var_error var y is unsafe in rule q`,
    ],
    twin: `p if { x = 1 } q if { y = 1 }`,
  },
  {
    what: "a rule that needs its own value",
    policy: `p if not q\nq if p`,
    errors: [
      `3:1 rego_recursion_error rule data.t.p is recursive: data.t.p -> data.t.q -> data.t.p`,
      `4:1 rego_recursion_error rule data.t.q is recursive: data.t.q -> data.t.p -> data.t.q`,
    ],
    twin: `p if not q\nq if input.x`,
  },
  {
    what: "a function that calls itself",
    policy: `f(x) := f(x - 1) if x > 0`,
    errors: [`3:1 rego_recursion_error rule data.t.f is recursive: data.t.f -> data.t.f`],
    twin: `f(x) := x - 1 if x > 0`,
  },
  {
    what: "a rule that may be what its own reference asks for",
    policy: `p if data[input.x].p`,
    errors: [
      `3:1 rego_recursion_error rule data.t.p may be recursive: data.t.p -> data.t.p (data[input.x].p could refer to data.t.p)`,
    ],
    twin: `p if data.lib[input.x].p`,
  },
];

const TYPES: readonly Refused[] = [
  {
    what: "an operand of a type that a builtin does not take",
    policy: `p := startswith("a", 1)`,
    errors: [`3:6 rego_type_error startswith: invalid argument(s)`],
    twin: `p := startswith("a", "b")`,
  },
  {
    what: "an operand whose type follows from another rule",
    policy: `p := count(q)\nq := 1`,
    errors: [`3:6 rego_type_error count: invalid argument(s)`],
    twin: `p := count(q)\nq := [1]`,
  },
  {
    what: "a result of a function of ours that is used as something else",
    policy: `p := f(1) + 1\nf(x) := concat("", [x, "a"]) if x`,
    errors: [`3:6 rego_type_error data.t.f: invalid argument(s)`],
    twin: `p := f("1") + 1\nf(x) := to_number(x)`,
  },
  {
    what: "values that can never be equal",
    policy: `p if { "a" == 1 }`,
    errors: [`3:8 rego_type_error match error`],
    twin: `p if { "a" == input.x }`,
  },
  {
    what: "arrays of different lengths that should match",
    policy: `p if { [1, input.x] == [1] }`,
    errors: [`3:8 rego_type_error match error`],
    twin: `p if { [1, input.x] == [1, 2] }`,
  },
  {
    what: "a member that a collection cannot have",
    policy: `p if { "a" in [1, 2] }`,
    errors: [`3:8 rego_type_error match error`],
    twin: `p if { 1 in [1, 2] }`,
  },
  {
    what: "a member that a rule does not have",
    policy: `p := q.b\nq := {"a": 1}`,
    errors: [`3:6 rego_type_error undefined ref: data.t.q.b`],
    twin: `p := q.a\nq := {"a": 1}`,
  },
  {
    what: "a member of what has none",
    policy: `p := q.b\nq := 1`,
    errors: [`3:6 rego_type_error undefined ref: data.t.q.b`],
    twin: `p := q.b\nq := input.x`,
  },
  {
    what: "an index of a type that a rule's keys are not of",
    policy: `p if { x := true; q[x] == 1 }\nq := {"a": 1}`,
    errors: [`3:19 rego_type_error undefined ref: data.t.q[x]`],
    twin: `p if { x := "a"; q[x] == 1 }\nq := {"a": 1}`,
  },
  {
    what: "a function that is not called",
    policy: `p := f\nf(x) := x`,
    errors: [`3:6 rego_type_error function data.t.f used as reference, not called`],
    twin: `p := f(1)\nf(x) := x`,
  },
  {
    what: "a mistake inside a comprehension",
    policy: `p := [y | x := "a"; y := x + 1]`,
    errors: [`3:26 rego_type_error plus: invalid argument(s)`],
    twin: `p := [y | x := 1; y := x + 1]`,
  },
  {
    what: "a mistake once, where it is: not again where it is needed",
    policy: `p := q + 1\nq := "a" + 1`,
    errors: [`4:6 rego_type_error plus: invalid argument(s)`],
    twin: `p := q + 1\nq := 1 + 1`,
  },
  {
    what: "what a rule is by one of its definitions only",
    policy: `p := q + 1\nq := "a" if input.x\nq := true if input.y`,
    errors: [`3:6 rego_type_error plus: invalid argument(s)`],
    twin: `p := q + 1\nq := "a" if input.x\nq := 1 if input.y`,
  },
];

const ALL: readonly Refused[] = [...DECLARATIONS, ...RULES, ...CALLS, ...SAFETY, ...TYPES];

for (const { what, policy, errors, twin } of ALL) {
  test(`refuses ${what}`, () => {
    assert.deepEqual(check(policy), errors);
    assert.deepEqual(check(twin), []);
  });
}

test("the first line of a mistake in types is followed by what there is and what there should be", () => {
  assert.deepEqual(messages(`p := startswith("a", 1)`), [
    "startswith: invalid argument(s)\n\thave: (string, number, ???)\n\twant: (string, string, boolean)",
  ]);
  assert.deepEqual(messages(`p if { "a" == 1 }`), ["match error\n\tleft  : string\n\tright : number"]);
  assert.deepEqual(messages(`p := q.b\nq := {"a": 1}`), [
    `undefined ref: data.t.q.b\n\tdata.t.q.b\n\t         ^\n\t         have: "b"\n\t         want (one of): ["a"]`,
  ]);
  assert.deepEqual(messages(`p := count(1, 2)`), [
    "count: arity mismatch\n\thave: (number, number, ???)\n\twant: (any<string, array[any], object[any: any], set[any]>)",
  ]);
});

test("types nested in a long line are left out", () => {
  const [message] = messages(`p if { {"a": {"b": {"c": {"d": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}}}} == 1 }`);
  assert.equal(message, "match error\n\tleft  : object<a: object<...>>\n\tright : number");
});

test("what keeps later stages from going on is told with what was found before, and nothing after it", () => {
  const policy = `import data.a.x\nimport data.b.x\np if { y := x; y := 1 }\nq := startswith("a", 1)`;
  assert.deepEqual(check(policy), [
    "4:1 rego_compile_error import must not shadow import data.a.x",
    "5:16 rego_compile_error var y assigned above",
  ]);
});

test("at most ten errors are told", () => {
  const policy = Array.from({ length: 12 }, (_, index) => `p${index} := startswith("a", ${index})`).join("\n");
  assert.equal(check(policy).length, 10);
});

const UNUSED: readonly Refused[] = [
  {
    what: "an import that nothing mentions",
    policy: `import data.a as b\np := 1`,
    errors: [`3:1 rego_compile_error import data.a as b unused`],
    twin: `import data.a as b\np := b`,
  },
  {
    what: "an argument that nothing mentions",
    policy: `f(x, y) := 1 if { true } else := x`,
    errors: [`3:1 rego_compile_error unused argument y. (hint: use _ (wildcard variable) instead)`],
    twin: `f(x, _) := 1 if { true } else := x`,
  },
  {
    what: "a variable that is assigned for nothing",
    policy: `p if { x := 1 }`,
    errors: [`3:8 rego_compile_error assigned var x unused`],
    twin: `p if { x := 1; x == 1 }`,
  },
];

for (const { what, policy, errors, twin } of UNUSED) {
  test(`a strict check refuses ${what}, and no other check does`, () => {
    assert.deepEqual(check(policy, { isStrict: true }), errors);
    assert.deepEqual(check(policy), []);
    assert.deepEqual(check(twin, { isStrict: true }), []);
  });
}

test("modules of the old syntax may shadow roots and imports, and call what is deprecated", () => {
  const policy = `import data.a.x\nimport data.b.x\np { input := any([x]); input }`;
  assert.deepEqual(check(policy, {}, 0), []);
});

test("a package cannot lie where a rule is", () => {
  const errors = checkAll({ "a.rego": "package a\n\nb.c := 1", "b.rego": "package a.b.c\n\nd := 1" });
  assert.deepEqual(errors, [
    "1:1 rego_type_error package a.b.c conflicts with rule b.c defined at a.rego:3",
    "3:1 rego_type_error rule data.a.b.c conflicts with:",
  ]);
  assert.deepEqual(checkAll({ "a.rego": "package a\n\nb.c := 1", "b.rego": "package a.b.d\n\nd := 1" }), []);
});

test("what two modules say of one package is refused", () => {
  const annotated = "# METADATA\n# title: a\npackage a";
  const errors = checkAll({ "a.rego": annotated, "b.rego": annotated });
  assert.deepEqual(errors, ["1:1 rego_type_error package annotation redeclared: a.rego:1"]);
});

test("with a document replaced, what it is and what needs it may be anything", () => {
  assert.deepEqual(check(`p if { q.b with data.t.q as {"b": 1} }\nq := {"a": 1}`), []);
  assert.deepEqual(check(`p if { r.b with data.t.q as 1 }\nq := {"a": 1}\nr := q`), []);
});

test("a variable that only bodies inside mention is one of each of them", () => {
  assert.deepEqual(check(`p if { some i; x := [y | y := [1, 2][i]]; count(x) == 2 }`), []);
});

test("a query is checked as a rule is", () => {
  assert.deepEqual(checkQuery(`p := 1`, "x := data.t.p; x := 2"), ["1:16 rego_compile_error var x assigned above"]);
  assert.deepEqual(checkQuery(`p := 1`, "startswith(data.t.p, 1)"), [
    "1:1 rego_type_error startswith: invalid argument(s)",
  ]);
  assert.deepEqual(checkQuery(`p := 1`, "y > 1"), ["1:1 rego_unsafe_var_error var y is unsafe"]);
  assert.deepEqual(checkQuery(`p := 1`, "x := data.t.p; x > 1"), []);
});

function check(policy: string, options: CompileOptions = {}, regoVersion: 0 | 1 = 1): readonly string[] {
  return checkAll({ "t.rego": `package t\n\n${policy}` }, options, regoVersion);
}

function checkAll(
  files: { readonly [name: string]: string },
  options: CompileOptions = {},
  regoVersion: 0 | 1 = 1,
): readonly string[] {
  const compiled = compileModules(parse(files, regoVersion), BUILTINS, options);
  return compiled.ok ? [] : compiled.error.map(toLine);
}

function checkQuery(policy: string, query: string): readonly string[] {
  const compiled = compileModules(parse({ "t.rego": `package t\n\n${policy}` }, 1), BUILTINS);
  const body = parseQuery(query);
  assert.ok(compiled.ok && body.ok);
  const checked = compileQuery(compiled.value, body.value);
  return checked.ok ? [] : checked.error.map(toLine);
}

function messages(policy: string): readonly string[] {
  const compiled = compileModules(parse({ "t.rego": `package t\n\n${policy}` }, 1), BUILTINS);
  return compiled.ok ? [] : compiled.error.map(({ message }) => message);
}

function parse(files: { readonly [name: string]: string }, regoVersion: 0 | 1) {
  return Object.entries(files).map(([file, text]) => {
    const parsed = parseModule(text, { file, regoVersion });
    assert.ok(parsed.ok, JSON.stringify(parsed));
    return parsed.value;
  });
}

function toLine({
  code,
  message,
  location: { row, col },
}: {
  code: string;
  message: string;
  location: { row: number; col: number };
}) {
  return `${row}:${col} ${code} ${message.split("\n")[0]}`;
}
