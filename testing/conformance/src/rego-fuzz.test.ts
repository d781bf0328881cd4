import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { compareCase, OPA, OpaServer, opaMissing } from "./rego-differential.ts";
import { fuzzMany } from "./rego-fuzz.ts";
import { generateCase, withPlainNumbers } from "./rego-fuzz-modules.ts";

/** Some seconds; the long run is a command of its own (`docs/conformance/rego-fuzzing.md`). */
const CASES = 60;

for (const [name, seed] of [
  ["seeds that every run tries", 1],
  ["seeds that no run tried before", randomInt(1_000_000_000)],
] as const)
  test(`random policies mean the same however they are run: ${name}`, () => {
    const { faults, compiled, outcomes } = fuzzMany(seed, CASES);
    assert.deepEqual(faults, [], `seeds from ${seed}`);
    assert.ok(compiled > CASES / 3, `only ${compiled} of ${CASES} compile`);
    assert.ok((outcomes["value"] ?? 0) > 0);
  });

test("and nearly always the same as in OPA", { skip: opaMissing }, async () => {
  await using server = await OpaServer.start(OPA ?? "opa");
  let compared = 0;
  const differences: unknown[] = [];
  for (let seed = 1; seed <= 40; seed++) {
    const comparison = await compareCase(server, withPlainNumbers(generateCase(seed)));
    compared += comparison.compared;
    differences.push(...comparison.differences);
  }
  assert.ok(compared > 0);
  assert.ok(
    differences.length < compared * 0.05,
    `${differences.length} of ${compared}: ${JSON.stringify(differences[0])}`,
  );
});
