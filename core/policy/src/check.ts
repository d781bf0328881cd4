import {
  err,
  type Json,
  type JsonObject,
  type LocatedJson,
  ok,
  parseDuration,
  parseLocatedJson,
  type Result,
} from "@vedette/base";
import { ConditionChecker, type Params } from "./check-condition.ts";
import { DocumentReader, type Fault } from "./document-reader.ts";
import type { PolicyError, PolicyFinding } from "./errors.ts";
import { parseGlob } from "./glob.ts";
import { lintRules } from "./lint.ts";
import { RESOURCE_ID_LENGTH_MAX } from "./request.ts";
import {
  ANY,
  type Obligation,
  type PolicyDocument,
  type ResourceIdSelector,
  type Rule,
  type SpendLimit,
} from "./rules.ts";

/** Twice the largest policy we measure (100,000 rules); beyond it, activation would hold the node for seconds. */
const RULES_MAX = 200_000;
/** Room for that many rules. */
const POLICY_LENGTH_MAX = 67_108_864;
/** Conditions nest 8 levels of operator and list inside document, rules and rule; obligations may hold some structure. */
const DEPTH_MAX = 32;
const PARAMS_MAX = 256;
const MASK_MAX = 64;
const OBLIGATIONS_MAX = 16;
/** Names in one selector. */
const NAMES_MAX = 256;
/** Entries that one rule takes in the index: actions × roles. More of them are clearer as `*`. */
const INDEX_ENTRIES_MAX = 4_096;
/** A power cut may lose the records of this many seconds; more would not be a journal any longer (PROTOCOLS 6.2). */
const FAST_COMMIT_MAX = 10_000;

const ID = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
const NAME = /^[^\s*]{1,128}$/;
const NAME_OR_ANY = /^(?:\*|[^\s*]{1,128})$/;
const PROSE = /^[\s\S]{1,1024}$/;
const MASK = /^\/input(?:\/[^/]+){1,8}$/;

