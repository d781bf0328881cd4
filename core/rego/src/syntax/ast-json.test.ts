import assert from "node:assert/strict";
import { test } from "node:test";
import { isArray, isPlainObject, type PlainObject, type Value } from "../values/value.ts";
import { moduleToJson } from "./ast-json.ts";
import { parseModule } from "./parse.ts";

function json(text: string): PlainObject {
  const module = parseModule(text, { file: "policy.rego" });
  assert.ok(module.ok, text);
  return moduleToJson(module.value);
}

/** The rules of a module, each term shortened to `type:value`. */
function rules(text: string): readonly Value[] {
  return (json(`package p\n${text}`)["rules"] as readonly Value[]).map(shortened);
}

function shortened(value: Value): Value {
  if (isArray(value)) return value.map(shortened);
  if (!isPlainObject(value)) return value;
  const { type, value: inner } = value;
  if (typeof type === "string" && inner !== undefined)
    return typeof inner === "object" && inner !== null ? { [type]: shortened(inner) } : `${type}:${inner}`;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shortened(member)]));
}

function bodyOf(text: string): Value {
  return (rules(`r if { ${text} }`)[0] as PlainObject)["body"] as Value;
}

function termOf(term: string): Value {
  return ((rules(`r := ${term}`)[0] as PlainObject)["head"] as PlainObject)["value"] as Value;
}

const GENERATED = [{ index: 0, terms: "boolean:true", generated: true }];

test("a module has its package, imports, rules and comments", () => {
  assert.deepEqual(json('package a["b c"]\n\nimport data.x as y # é\nimport input\n\nr := 1'), {
    package: {
      path: [
        { type: "var", value: "data" },
        { type: "string", value: "a" },
        { type: "string", value: "b c" },
      ],
    },
    imports: [
      {
        path: {
          type: "ref",
          value: [
            { type: "var", value: "data" },
            { type: "string", value: "x" },
          ],
        },
        alias: "y",
      },
      { path: { type: "ref", value: [{ type: "var", value: "input" }] } },
    ],
    rules: [
      {
        head: {
          name: "r",
          ref: [{ type: "var", value: "r" }],
          value: { type: "number", value: 1 },
          assign: true,
        },
        body: [{ index: 0, terms: { type: "boolean", value: true }, generated: true }],
      },
    ],
    comments: [{ Text: "IMOp", Location: { file: "policy.rego", row: 3, col: 20 } }],
  });
  assert.deepEqual(json("package a"), {
    package: {
      path: [
        { type: "var", value: "data" },
        { type: "string", value: "a" },
      ],
    },
  });
});

test("heads are named as long as they could be written before they had references", () => {
  const head = (text: string) => (rules(text)[0] as PlainObject)["head"];
  assert.deepEqual(head("r contains 1"), { name: "r", ref: ["var:r"], key: "number:1" });
  assert.deepEqual(head("r.a := 1"), {
    name: "r",
    ref: ["var:r", "string:a"],
    key: "string:a",
    value: "number:1",
    assign: true,
  });
  assert.deepEqual(head("r.a if true"), { ref: ["var:r", "string:a"], value: "boolean:true" });
  assert.deepEqual(head("r[x] if x := 1"), { ref: ["var:r", "var:x"], key: "var:x", value: "boolean:true" });
  assert.deepEqual(head("r.a contains 1"), { ref: ["var:r", "string:a"], key: "number:1" });
  assert.deepEqual(head("r.a.b = 1"), { ref: ["var:r", "string:a", "string:b"], value: "number:1" });
  assert.deepEqual(head("r.f(x) = x"), { ref: ["var:r", "string:f"], args: ["var:x"], value: "var:x" });
});

test("each else and each further body repeats the head", () => {
  assert.deepEqual(rules("f(x) := 1 if x == 1 else = 2"), [
    {
      head: { name: "f", ref: ["var:f"], args: ["var:x"], value: "number:1", assign: true },
      body: [{ index: 0, terms: [{ ref: ["var:equal"] }, "var:x", "number:1"] }],
      else: { head: { name: "f", ref: ["var:f"], args: ["var:x"], value: "number:2" }, body: GENERATED },
    },
  ]);
  assert.deepEqual(
    rules("r if { true } { false }").map((rule) => [(rule as PlainObject)["head"], (rule as PlainObject)["body"]]),
    [true, false].map((value) => [
      { name: "r", ref: ["var:r"], value: "boolean:true" },
      [{ index: 0, terms: `boolean:${value}` }],
    ]),
  );
  assert.deepEqual(rules("default r := false"), [
    { default: true, head: { name: "r", ref: ["var:r"], value: "boolean:false", assign: true }, body: GENERATED },
  ]);
});

