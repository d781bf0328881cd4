import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { instant, isJsonObject, type JsonObject } from "@vedette/base";
import {
  type AccessRequest,
  type AttestationState,
  type CompiledPolicy,
  compileCode,
  compilePolicy,
  type Decision,
  decide,
  parseAccessRequest,
  parsePolicy,
} from "@vedette/policy";
import { closures, javascript } from "@vedette/rego";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";

const MAIN = join(import.meta.dirname, "../../../apps/cli/src/main.ts");
const EXAMPLES = join(import.meta.dirname, "../../../examples");
const NAMES = [
  "atm-withdrawals",
  "break-glass",
  "factory-segmentation",
  "pci-profile",
  "pos-pricing",
  "sensor-topics",
  "store-17",
];
const NOW = instant(Date.UTC(2026, 10, 22, 12));
const ports = { crypto: createNodeCrypto(), random: systemRandom };
const NO_RULES = JSON.stringify({ kind: "rules/v1", id: "none", default: "deny", rules: [NOBODY()] });

/** A document of rules has at least one: this one never holds. */
function NOBODY(): JsonObject {
  return {
    id: "nobody",
    effect: "allow",
    subject: { type: "nobody" },
    action: ["nothing"],
    resource: { type: "nothing" },
  };
}

interface Case {
  readonly name: string;
  readonly request: AccessRequest;
  readonly situation: Situation;
  readonly expect: JsonObject;
}

/** What the node knows beside the request. */
interface Situation {
  readonly state: AttestationState;
  readonly spent: number;
}

/** What a bundle of the example holds: no tests, no cases. */
function filesOf(name: string): ReadonlyMap<string, Uint8Array> {
  const folder = join(EXAMPLES, name);
  const files = globSync("**/*.{rego,json}", { cwd: folder }).filter(
    (file) => !/(?:_test\.rego|(?:cases|rules|request|withdrawal)\.json)$/.test(file),
  );
  return new Map(files.map((file) => [relative(".", file), readFileSync(join(folder, file))]));
}

function policyOf(name: string, backEnd: typeof closures): CompiledPolicy {
  const code = compileCode(filesOf(name), [""], backEnd);
  assert.ok(code.ok, JSON.stringify(code));
  const file = join(EXAMPLES, name, "rules.json");
  const text = globSync(file).length > 0 ? readFileSync(file, "utf8") : NO_RULES;
  const rules = parsePolicy(text, "rules.json");
  assert.ok(rules.ok, JSON.stringify(rules));
  const compiled = compilePolicy(rules.value, { bundle: name, revision: "1", notAfter: instant(NOW + 1) });
  return { ...compiled, ...(code.value && { code: { modules: code.value, ports } }) };
}

function casesOf(name: string): readonly Case[] {
  const { cases } = JSON.parse(readFileSync(join(EXAMPLES, name, "cases.json"), "utf8"));
  return cases.map((item: JsonObject) => {
    const request = parseAccessRequest(item);
    assert.ok(request.ok, JSON.stringify(request));
    const { name, state = "fresh", spent = 0, expect } = item;
    return { name, request: request.value, situation: { state, spent }, expect };
  });
}

function decideCase(policy: CompiledPolicy, request: AccessRequest, { state, spent }: Situation): Decision {
  return decide(policy, request, {
    now: NOW,
    attestation: { state },
    counters: { spent: () => spent },
    labels: {},
    requestedBy: "example",
  });
}

/** As much of a decision as the case speaks of. */
function factsOf({ effect, reason, ruleId, escalation, obligations }: Decision, expect: JsonObject): JsonObject {
  const facts = {
    effect,
    reason,
    rule: ruleId ?? null,
    tier: escalation?.tier ?? null,
    obligations: obligations.map(({ type }) => type),
  };
  return Object.fromEntries(Object.entries(facts).filter(([name]) => name in expect));
}

for (const name of NAMES)
  for (const [way, backEnd] of [
    ["closures", closures],
    ["generated code", javascript],
  ] as const)
    test(`example ${name} decides as it says (${way})`, async (t) => {
      const policy = policyOf(name, backEnd);
      for (const { name: title, request, situation, expect } of casesOf(name))
        await t.test(title, () => {
          const decision = decideCase(policy, request, situation);
          assert.deepEqual(factsOf(decision, expect), expect);
        });
    });

for (const name of NAMES)
  test(`example ${name}: leaving out what a denied request said never opens a door`, () => {
    const policy = policyOf(name, closures);
    for (const { name: title, request, situation } of casesOf(name)) {
      if (decideCase(policy, request, situation).effect !== "deny") continue;
      for (const [member, less] of reductions(request))
        assert.equal(decideCase(policy, less, situation).effect, "deny", `${title}, without ${member}`);
    }
  });

/** The request without one member of its context, or of the properties of subject or resource. */
function reductions(request: AccessRequest): (readonly [member: string, request: AccessRequest])[] {
  const without = (from: JsonObject, name: string) =>
    Object.fromEntries(Object.entries(from).filter(([key]) => key !== name));
  const { context = {}, subject, resource } = request;
  return [
    ...Object.keys(context).map(
      (name) => [`context.${name}`, { ...request, context: without(context, name) }] as const,
    ),
    ...Object.keys(subject.properties ?? {}).map(
      (name) =>
        [
          `subject.${name}`,
          { ...request, subject: { ...subject, properties: without(subject.properties ?? {}, name) } },
        ] as const,
    ),
    ...Object.keys(resource.properties ?? {}).map(
      (name) =>
        [
          `resource.${name}`,
          { ...request, resource: { ...resource, properties: without(resource.properties ?? {}, name) } },
        ] as const,
    ),
  ];
}

for (const name of NAMES)
  test(`example ${name} passes \`vedette policy test\`, its cases among the tests`, () => {
    const { status, stdout } = spawnSync(process.execPath, [MAIN, "policy", "test", join(EXAMPLES, name), "-v"], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout);
    for (const { name: title } of casesOf(name)) assert.ok(stdout.includes(`cases.json.${title}: PASS`), title);
  });

test("the examples' cases name members that a decision has", () => {
  for (const name of NAMES)
    for (const { expect } of casesOf(name)) assert.ok(isJsonObject(expect) && "effect" in expect);
});