/** PROTOCOLS 6.2: money, actuation, keys, approvals and quarantine are never committed after the effect. */
const ALWAYS_DURABLE: ReadonlySet<string> = new Set([
  ANY,
  "money",
  "cash",
  "payment",
  "account",
  "withdraw",
  "deposit",
  "pay",
  "refund",
  "transfer",
  "actuator",
  "actuate",
  "unlock",
  "open",
  "key",
  "keys",
  "lease",
  "release",
  "sign",
  "decrypt",
  "approval",
  "approve",
  "consent",
  "quarantine",
  "isolate",
]);

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
  const json = parseLocatedJson(text, { length: POLICY_LENGTH_MAX, depth: DEPTH_MAX });
  if (!json.ok) return refuse([{ ...json.error, file, message: "not strict JSON" }]);
  const reader = new DocumentReader();
  const read = new PolicyReader(reader).read(json.value.value);
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
  #conditions: ConditionChecker;

  constructor(reader: DocumentReader) {
    this.#reader = reader;
    this.#conditions = new ConditionChecker(reader, new Map());
  }

  read(value: Json): { document: PolicyDocument; unusedParams: readonly string[] } | undefined {
    const required = ["kind", "id", "default", "rules"];
    const members = this.#reader.object(value, "", required, ["description", "params", "mask"]);
    if (!members) return undefined;
    this.#reader.text(members["kind"], "/kind", /^rules\/v1$/, '"rules/v1"');
    this.#reader.text(members["default"], "/default", /^deny$/, '"deny"');
    this.#reader.text(members["description"], "/description", PROSE, "a text of at most 1,024 characters");
    const id = this.#reader.text(members["id"], "/id", ID, "an id: letters, digits and . _ : / -") ?? "";
    const mask = this.#reader.texts(
      members["mask"],
      "/mask",
      MASK_MAX,
      MASK,
      "a JSON pointer such as /input/context/pin",
    );
    const params = this.#params(members["params"]);
    this.#conditions = new ConditionChecker(this.#reader, params);
    const rules = this.#rules(members["rules"]);
    const unusedParams = [...params.keys()].filter((name) => !this.#conditions.usedParams.has(name));
    return { document: { id, mask: mask ?? [], rules }, unusedParams };
  }

  #params(value: Json | undefined): Params {
    const members = value === undefined ? {} : this.#reader.object(value, "/params", [], Object.keys(value ?? {}));
    const params = new Map(Object.entries(members ?? {}));
    if (params.size > PARAMS_MAX)
      this.#reader.report("LIMIT_EXCEEDED", "/params", "too many parameters", `at most ${PARAMS_MAX}`);
    for (const name of params.keys())
      if (!/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name))
        this.#reader.report("VALUE_INVALID", "/params", "name not allowed", "names of letters, digits, _ and -");
    return params;
  }

  #rules(value: Json | undefined): readonly Rule[] {
    const items = this.#reader.list(value, "/rules", RULES_MAX, "a list of rules, at least one") ?? [];
    const seen = new Set<string>();
    const rules: Rule[] = [];
    for (const [i, item] of items.entries()) {
      const at = `/rules/${i}`;
      const rule = this.#rule(item, at);
      if (!rule) continue;
      if (seen.has(rule.id)) this.#reader.report("DUPLICATE_ID", `${at}/id`, "rule id used before", "an id of its own");
      seen.add(rule.id);
      rules.push(rule);
    }
    return rules;
  }

  #rule(value: Json, at: string): Rule | undefined {
    const optional = ["description", "when", "obligations", "states", "safe", "spend", "commit"];
    const members = this.#reader.object(value, at, ["id", "effect", "subject", "action", "resource"], optional);
    if (!members) return undefined;
    const id = this.#reader.text(members["id"], `${at}/id`, ID, "an id: letters, digits and . _ : / -");
    const effect = this.#reader.text(members["effect"], `${at}/effect`, /^(allow|deny)$/, '"allow" or "deny"');
    const description = this.#reader.text(
      members["description"],
      `${at}/description`,
      PROSE,
      "a text of at most 1,024 characters",
    );
    const subject = this.#subject(members["subject"], `${at}/subject`);
    const actions = this.#reader.texts(
      members["action"],
      `${at}/action`,
      NAMES_MAX,
      NAME_OR_ANY,
      'action names, or "*"',
    );
    const resource = this.#resource(members["resource"], `${at}/resource`);
    if (effect === "deny") this.#refuseAllowFields(members, at);
    if (!id || (effect !== "allow" && effect !== "deny") || !subject || !actions || !resource) return undefined;
    const entries = actions.length * (subject.roles?.length ?? 1);
    if (entries > INDEX_ENTRIES_MAX)
      this.#reader.report("LIMIT_EXCEEDED", at, "too many actions × roles", `at most ${INDEX_ENTRIES_MAX}`);
    const when =
      members["when"] === undefined ? undefined : this.#conditions.check(members["when"], `${at}/when`, effect);
    const spend = members["spend"] === undefined ? undefined : this.#spend(members["spend"], `${at}/spend`);
    const fastCommit = this.#commit(members, `${at}/commit`, [resource.type, ...actions]);
    return {
      id,
      effect,
      ...(description !== undefined && { description }),
      subject,
      actions,
      resource,
      ...(when && { when }),
      obligations: this.#obligations(members["obligations"], `${at}/obligations`),
      states: effect === "deny" ? ["fresh", "stale", "expired"] : this.#states(members, at),
      ...(spend && { spend }),
      ...(fastCommit !== undefined && { fastCommit }),
    };
  }

  #refuseAllowFields(members: JsonObject, at: string): void {
    for (const field of ["states", "safe", "spend", "commit"])
      if (members[field] !== undefined)
        this.#reader.report(
          "UNKNOWN_FIELD",
          `${at}/${field}`,
          "field of allow rules",
          "no such field: a deny rule always fires",
          "key",
        );
  }

  #subject(value: Json | undefined, at: string): Rule["subject"] | undefined {
    if (value === undefined) return undefined;
    const members = this.#reader.object(value, at, ["type"], ["roles", "class"]);
    const type = this.#reader.text(members?.["type"], `${at}/type`, NAME_OR_ANY, 'a subject type, or "*"');
    const roles = this.#reader.texts(members?.["roles"], `${at}/roles`, NAMES_MAX, NAME, "role names");
    const classes = this.#reader.texts(members?.["class"], `${at}/class`, NAMES_MAX, NAME, "class names");
    return type === undefined ? undefined : { type, ...(roles && { roles }), ...(classes && { class: classes }) };
  }

  #resource(value: Json | undefined, at: string): Rule["resource"] | undefined {
    if (value === undefined) return undefined;
    const members = this.#reader.object(value, at, ["type"], ["id"]);
    const type = this.#reader.text(members?.["type"], `${at}/type`, NAME_OR_ANY, 'a resource type, or "*"');
    const id = members?.["id"] === undefined ? undefined : this.#resourceId(members["id"], `${at}/id`);
    return type === undefined ? undefined : { type, ...(id && { id }) };
  }

  #resourceId(value: Json, at: string): ResourceIdSelector | undefined {
    const expected = 'an exact id, {"prefix": "…"} or {"glob": "…"}';
    if (typeof value === "string") return this.#resourceIdText("exact", value, at, expected);
    const members = this.#reader.object(value, at, [], ["prefix", "glob"]);
    const [kind, ...others] = Object.keys(members ?? {});
    if ((kind !== "prefix" && kind !== "glob") || others.length > 0) {
      if (members) this.#reader.mismatch(at, expected);
      return undefined;
    }
    return this.#resourceIdText(kind, members?.[kind] ?? null, `${at}/${kind}`, expected);
  }

  #resourceIdText(
    kind: ResourceIdSelector["kind"],
    text: Json,
    at: string,
    expected: string,
  ): ResourceIdSelector | undefined {
    const isLegal = typeof text === "string" && text.length > 0 && text.length <= RESOURCE_ID_LENGTH_MAX;
    if (isLegal && (kind !== "glob" || parseGlob(text))) return { kind, text };
    this.#reader.report(
      "VALUE_INVALID",
      at,
      "not a resource id",
      kind === "glob" ? "a pattern with * or **" : expected,
    );
    return undefined;
  }

  /** PROTOCOLS 2.6: stale means fewer verbs, expired only what is marked safe. */
  #states(members: JsonObject, at: string): Rule["states"] {
    const { safe } = members;
    if (safe !== undefined && typeof safe !== "boolean") this.#reader.mismatch(`${at}/safe`, "true or false");
    const states = this.#reader.texts(members["states"], `${at}/states`, 2, /^(fresh|stale)$/, '"fresh" or "stale"');
    if (safe === true && states)
      this.#reader.report(
        "VALUE_INVALID",
        `${at}/states`,
        "contradicts safe",
        "either states or safe, not both",
        "key",
      );
    if (safe === true) return ["fresh", "stale", "expired"];
    return states?.includes("stale") ? ["fresh", "stale"] : ["fresh"];
  }

  #obligations(value: Json | undefined, at: string): readonly Obligation[] {
    const items = this.#reader.list(value, at, OBLIGATIONS_MAX, "a list of obligations") ?? [];
    const obligations: Obligation[] = [];
    for (const [i, item] of items.entries()) {
      const members = this.#reader.object(item, `${at}/${i}`, ["type"], Object.keys(item ?? {}));
      const type = this.#reader.text(members?.["type"], `${at}/${i}/type`, NAME, "the name of an obligation");
      if (members && type !== undefined) obligations.push({ ...members, type });
    }
    return obligations;
  }

  #spend(value: Json, at: string): SpendLimit | undefined {
    const members = this.#reader.object(value, at, ["counter", "amount", "limit", "window", "per"], []);
    if (!members) return undefined;
    const counter = this.#reader.text(members["counter"], `${at}/counter`, ID, "the name of a counter");
    const amount = this.#conditions.attribute(members["amount"], `${at}/amount`, "allow");
    const per = this.#conditions.attribute(members["per"], `${at}/per`, "allow");
    const limit = this.#conditions.param(members["limit"] ?? null, `${at}/limit`);
    const window = parseDuration(typeof members["window"] === "string" ? members["window"] : "");
    if (limit !== undefined && (typeof limit !== "number" || limit < 0))
      this.#reader.mismatch(`${at}/limit`, 'a number of at least 0, or {"param": "…"}');
    if (!window.ok || window.value <= 0) this.#reader.mismatch(`${at}/window`, "an ISO 8601 duration such as P1D");
    if (!counter || !amount || !per || typeof limit !== "number" || !window.ok) return undefined;
    return { counter, amount, limit, window: window.value, per };
  }

  #commit(members: JsonObject, at: string, names: readonly string[]): Rule["fastCommit"] {
    if (members["commit"] === undefined) return undefined;
    const commit = this.#reader.object(members["commit"], at, ["fast"], []);
    const window = parseDuration(typeof commit?.["fast"] === "string" ? commit["fast"] : "");
    if (!window.ok || window.value <= 0 || window.value > FAST_COMMIT_MAX) {
      this.#reader.report(
        "VALUE_INVALID",
        `${at}/fast`,
        "not a window",
        "a duration of at most 10 seconds, such as PT1S",
      );
      return undefined;
    }
    const durable = names.find((name) => ALWAYS_DURABLE.has(name.toLowerCase()));
    if (durable === undefined && members["spend"] === undefined) return window.value;
    this.#reader.report(
      "FAST_COMMIT_REFUSED",
      at,
      "must be durable before the effect",
      'no "commit": money, actuation, keys, approvals, quarantine and "*" are always durable',
      "key",
    );
    return undefined;
  }
}
