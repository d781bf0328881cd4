import assert from "node:assert/strict";
import { test } from "node:test";
import type { Annotations, Module } from "./ast.ts";
import { METADATA_LENGTH_MAX } from "./metadata.ts";
import { parseModule } from "./parse.ts";

function parsed(text: string): Module {
  const module = parseModule(text, { file: "test.rego" });
  assert.ok(module.ok, module.ok ? "" : JSON.stringify(module.error));
  return module.value;
}

/** What a block before a rule says, without its location. */
function annotation(block: string): Omit<Annotations, "location"> {
  const lines = block.split("\n").map((line) => `# ${line}\n`);
  const { location, ...rest } = parsed(`package a\n# METADATA\n${lines.join("")}p := 1\n`)
    .annotations[0] as Annotations;
  assert.equal(location.row, 2);
  // Objects of the block have no prototype; what they say is compared.
  return JSON.parse(JSON.stringify(rest));
}

function errors(text: string): readonly string[] {
  const module = parseModule(text, { file: "test.rego" });
  return module.ok
    ? []
    : module.error.map(({ code, message, location }) => `${location.row}:${location.col} ${code} ${message}`);
}

test("a block holds every member of OPA's reference", () => {
  const block = `title: A rule
description: |
  What it
  is for.
entrypoint: true
organizations: [Acme, Org]
related_resources:
- https://example.com
- ref: https://example.org
  description: more
authors:
- Jane Q. Doe <jane@example.com>
- John
- name: Joe
  email: joe@example.com
- <nobody@example.com>
schemas:
- input.foo: schema.bar["x y"]
- data.y: {type: string}
compile:
  unknowns: [input.x, data.y.z]
  mask_rule: data.m
labels: {team: a}
custom: {severity: 1, tags: [x, null, true]}
unknown: 1`;
  assert.deepEqual(annotation(block), {
    scope: "document",
    title: "A rule",
    description: "What it\nis for.\n",
    entrypoint: true,
    organizations: ["Acme", "Org"],
    relatedResources: [{ ref: "https://example.com" }, { ref: "https://example.org", description: "more" }],
    authors: [
      { name: "Jane Q. Doe", email: "jane@example.com" },
      { name: "John" },
      { name: "Joe", email: "joe@example.com" },
      { email: "nobody@example.com" },
    ],
    schemas: [
      { path: ["input", "foo"], schema: ["schema", "bar", "x y"] },
      { path: ["data", "y"], definition: { type: "string" } },
    ],
    compile: {
      unknowns: [
        ["input", "x"],
        ["data", "y", "z"],
      ],
      maskRule: ["data", "m"],
    },
    labels: { team: "a" },
    custom: { severity: 1, tags: ["x", null, true] },
  });
});

test("scalars are YAML 1.2, and where a text is wanted they stay as they were written", () => {
  const { title, custom } = annotation(
    "title: 1.0\ncustom: {a: yes, b: 0o17, c: 012345678901234567890, d: 2020-01-01, 1: x}",
  );
  assert.equal(title, "1.0");
  assert.deepEqual(custom, { a: "yes", b: 15, c: 12345678901234567000, d: "2020-01-01", 1: "x" });
});

test("no member of a block reaches a prototype", () => {
  const { custom } = parsed("package a\n# METADATA\n# custom: {__proto__: {x: 1}}\np := 1")
    .annotations[0] as Annotations;
  assert.deepEqual(Object.keys(custom ?? {}), ["__proto__"]);
});

test("a block belongs to the declaration on a later line, in that one's scope", () => {
  const { annotations, rules } = parsed(`# METADATA
# title: the package
package a

# METADATA
# title: the first
p := 1 if x

p := 2 if y

# METADATA
# scope: document
# title: all of q
q.r := 1

q.r := 2 if z

# METADATA
# title: of one
# organizations: [a]
q.r[x] := 3 if x
`);
  assert.deepEqual(
    annotations.map(({ scope, title }) => `${scope} ${title}`),
    ["package the package", "rule the first", "document all of q", "rule of one"],
  );
  assert.deepEqual(
    rules.map((rule) => rule.annotations.map(({ title }) => title)),
    [["the first"], [], ["all of q"], ["all of q"], ["all of q", "of one"]],
  );
});

