import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { InvariantError } from "@vedette/base";
import { BUILTINS } from "../builtins/registry.ts";
import { closures } from "../evaluate/closures.ts";
import { javascript } from "../evaluate/javascript.ts";
import { createRegoPolicy } from "../evaluate/query.ts";
import { testCompile } from "../evaluate/query-fixture.test.ts";
import { parseModule, parseQuery } from "../syntax/parse.ts";
import { compileModules, compileQuery } from "./compile.ts";
import type { Block, Expression, Procedure, Program } from "./ir.ts";
import { optimise } from "./optimise.ts";
import { requireInput } from "./require-input.ts";
import { type QueryBlock, verifyProgram } from "./verify-program.ts";

const SUITE = join(
  process.env["VEDETTE_VECTORS"] ?? join(import.meta.dirname, "../../../../../shared/vectors"),
  "rego/v1",
);
const suiteMissing = existsSync(SUITE) ? false : `no vectors at ${SUITE}: set VEDETTE_VECTORS`;

interface SuiteCase {
  readonly note: string;
  readonly query: string;
  readonly modules?: readonly string[];
  readonly data?: unknown;
}

function readCases(): readonly SuiteCase[] {
  return readdirSync(SUITE).flatMap((category) =>
    readdirSync(join(SUITE, category)).flatMap((file) => {
      const { cases }: { readonly cases: readonly SuiteCase[] } = JSON.parse(
        readFileSync(join(SUITE, category, file), "utf8"),
      );
      return cases;
    }),
  );
}

function compileSuiteCase(
  texts: readonly string[],
  query: string,
): { readonly program: Program; readonly queries: readonly QueryBlock[] } | undefined {
  const modules = texts.map((text, index) => parseModule(text, { file: `${index}.rego` }));
  const compiled = compileModules(
    modules.flatMap((module) => (module.ok ? [module.value] : [])),
    BUILTINS,
  );
  const body = parseQuery(query);
  if (!compiled.ok || !body.ok) return undefined;
  const compiledQuery = compileQuery(compiled.value, body.value);
  if (!compiledQuery.ok) return undefined;
  return { program: compiledQuery.value.program, queries: [compiledQuery.value] };
}

test("every program of OPA's suite is sound, before and after it is optimised or asks for its input", {
  skip: suiteMissing,
}, () => {
  let count = 0;
  for (const { note, query, modules = [], data } of readCases()) {
    const made = compileSuiteCase(modules, query);
    if (made === undefined) continue;
    count++;
    const documents = (data ?? {}) as { readonly [key: string]: never };
    assert.deepEqual(verifyProgram(made.program, made.queries), [], note);
    assert.deepEqual(verifyProgram(optimise(made.program, documents)), [], `${note}, optimised`);
    assert.deepEqual(verifyProgram(optimise(requireInput(made.program), documents)), [], `${note}, asking`);
  }
  assert.ok(count > 1_500, `only ${count} cases compiled`);
});

function setupProgram(): Program {
  const made = compileSuiteCase(
    [
      `package a
import rego.v1
f(x) := count(x)
p contains x if some x in input.list
q[k] := v if { some k, v in data.b }
r if { every x in p { x > 0 } } else := false
s := v if { v := f([1]) with f as 2 }
t := v if { v := f(p) with count as sum }`,
      "package b.c\nimport rego.v1\nu := 1",
    ],
    "data.a.p",
  );
  assert.ok(made !== undefined);
  return made.program;
}

function indexOf(program: Program, name: string): number {
  return program.procedures.findIndex(({ path }) => path.at(-1) === name);
}

/** The program with the body of a rule's first definition replaced. */
function testPlant(name: string, body: Block, change: Partial<Procedure> = {}): readonly string[] {
  const program = setupProgram();
  const index = indexOf(program, name);
  const planted = program.procedures.map((procedure, position) =>
    position === index ? { ...procedure, clauses: [{ ...procedure.clauses[0]!, body }], ...change } : procedure,
  );
  return verifyProgram({ ...program, procedures: planted });
}

