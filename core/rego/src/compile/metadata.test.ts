import assert from "node:assert/strict";
import { test } from "node:test";
import { parseModule } from "../syntax/parse.ts";
import { valueToJson } from "../values/json.ts";
import { annotatedNodeToValue, annotationsOf, checkAnnotations, entrypointsOf, metadataOf } from "./metadata.ts";

const OUTER = `# METADATA
# scope: subpackages
# title: outer
package a`;

const INNER = `# METADATA
# title: inner
# authors: [Jane <jane@example.org>]
# custom:
#   level: 2
package a.b

# METADATA
# scope: document
# title: document
# METADATA
# title: first
# METADATA
# title: second
# related_resources: [https://example.org]
p[x].q := 1 if x := "y"

# METADATA
# entrypoint: true
r := 2

s := 3`;

test("the chain of a rule leads from its closest block to the packages around it", () => {
  const [outer, inner] = [parse(OUTER, "outer.rego"), parse(INNER, "inner.rego")];
  const [p, r, s] = inner.rules;
  const metadata = metadataOf([outer, inner]);
  const packages = [
    {
      annotations: {
        scope: "package",
        title: "inner",
        authors: [{ name: "Jane", email: "jane@example.org" }],
        custom: { level: 2 },
      },
      path: ["a", "b"],
    },
    { annotations: { scope: "subpackages", title: "outer" }, path: ["a"] },
  ];
  assert.deepEqual(plain(metadata(inner, p!, "chain")), [
    {
      annotations: { scope: "rule", title: "second", related_resources: [{ ref: "https://example.org" }] },
      path: ["a", "b", "p"],
    },
    { annotations: { scope: "rule", title: "first" }, path: ["a", "b", "p"] },
    { annotations: { scope: "document", title: "document" }, path: ["a", "b", "p"] },
    ...packages,
  ]);
  assert.deepEqual(plain(metadata(inner, r!, "chain")), [
    { path: ["a", "b", "r"] },
    { annotations: { scope: "document", entrypoint: true }, path: ["a", "b", "r"] },
    ...packages,
  ]);
  assert.deepEqual(plain(metadata(inner, s!, "chain")), [{ path: ["a", "b", "s"] }, ...packages]);
});

test("a rule's own metadata is that of its first block, and an empty object when it has none", () => {
  const inner = parse(INNER, "inner.rego");
  const [p, r] = inner.rules;
  const metadata = metadataOf([inner]);
  assert.deepEqual(plain(metadata(inner, p!, "rule")), { scope: "rule", title: "first" });
  assert.deepEqual(plain(metadata(inner, r!, "rule")), {});
});

test("annotations are listed by path, with the place of what they are put to", () => {
  const listed = annotationsOf([parse(INNER, "inner.rego"), parse(OUTER, "outer.rego")]).map(annotatedNodeToValue);
  const places = plain(listed) as { location: { file: string; row: number; col: number }; path: { value: string }[] }[];
  assert.deepEqual(
    places.map(({ location: { file, row }, path }) => [path.map(({ value }) => value).join("."), file, row]),
    [
      ["data.a", "outer.rego", 4],
      ["data.a.b", "inner.rego", 6],
      ["data.a.b.p", "inner.rego", 16],
      ["data.a.b.p", "inner.rego", 16],
      ["data.a.b.p", "inner.rego", 16],
      ["data.a.b.r", "inner.rego", 20],
    ],
  );
});

test("references in annotations are listed as syntax trees", () => {
  const module = parse(
    `# METADATA\n# schemas:\n# - input.x: schema.y\n# compile:\n#   unknowns: [input.z]\npackage a`,
    "a.rego",
  );
  const reference = (head: string, name: string) => [
    { type: "var", value: head },
    { type: "string", value: name },
  ];
  assert.deepEqual(plain(annotationsOf([module]).map(annotatedNodeToValue)), [
    {
      annotations: {
        scope: "package",
        schemas: [{ path: reference("input", "x"), schema: reference("schema", "y") }],
        compile: { unknowns: [reference("input", "z")] },
      },
      location: { file: "a.rego", row: 6, col: 1 },
      path: reference("data", "a"),
    },
  ]);
});

test("entrypoints are the documents that say so", () => {
  assert.deepEqual(entrypointsOf([parse(INNER, "inner.rego"), parse(OUTER, "outer.rego")]), [["a", "b", "r"]]);
  assert.deepEqual(entrypointsOf([parse(OUTER, "outer.rego")]), []);
});

test("one package may be annotated once for itself and once for those below it", () => {
  const both = `# METADATA\n# scope: subpackages\n# title: a\n# METADATA\n# title: b\npackage a`;
  assert.deepEqual(checkAnnotations([parse(both, "a.rego")]), []);
  const [error] = checkAnnotations([parse(both, "a.rego"), parse(OUTER, "b.rego")]);
  assert.equal(error?.message, "subpackages annotation redeclared: a.rego:1");
});

function parse(text: string, file: string) {
  const parsed = parseModule(text, { file });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

function plain(value: Parameters<typeof valueToJson>[0]): unknown {
  return JSON.parse(valueToJson(value));
}
