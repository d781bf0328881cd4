import assert from "node:assert/strict";
import { dirname } from "node:path";
import { test } from "node:test";
import { plantHouse } from "./planted-house.ts";
import { findingToString, openSourceTree } from "./source-tree.ts";
import { checkTidy } from "./tidy.ts";

test("our house is tidy", () => {
  assert.deepEqual(checkTidy(openSourceTree(dirname(import.meta.dirname))).map(findingToString), []);
});

test("a whole house has no findings", () => {
  using house = plantHouse();
  assert.deepEqual(checkTidy(house.tree), []);
});

/** Text in a file, and the only rule it may break. */
const violations: Readonly<Record<string, readonly [file: string, text: string, rule: string]>> = {
  "a node: import in core": ["core/base/src/disk.ts", 'import { readFileSync } from "node:fs";', "core-host"],
  "globalThis in core": ["core/base/src/disk.ts", 'const host = globalThis["process"];', "core-host"],
  "import.meta in core": ["core/base/src/disk.ts", "const here = import.meta.dirname;", "core-host"],
  "a host's global declared in core": ["core/base/src/disk.ts", "declare const process: { pid: number };", "core-host"],
  "a host's class declared in core": ["core/base/src/disk.ts", "declare class Worker {}", "core-host"],
  "a function from text in core": [
    "core/base/src/made.ts",
    'const one = new Function("return 1");',
    "core-code-from-text",
  ],
  "eval in core": ["core/base/src/made.ts", 'const one = eval("1");', "core-code-from-text"],
  "an import at run time in core": ["core/base/src/made.ts", "const made = import(name);", "core-code-from-text"],
  "Date.now in core": ["core/base/src/late.ts", "export const now = Date.now;", "hidden-clock"],
  "new Date() in an app": ["apps/edge/src/late.ts", "const now = new Date().getTime();", "hidden-clock"],
  "Date.now in an adapter": ["adapters/net/src/late.ts", "const now = Date.now();", "hidden-clock"],
  "Math.random in a test": ["core/base/src/dice.test.ts", "const dice = Math.random();", "hidden-chance"],
  "randomUUID in an app": ["apps/edge/src/id.ts", 'import { randomUUID } from "node:crypto";', "hidden-chance"],
  "JSON.parse in an app": ["apps/edge/src/body.ts", "const body = JSON.parse(text);", "json-parse"],
  "a class over String": ["core/base/src/name.ts", "class Name extends String {}", "string-class"],
  "a cast by way of unknown": ["apps/edge/src/cast.ts", "const text = 1 as unknown as string;", "type-hole"],
  "a hushed compiler": ["apps/edge/src/cast.ts", "// @ts-ignore: it works", "type-hole"],
  "a hushed linter": ["apps/edge/src/cast.ts", "// oxlint-disable-next-line", "type-hole"],
  "unfinished work in a comment": ["apps/edge/src/half.ts", "// TODO: the other half", "unfinished"],
  "unfinished work in a document": ["docs/half.md", "FIXME later", "unfinished"],
  "a folder of one machine": ["docs/where.md", "It lies in /home/ada/vedette.", "machine-path"],
  "a registry of one company": [".npmrc", "registry=https://registry.corp.example/npm/", "registry-host"],
  "a registry on this machine": ["package-lock.json", '{ "resolved": "http://npm-proxy:4873/zod" }', "registry-host"],
  "a camel-case file": ["core/base/src/byteReader.ts", "", "file-name"],
  "a drawer for everything": ["core/base/src/utils.ts", "", "file-name"],
  "a drawer for everything about time": ["core/base/src/time-helpers.ts", "", "file-name"],
  "a relative import that leaves its room": [
    "apps/edge/src/tunnel.ts",
    'import { base } from "../../../core/base/src/index.ts";',
    "room-tunnel",
  ],
  "a worker in another room": [
    "apps/edge/src/tunnel.ts",
    'const file = new URL("../../../adapters/net/src/worker.ts", import.meta.url);',
    "room-tunnel",
  ],
  "a test that goes past another room's door": [
    "apps/edge/src/tunnel.test.ts",
    'import { base } from "../../../core/base/src/base.ts";',
    "room-tunnel",
  ],
  "a link to a document that is not there": ["docs/links.md", "See [the map](map.md).", "dead-link"],
  "a link to a heading that is not there": ["docs/links.md", "# Here\n\nSee [there](#there).", "dead-link"],
};

for (const [planted, [file, text, rule]] of Object.entries(violations)) {
  test(`${planted}: found, and nothing else`, () => {
    using house = plantHouse({ [file]: `${text}\n` });
    const found = checkTidy(house.tree);
    assert.deepEqual(
      found.map((finding) => [finding.rule, finding.file]),
      [[rule, file]],
      JSON.stringify(found),
    );
  });
}

test("what is allowed where it stands, stays unmentioned", () => {
  using house = plantHouse({
    "core/base/src/time.ts": "/** Not Date.now: see below. */\nconst day = new Date(0); // never Math.random either\n",
    "core/base/src/brand.ts": "declare const brand: unique symbol;\n",
    "core/base/src/time.test.ts": 'import { test } from "node:test";\nconst now = Date.now();\n',
    "core/base/src/url.ts": 'const link = "https://example.org/home/ada";\n',
    "adapters/runtime/src/system.ts": "export const now = Date.now;\n",
    "core/base/src/example.test.ts": 'new URL("../../../examples/one.json", import.meta.url);\n',
    "tools/report.ts": "console.log(new Date());\n",
    "docs/links.md": "# One, two & `three`\n\n[here](#one-two--three) [code](../tools/house.ts) `[not](a-link.md)`\n",
    "docs/more.md": "[there](links.md#one-two--three) [far](https://example.org/x.md)\n\n```\n[not](a-link.md)\n```\n",
  });
  assert.deepEqual(checkTidy(house.tree), []);
});