const ONE: Expression = { op: "constant", value: 1 };
const EMIT = { op: "emit", values: [ONE] } as const;
const NOTHING = { op: "emit", values: [] } as const;

test("a sound program has no faults", () => {
  const program = setupProgram();
  assert.deepEqual(verifyProgram(program), []);
  assert.deepEqual(verifyProgram(optimise(program, {})), []);
  assert.deepEqual(verifyProgram(requireInput(program)), []);
});

test("a slot is in its frame, and set before it is read", () => {
  assert.deepEqual(testPlant("p", [{ op: "emit", values: [{ op: "slot", slot: 0 }] }]), [
    "data.a.p: slot 0 is read before it is set",
  ]);
  const outside = [{ op: "let", slot: 7, from: ONE }, EMIT] as const;
  assert.deepEqual(testPlant("p", outside, { frame: 7 }), ["data.a.p: slot 7 in a frame of 7"]);
  const inside: Block = [{ op: "let", slot: 0, from: ONE }, NOTHING];
  const after: Block = [
    { op: "exists", overrides: [], body: inside },
    { op: "emit", values: [{ op: "slot", slot: 0 }] },
  ];
  assert.deepEqual(testPlant("p", after), ["data.a.p: slot 0 is read before it is set"]);
});

test("a slot that holds a place is read by tree expressions alone, and they read no other", () => {
  const scan = (value: Expression): Block => [
    {
      op: "scan-tree",
      source: { op: "tree", path: ["b"] },
      key: undefined,
      value: 0,
      isOrdered: false,
      body: [{ op: "emit", values: [value] }],
    },
  ];
  assert.deepEqual(testPlant("p", scan({ op: "extent", of: { op: "tree-slot", slot: 0 } })), []);
  assert.deepEqual(testPlant("p", scan({ op: "slot", slot: 0 })), [
    "data.a.p: slot 0 holds a place and is read as a value",
  ]);
  const value: Block = [
    { op: "let", slot: 0, from: ONE },
    { op: "emit", values: [{ op: "extent", of: { op: "tree-slot", slot: 0 } }] },
  ];
  assert.deepEqual(testPlant("p", value), ["data.a.p: slot 0 holds a value and is read as a place"]);
});

test("procedures are there, and called with their operands", () => {
  const f = indexOf(setupProgram(), "f");
  const emit = (value: Expression): Block => [{ op: "emit", values: [value] }];
  assert.deepEqual(testPlant("p", emit({ op: "rule", procedure: 99 })), ["data.a.p: there is no procedure 99"]);
  assert.deepEqual(testPlant("p", emit({ op: "rule", procedure: f })), [`data.a.p: function ${f} asked for as a rule`]);
  assert.deepEqual(testPlant("p", emit({ op: "invoke", procedure: f, args: [] })), [
    `data.a.p: procedure ${f} has 1 operands, not 0`,
  ]);
  const builtin = BUILTINS.find(({ name }) => name === "count")!;
  const location = { file: "", row: 1, col: 1, start: 0, end: 0 };
  assert.deepEqual(testPlant("p", emit({ op: "call", builtin, args: [ONE, ONE], location })), [
    "data.a.p: count has 1 operands, not 2",
  ]);
  const program = setupProgram();
  assert.deepEqual(verifyProgram({ ...program, tree: { children: new Map(), procedure: 99 } }), [
    "data.: there is no procedure 99",
  ]);
});

