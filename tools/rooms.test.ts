import assert from "node:assert/strict";
import { dirname } from "node:path";
import { test } from "node:test";
import { checkForbidden, FORBIDDEN } from "./forbidden.ts";
import { type Changes, manifestOf, plantHouse, roomsWith } from "./planted-house.ts";
import { checkRooms } from "./rooms.ts";
import { findingToString, openSourceTree } from "./source-tree.ts";

test("the walls between our rooms stand", () => {
  const tree = openSourceTree(dirname(import.meta.dirname));
  assert.deepEqual([...checkRooms(tree), ...checkForbidden(tree)].map(findingToString), []);
});

test("a whole house has no findings", () => {
  using house = plantHouse();
  assert.deepEqual([...checkRooms(house.tree), ...checkForbidden(house.tree)], []);
});

const purpose = "to be tested";

/** What is planted, and the only finding it may cause: rule, file, and a word of the message. */
const violations: Readonly<Record<string, readonly [Changes, rule: string, file: string, says: RegExp]>> = {
  "a folder that rooms.json does not list": [
    { "core/attic/src/index.ts": "export {};\n" },
    "room-listed",
    "core/attic",
    /rooms\.json/,
  ],
  "a listed room without files": [
    { "rooms.json": roomsWith({ "core/cellar": { purpose, uses: [] } }) },
    "room-listed",
    "rooms.json",
    /core\/cellar/,
  ],
  "a room without a purpose": [
    { "rooms.json": roomsWith({ "core/base": { purpose: " ", uses: [] } }) },
    "room-purpose",
    "rooms.json",
    /core\/base/,
  ],
  "a dependency that rooms.json does not list": [
    { "core/policy/package.json": manifestOf("core/policy", ["base", "runtime"]) },
    "room-manifest",
    "core/policy/package.json",
    /runtime/,
  ],
  "a listed use that the manifest does not declare": [
    { "core/policy/package.json": manifestOf("core/policy", []) },
    "room-manifest",
    "core/policy/package.json",
    /base/,
  ],
  "a package from outside that rooms.json does not account for": [
    { "core/base/package.json": manifestOf("core/base", [], { dependencies: { "left-pad": "1.3.0" } }) },
    "room-manifest",
    "core/base/package.json",
    /left-pad/,
  ],
  "a package from outside without a reason": [
    {
      "rooms.json": roomsWith({ "core/base": { purpose, uses: [], outside: { "left-pad": "" } } }),
      "core/base/package.json": manifestOf("core/base", [], { dependencies: { "left-pad": "1.3.0" } }),
    },
    "room-purpose",
    "rooms.json",
    /left-pad/,
  ],
  "a second door in the manifest": [
    {
      "core/base/package.json": manifestOf("core/base", [], {
        exports: { ".": "./src/index.ts", "./bytes": "./src/bytes.ts" },
      }),
    },
    "room-manifest",
    "core/base/package.json",
    /exports/,
  ],
  "dependencies hidden among devDependencies": [
    { "core/base/package.json": manifestOf("core/base", [], { devDependencies: { "@vedette/runtime": "0.1.0" } }) },
    "room-manifest",
    "core/base/package.json",
    /devDependencies/,
  ],
  "a room without a manifest": [
    { "core/base/package.json": undefined },
    "room-manifest",
    "core/base/package.json",
    /missing/,
  ],
  "a room without a door": [{ "adapters/net/src/index.ts": undefined }, "room-door", "adapters/net", /index\.ts/],
  "a room without a README": [
    { "core/base/README.md": undefined },
    "room-readme",
    "core/base/README.md",
    /what I never do/,
  ],
  "a README of 41 lines": [
    { "core/base/README.md": "line\n".repeat(41) },
    "room-readme",
    "core/base/README.md",
    /41 lines/,
  ],
  "an import in testing that rooms.json does not list": [
    { "testing/fakes/src/second.ts": 'import { net } from "@vedette/net";\n\nexport const second = net();\n' },
    "room-imports",
    "testing/fakes/src/second.ts",
    /net/,
  ],
  "core that uses an adapter": [use("core/policy", ["base", "runtime"]), "room-direction", "rooms.json", /runtime/],
  "an adapter that uses another": [use("adapters/net", ["base", "runtime"]), "room-direction", "rooms.json", /runtime/],
  "an app that uses another": [
    use("apps/edge", ["base", "policy", "net", "control"]),
    "room-direction",
    "rooms.json",
    /control/,
  ],
  "a product room that uses testing": [use("apps/control", ["base", "fakes"]), "room-direction", "rooms.json", /fakes/],
  "a room that is used and does not exist": [
    use("apps/control", ["base", "ghost"]),
    "room-listed",
    "rooms.json",
    /ghost/,
  ],
  "rooms that use each other in a circle": [
    use("core/base", ["policy"]),
    "room-cycle",
    "rooms.json",
    /base → policy → base/,
  ],
};

function use(room: string, uses: readonly string[]): Changes {
  return { "rooms.json": roomsWith({ [room]: { purpose, uses } }), [`${room}/package.json`]: manifestOf(room, uses) };
}

for (const [planted, [changes, rule, file, says]] of Object.entries(violations)) {
  test(`${planted}: found, and nothing else`, () => {
    using house = plantHouse(changes);
    const found = checkRooms(house.tree);
    assert.deepEqual(
      found.map((finding) => [finding.rule, finding.file]),
      [[rule, file]],
      JSON.stringify(found),
    );
    assert.match(found[0]?.message ?? "", says);
  });
}

test("the command may be made of the two apps it starts, and starts at main.ts", () => {
  using house = plantHouse({ "apps/cli/src/index.ts": undefined, "apps/cli/src/main.ts": "console.log(1);\n" });
  assert.deepEqual(checkRooms(house.tree), []);
});

test("a testing room that no other uses needs no door, and one that is used does", () => {
  const doorless = { "testing/fakes/src/index.ts": undefined, "testing/fakes/src/story.test.ts": "" };
  using unused = plantHouse(doorless);
  assert.deepEqual(checkRooms(unused.tree), []);
  using used = plantHouse({
    ...doorless,
    ...use("testing/bench", ["fakes"]),
    "testing/bench/README.md": "# bench\n",
  });
  assert.deepEqual(
    checkRooms(used.tree).map(({ rule, file }) => [rule, file]),
    [["room-door", "testing/fakes"]],
  );
});

test("a forbidden package is found behind any number of others, with the way to it", () => {
  using house = plantHouse({
    "rooms.json": roomsWith({ "core/policy": { purpose, uses: ["base"], outside: { harmless: "a wrapper" } } }),
    "package-lock.json": JSON.stringify({
      packages: {
        "node_modules/harmless": { dependencies: { middle: "1.0.0" } },
        "node_modules/harmless/node_modules/middle": { dependencies: { zod: "4.0.0" } },
      },
    }),
  });
  const found = checkForbidden(house.tree);
  assert.equal(found.length, 1);
  assert.match(found[0]?.message ?? "", /@vedette\/edge → @vedette\/policy → harmless → middle → zod: 454 kB/);
});

test("whatever is forbidden, is forbidden to a room that exists", () => {
  const tree = openSourceTree(dirname(import.meta.dirname));
  for (const { room } of FORBIDDEN) assert.ok(tree.has(`${room}/package.json`), room);
});