test("wildcards are numbered in the order of the text", () => {
  assert.deepEqual(rules("f(_, _) if { a[_]; {2: _, 1: _} } else := b[_]"), [
    {
      head: { name: "f", ref: ["var:f"], args: ["var:$0", "var:$1"], value: "boolean:true" },
      body: [
        { index: 0, terms: { ref: ["var:a", "var:$2"] } },
        {
          index: 1,
          terms: {
            object: [
              ["number:1", "var:$4"],
              ["number:2", "var:$3"],
            ],
          },
        },
      ],
      else: {
        head: {
          name: "f",
          ref: ["var:f"],
          args: ["var:$5", "var:$6"],
          value: { ref: ["var:b", "var:$7"] },
          assign: true,
        },
        body: GENERATED,
      },
    },
  ]);
});

test("statements tell what they are by their terms", () => {
  const member = { ref: ["var:internal", "string:member_2"] };
  assert.deepEqual(bodyOf("x := 1; x = y; not f(x); input.a"), [
    { index: 0, terms: [{ ref: ["var:assign"] }, "var:x", "number:1"] },
    { index: 1, terms: [{ ref: ["var:eq"] }, "var:x", "var:y"] },
    { index: 2, negated: true, terms: [{ ref: ["var:f"] }, "var:x"] },
    { index: 3, terms: { ref: ["var:input", "string:a"] } },
  ]);
  assert.deepEqual(bodyOf("some i, j; some x in xs; every y in ys { y }"), [
    { index: 0, terms: { symbols: ["var:i", "var:j"] } },
    { index: 1, terms: { symbols: [{ call: [member, "var:x", "var:xs"] }] } },
    {
      index: 2,
      terms: { key: null, value: "var:y", domain: "var:ys", body: [{ index: 0, terms: "var:y" }] },
    },
  ]);
  assert.deepEqual(bodyOf("x with input as 1 with count as f"), [
    {
      index: 0,
      terms: "var:x",
      with: [
        { target: { ref: ["var:input"] }, value: "number:1" },
        { target: "var:count", value: "var:f" },
      ],
    },
  ]);
});

test("terms have their types, sets and objects their order", () => {
  assert.deepEqual(termOf('[null, true, 1.5, "a", `b`, input, x.y]'), {
    array: [
      { null: {} },
      "boolean:true",
      "number:1.5",
      "string:a",
      "string:b",
      { ref: ["var:input"] },
      { ref: ["var:x", "string:y"] },
    ],
  });
  assert.deepEqual(termOf('{[1], x, "b", f(1), 2, 1, 1, {0}, {"k": v}, a.b, [i | i], null}'), {
    set: [
      { null: {} },
      "number:1",
      "number:2",
      "string:b",
      "var:x",
      { ref: ["var:a", "string:b"] },
      { array: ["number:1"] },
      { object: [["string:k", "var:v"]] },
      { set: ["number:0"] },
      { arraycomprehension: { term: "var:i", body: [{ index: 0, terms: "var:i" }] } },
      { call: [{ ref: ["var:f"] }, "number:1"] },
    ],
  });
  assert.deepEqual(termOf("{k: v | v := 1 + 2}"), {
    objectcomprehension: {
      key: "var:k",
      value: "var:v",
      body: [
        {
          index: 0,
          terms: [{ ref: ["var:assign"] }, "var:v", { call: [{ ref: ["var:plus"] }, "number:1", "number:2"] }],
        },
      ],
    },
  });
  assert.deepEqual(termOf('$"a{1}{x}{y with input as 2}"'), {
    templatestring: {
      multi_line: false,
      parts: [
        "string:a",
        "number:1",
        { index: 0, terms: "var:x" },
        { index: 0, terms: "var:y", with: [{ target: { ref: ["var:input"] }, value: "number:2" }] },
      ],
    },
  });
});