test("a block ends where a line is no comment, or one that is indented", () => {
  const { annotations } = parsed("package a\n# METADATA\n# title: x\n\n# description: y\np := 1\n");
  assert.equal(annotations[0]?.description, undefined);
  assert.equal(
    parsed("package a\n#METADATA\n#title: x\n # description: y\np := 1\n").annotations[0]?.description,
    undefined,
  );
});

test("a block that is attached to nothing fitting is refused", () => {
  const block = (members: string, next: string): readonly string[] =>
    errors(`package a\n# METADATA\n# ${members}\n${next}`);
  assert.deepEqual(block("scope: package", "p := 1"), [
    "2:1 rego_parse_error annotation scope 'package' must be applied to package (have rule)",
  ]);
  assert.match(block("title: x", "import data.x")[0] as string, /invalid annotation scope 'import'\. Use one of/);
  assert.match(block("scope: foo", "p := 1")[0] as string, /invalid annotation scope 'foo'/);
  assert.match(block("title: x", "")[0] as string, /stands before no rule/);
  assert.match(block("{scope: rule, entrypoint: true}", "p := 1")[0] as string, /entrypoint applied to non-document/);
  assert.deepEqual(errors("package a\n# METADATA\n# scope: document\np := 1\n# METADATA\n# scope: document\np := 1"), [
    "5:1 rego_type_error document annotation redeclared: test.rego:2",
  ]);
});

test("a member of the wrong kind is refused where it stands", () => {
  const refusals: Readonly<Record<string, RegExp>> = {
    "": /^2:1 .*expected METADATA block, found whitespace/,
    "title: [x]": /^3:10 .*title must be a string/,
    "entrypoint: maybe": /^3:15 .*entrypoint must be true or false/,
    "organizations: x": /^3:18 .*organizations must be a list/,
    "custom: []": /^3:11 .*custom must be a map/,
    "- x": /^3:3 .*METADATA must be a map/,
    "authors: ['']": /^3:13 .*invalid author/,
    "related_resources: [{description: x}]": /^3:23 .*invalid related-resource/,
    "schemas: [{input.x: foo.y}]": /^3:23 .*invalid schema reference/,
    "schemas: [{1 + 2: schema.y}]": /^3:14 .*invalid document reference/,
    'title: "x': /^3:\d+ .*yaml: /,
    "title: x\n# title: y": /^4:3 .*yaml: key "title" is there twice/,
    "custom: {a: &a 1, b: *a}": /^3:24 .*yaml: aliases are not allowed/,
    "custom: {a: .inf}": /^3:15 .*yaml: a number must be finite/,
  };
  for (const [members, expected] of Object.entries(refusals))
    assert.match(errors(`package a\n# METADATA\n# ${members}\np := 1`)[0] ?? "accepted", expected, members);
});

test("no block is too deep or too long to be refused", () => {
  const custom = (value: string): string =>
    errors(`package a\n# METADATA\n# custom: ${value}\np := 1`)[0] ?? "accepted";
  assert.match(custom(`{a: ${"[".repeat(100)}${"]".repeat(100)}}`), /yaml: nesting too deep/);
  assert.match(custom("[".repeat(METADATA_LENGTH_MAX - 20)), /yaml: nesting too deep/);
  assert.match(custom("x".repeat(METADATA_LENGTH_MAX)), /METADATA block too long/);
  const many = `# METADATA\n# title: ${"x".repeat(60_000)}\np := 1\n`.repeat(20);
  assert.match(errors(`package a\n${many}`)[0] ?? "accepted", /too much METADATA/);
});
