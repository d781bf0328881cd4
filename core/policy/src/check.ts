import {
  assert,
  err,
  type Json,
  type JsonItems,
  type LocatedJson,
  ok,
  parseListedJson,
  type Result,
} from "@vedette/base";
import { ConditionChecker, type Params } from "./check-condition.ts";
import { ID, PROSE, RuleReader } from "./check-rule.ts";
import { DocumentReader, type Fault, type Members } from "./document-reader.ts";
import type { PolicyError, PolicyFinding } from "./errors.ts";
import { lintRules } from "./lint.ts";
import { Pointer } from "./pointer.ts";
import type { PolicyDocument, Rule } from "./rules.ts";

/** Twice the largest policy we measure (100,000 rules); beyond it, activation would hold the node for seconds. */
const RULES_MAX = 200_000;
/** Room for that many rules. */
const POLICY_LENGTH_MAX = 67_108_864;
/** Conditions nest 8 levels of operator and list inside document, rules and rule; obligations may hold some structure. */
const DEPTH_MAX = 32;
const PARAMS_MAX = 256;
const MASK_MAX = 64;
const POLICY: Members = {
  required: ["kind", "id", "default", "rules"],
  optional: ["description", "params", "mask"],
};
const MASK = /^\/input(?:\/[^/]+){1,8}$/;

export interface CheckedPolicy {
  readonly document: PolicyDocument;
  readonly warnings: readonly PolicyFinding[];
}

/** Checks rules as their author wants it: everything that is wrong, and warnings about rules that never matter. */
export function checkPolicy(text: string, file: string): Result<CheckedPolicy, PolicyError> {
  const read = readPolicy(text, file);
  if (!read.ok) return read;
  const { json, document, unusedParams } = read.value;
  const unused = unusedParams.map((name) => ({
    code: "PARAM_UNUSED" as const,
    pointer: `/params/${name}`,
    message: "parameter not used",
    expected: "a rule that names it, or no parameter",
  }));
  const warnings = [...unused, ...lintRules(document)].map(({ pointer, ...finding }) => ({
    ...finding,
    file,
    ...json.positionOf(pointer),
  }));
  return ok({ document, warnings });
}

/** The same checks without warnings: what a node runs on activation. */
export function parsePolicy(text: string, file: string): Result<PolicyDocument, PolicyError> {
  const read = readPolicy(text, file);
  return read.ok ? ok(read.value.document) : read;
}

interface ReadPolicy {
  readonly json: LocatedJson;
  readonly document: PolicyDocument;
  readonly unusedParams: readonly string[];
}

function readPolicy(text: string, file: string): Result<ReadPolicy, PolicyError> {
  const json = parseListedJson(text, { length: POLICY_LENGTH_MAX, depth: DEPTH_MAX }, "rules");
  if (!json.ok) return refuse([{ ...json.error, file, message: "not strict JSON" }]);
  const reader = new DocumentReader();
  const read = new PolicyReader(reader).read(json.value.value, json.value.items);
  if (!read || reader.faults.length > 0) return refuse(reader.faults.map((fault) => locate(fault, json.value, file)));
  return ok({ json: json.value, ...read });
}

function refuse(findings: readonly PolicyFinding[]): Result<never, PolicyError> {
  return err({ code: "POLICY_REFUSED", findings });
}

function locate({ pointer, part, ...fault }: Fault, json: LocatedJson, file: string): PolicyFinding {
  return { ...fault, file, ...json.positionOf(pointer, part) };
}

class PolicyReader {
  readonly #reader: DocumentReader;

  constructor(reader: DocumentReader) {
    this.#reader = reader;
  }

  read(
    value: Json,
    items: JsonItems | undefined,
  ): { document: PolicyDocument; unusedParams: readonly string[] } | undefined {
    const members = this.#reader.object(value, Pointer.root, POLICY);
    if (!members) return undefined;
    this.#reader.text(members["kind"], Pointer.root.below("kind"), /^rules\/v1$/, '"rules/v1"');
    this.#reader.text(members["default"], Pointer.root.below("default"), /^deny$/, '"deny"');
    this.#reader.text(
      members["description"],
      Pointer.root.below("description"),
      PROSE,
      "a text of at most 1,024 characters",
    );
    const id =
      this.#reader.text(members["id"], Pointer.root.below("id"), ID, "an id: letters, digits and . _ : / -") ?? "";
    const mask = this.#reader.texts(
      members["mask"],
      Pointer.root.below("mask"),
      MASK_MAX,
      MASK,
      "a JSON pointer such as /input/context/pin",
    );
    const params = this.#params(members["params"]);
    const conditions = new ConditionChecker(this.#reader, params);
    const rules = this.#rules(members["rules"], items, conditions);
    const unusedParams = [...params.keys()].filter((name) => !conditions.usedParams.has(name));
    return { document: { id, mask: mask ?? [], rules }, unusedParams };
  }

  #params(value: Json | undefined): Params {
    const at = Pointer.root.below("params");
    const members =
      value === undefined ? {} : this.#reader.object(value, at, { required: [], optional: Object.keys(value ?? {}) });
    const params = new Map(Object.entries(members ?? {}));
    if (params.size > PARAMS_MAX)
      this.#reader.report("LIMIT_EXCEEDED", at, "too many parameters", `at most ${PARAMS_MAX}`);
    for (const name of params.keys())
      if (!/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name))
        this.#reader.report("VALUE_INVALID", at, "name not allowed", "names of letters, digits, _ and -");
    return params;
  }

  #rules(value: Json | undefined, items: JsonItems | undefined, conditions: ConditionChecker): readonly Rule[] {
    const reader = new RuleReader(this.#reader, conditions);
    const list = Pointer.root.below("rules");
    const count = items?.length ?? 0;
    if (value !== undefined && count === 0) this.#reader.mismatch(list, "a list of rules, at least one");
    if (count > RULES_MAX) this.#reader.report("LIMIT_EXCEEDED", list, "list too long", `at most ${RULES_MAX} items`);
    if (!items || count > RULES_MAX) return [];
    const seen = new Set<string>();
    const rules: Rule[] = [];
    for (let i = 0; i < count; i++) {
      const at = list.below(i);
      const rule = reader.read(items.at(i), at);
      // INVARIANT: a rule that was not understood is a finding, or a deny rule could silently be lost.
      assert(rule !== undefined || this.#reader.faults.length > 0, "a rule that was not read is a finding");
      if (!rule) continue;
      if (seen.has(rule.id))
        this.#reader.report("DUPLICATE_ID", at.below("id"), "rule id used before", "an id of its own");
      seen.add(rule.id);
      rules.push(rule);
    }
    return rules;
  }
}
