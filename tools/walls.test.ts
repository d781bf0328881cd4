import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { check, checkSteps } from "./check.ts";
import { type Changes, manifestOf, plantHouse, roomsWith } from "./planted-house.ts";
import type { StepResult } from "./steps.ts";

// The walls that programs of others guard: each is shown to see what it is there to see.

test("a whole house passes every step", async () => {
  using house = plantHouse();
  const results: StepResult[] = [];
  const ok = await check(checkSteps(house.top), (result) => results.push(result));
  assert.deepEqual(
    results.filter((result) => !result.ok).map(({ step, output }) => `${step}: ${output}`),
    [],
  );
  assert.equal(ok, true);
  assert.equal(results.length, checkSteps(house.top).length);
});

/** What is planted, the step that must refuse it, and what that step must say. */
const violations: Readonly<Record<string, readonly [Changes, step: string, says: RegExp]>> = {
  "an import of a room the manifest does not declare": [
    { "core/base/src/upward.ts": 'import { policy } from "@vedette/policy";\n\nexport const upward = policy;\n' },
    "format and lint",
    /core\/base\/src\/upward\.ts.*noUndeclaredDependencies/,
  ],
  "files that import each other in a circle": [
    {
      "core/base/src/hen.ts": 'import { egg } from "./egg.ts";\n\nexport const hen: unknown = egg;\n',
      "core/base/src/egg.ts": 'import { hen } from "./hen.ts";\n\nexport const egg: unknown = hen;\n',
    },
    "format and lint",
    /noImportCycles/,
  ],
  any: [
    { "core/base/src/loose.ts": "export function loose(value: any): unknown {\n  return value;\n}\n" },
    "format and lint",
    /loose\.ts.*noExplicitAny/,
  ],
  "a file in a format of its own": [
    { "core/base/src/wide.ts": "export   const wide: number=1\n" },
    "format and lint",
    /wide\.ts format/,
  ],
  "a way past the door of another room": [
    {
      "core/policy/src/bypass.ts":
        'import { decide } from "@vedette/base/src/index.ts";\n\nexport const bypass: unknown = decide;\n',
    },
    "types of all rooms",
    /bypass\.ts.*TS2307/,
  ],
  "process in core": [
    { "core/base/src/host.ts": "export const pid: number = process.pid;\n" },
    "types of core, without a host",
    /host\.ts.*TS2591: Cannot find name 'process'/,
  ],
  "a timer in core": [
    { "core/base/src/host.ts": "export const later: unknown = setTimeout(() => {}, 1);\n" },
    "types of core, without a host",
    /host\.ts.*TS2304: Cannot find name 'setTimeout'/,
  ],
  "syntax that Node cannot strip": [
    { "core/base/src/colour.ts": "export enum Colour {\n  Red,\n}\n" },
    "types of all rooms",
    /colour\.ts.*TS1294/,
  ],
  "a promise nobody waits for": [
    { "apps/edge/src/forgotten.ts": "async function work(): Promise<void> {}\n\nwork();\n" },
    "typed lint",
    /no-floating-promises/,
  ],
  "a union with a forgotten member": [
    {
      "apps/edge/src/forgotten.ts":
        'export function say(effect: "allow" | "deny"): number {\n  switch (effect) {\n    case "allow":\n      return 1;\n  }\n  return 0;\n}\n',
    },
    "typed lint",
    /switch-exhaustiveness-check/,
  ],
  "a file nobody imports": [
    { "core/base/src/attic.ts": "export const attic = 1;\n" },
    "dead code",
    /Unused files[\s\S]*core\/base\/src\/attic\.ts/,
  ],
  "an export nobody imports": [
    {
      "adapters/net/src/listen.ts": "export const used = 1;\nexport const unused = 2;\n",
      "adapters/net/src/index.ts":
        'import { base } from "@vedette/base";\nimport { used } from "./listen.ts";\n\nexport function net(): number {\n  return used + base();\n}\n',
    },
    "dead code",
    /Unused exports[\s\S]*unused .*adapters\/net\/src\/listen\.ts/,
  ],
  "a dependency nobody imports": [
    {
      "rooms.json": roomsWith({ "adapters/runtime": { purpose: "to be tested", uses: ["base", "policy"] } }),
      "adapters/runtime/package.json": manifestOf("adapters/runtime", ["base", "policy"]),
    },
    "dead code",
    /Unused dependencies[\s\S]*@vedette\/policy +adapters\/runtime\/package\.json/,
  ],
  "a room that rooms.json does not list": [
    { "core/attic/src/index.ts": "export {};\n" },
    "walls",
    /core\/attic.*room-listed/,
  ],
  "an untidy file": [
    { "core/base/src/late.ts": "export const now = Date.now;\n" },
    "walls",
    /late\.ts:1.*hidden-clock/,
  ],
  "a forbidden package": [
    {
      "rooms.json": roomsWith({
        "adapters/net": { purpose: "to be tested", uses: ["base"], outside: { zod: "habit" } },
      }),
    },
    "walls",
    /forbidden-dependency/,
  ],
};

for (const [planted, [changes, name, says]] of Object.entries(violations)) {
  test(`${planted}: refused by ${name}`, async () => {
    using house = plantHouse(changes);
    const step = checkSteps(house.top).find((each) => each.name === name);
    assert.ok(step);
    assert.match(await step.run(), says);
  });
}

test("Node refuses a way past the door as well", () => {
  using house = plantHouse({ "core/policy/src/bypass.ts": 'import "@vedette/base/src/index.ts";\n' });
  const { status, stderr } = spawnSync(process.execPath, [join(house.top, "core/policy/src/bypass.ts")]);
  assert.notEqual(status, 0);
  assert.match(stderr.toString(), /ERR_PACKAGE_PATH_NOT_EXPORTED/);
});