test("a block ends in what it promises to emit", () => {
  const scan = (body: Block): Block[number] => ({
    op: "scan",
    source: { op: "input" },
    key: undefined,
    value: undefined,
    isOrdered: false,
    body,
  });
  assert.deepEqual(testPlant("p", []), ["data.a.p: a block that emits nothing"]);
  assert.deepEqual(testPlant("p", [{ op: "test", that: ONE }]), ["data.a.p: a block that emits nothing"]);
  assert.deepEqual(testPlant("p", [EMIT, EMIT]), ["data.a.p: emit in the middle of a block"]);
  assert.deepEqual(testPlant("p", [scan([EMIT]), EMIT]), ["data.a.p: scan in the middle of a block"]);
  assert.deepEqual(testPlant("p", [scan([])]), ["data.a.p: a block that emits nothing"]);
  assert.deepEqual(testPlant("p", [NOTHING]), ["data.a.p: 0 values emitted, not 1"]);
  assert.deepEqual(testPlant("q", [EMIT]), ["data.a.q: 1 values emitted, not keys and a value"]);
  assert.deepEqual(testPlant("p", [{ op: "not", body: [EMIT] }, EMIT]), ["data.a.p: 1 values emitted, not 0"]);
  const collect: Expression = { op: "collect", of: "object", overrides: [], body: [EMIT] };
  assert.deepEqual(testPlant("p", [{ op: "emit", values: [collect] }]), ["data.a.p: 1 values emitted, not 2"]);
  assert.deepEqual(testPlant("p", [{ op: "mark", statement: 9_999 }, EMIT]), ["data.a.p: there is no statement 9999"]);
});

test("what is replaced is known to be", () => {
  const program = setupProgram();
  const { replaced } = program;
  const none = { builtins: new Set<string>(), procedures: new Set<number>(), data: [] };
  assert.deepEqual(verifyProgram({ ...program, replaced: { ...replaced, builtins: none.builtins } }), [
    "data.a.t: count is replaced and not known to be",
  ]);
  assert.deepEqual(verifyProgram({ ...program, replaced: { ...replaced, procedures: none.procedures } }), [
    `data.a.s: procedure ${indexOf(program, "f")} is replaced and not known to be`,
  ]);
  const value = ONE;
  const body: Block = [{ op: "exists", overrides: [{ target: "data", path: ["x"], value }], body: [NOTHING] }, EMIT];
  assert.deepEqual(testPlant("p", body), ["data.a.p: data.x is replaced and not known to be"]);
});

test("a constant is a value", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  const shared = { a: [1] };
  const emit = (value: unknown): readonly string[] =>
    testPlant("p", [{ op: "emit", values: [{ op: "constant", value: value as never }] }]);
  for (const value of [
    undefined,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1n,
    () => 1,
    new Date(0),
    new Map(),
    cycle,
    [[undefined]],
  ])
    assert.deepEqual(emit(value), ["data.a.p: a constant that is no value"], String(typeof value));
  for (const value of [null, -0, "\ud800", [shared, shared], Object.create(null)]) assert.deepEqual(emit(value), []);
});

test("no back end is given a program or a query that is not sound", () => {
  const compiled = testCompile("package a\n\np contains input.x\n");
  const body = parseQuery("data.a.p");
  const query = body.ok ? compileQuery(compiled, body.value) : body;
  assert.ok(query.ok);
  const [procedure, ...others] = compiled.program.procedures;
  const unsound: Block = [{ op: "emit", values: [{ op: "slot", slot: 3 }] }];
  const program = { ...compiled.program, procedures: [{ ...procedure!, clauses: [clauseOf(unsound)] }, ...others] };
  for (const backEnd of [closures, javascript])
    for (const isLiteral of [true, false]) {
      const options = { backEnd, isLiteral };
      assert.ok(createRegoPolicy(compiled, options).prepare(query.value));
      assert.throws(() => createRegoPolicy({ ...compiled, program }, options).prepare(query.value), InvariantError);
      const wrong = { ...query.value, body: unsound };
      assert.throws(() => createRegoPolicy(compiled, options).prepare(wrong), InvariantError);
    }
});

function clauseOf(body: Block): Procedure["clauses"][number] {
  return { body, isSet: true, otherwise: undefined };
}
