import { isJsonObject, type Json, type JsonObject, parseDuration } from "@vedette/base";
import type { ConditionChecker } from "./check-condition.ts";
import type { DocumentReader, Members } from "./document-reader.ts";
import { ESCALATION_EXPECTED, parseEscalation } from "./escalation.ts";
import { parseGlob } from "./glob.ts";
import type { Pointer } from "./pointer.ts";
import { RESOURCE_ID_LENGTH_MAX } from "./request.ts";
import { ANY, type Obligation, type ResourceIdSelector, type Rule, type SpendLimit } from "./rules.ts";

const OBLIGATIONS_MAX = 16;
/** Names in one selector. */
const NAMES_MAX = 256;
/** Entries that one rule takes in the index: actions × roles. More of them are clearer as `*`. */
const INDEX_ENTRIES_MAX = 4_096;
/** A power cut may lose the records of this many seconds; more would not be a journal any longer (PROTOCOLS 6.2). */
const FAST_COMMIT_MAX = 10_000;

const RULE: Members = {
  required: ["id", "effect", "subject", "action", "resource"],
  optional: ["description", "when", "obligations", "states", "safe", "spend", "commit", "escalate"],
};
const SUBJECT: Members = { required: ["type"], optional: ["roles", "class"] };
const RESOURCE: Members = { required: ["type"], optional: ["id"] };
const RESOURCE_ID: Members = { required: [], optional: ["prefix", "glob"] };
const SPEND: Members = { required: ["counter", "amount", "limit", "window", "per"], optional: [] };
const COMMIT: Members = { required: ["fast"], optional: [] };

export const ID: RegExp = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
export const PROSE: RegExp = /^[\s\S]{1,1024}$/;
const NAME = /^[^\s*]{1,128}$/;
const NAME_OR_ANY = /^(?:\*|[^\s*]{1,128})$/;

/** PROTOCOLS 6.2: money, actuation, keys, approvals and quarantine are never committed after the effect. */
const ALWAYS_DURABLE: ReadonlySet<string> = new Set([
  ANY,
  ...["money", "cash", "payment", "account", "withdraw", "deposit", "pay", "refund", "transfer"],
  ...["actuator", "actuate", "unlock", "open"],
  ...["key", "keys", "lease", "release", "sign", "decrypt"],
  ...["approval", "approve", "consent", "quarantine", "isolate"],
]);

/** Checks one rule after the other against the closed schema of rules v1. */
export class RuleReader {
  readonly #reader: DocumentReader;
  readonly #conditions: ConditionChecker;

  constructor(reader: DocumentReader, conditions: ConditionChecker) {
    this.#reader = reader;
    this.#conditions = conditions;
  }

  /** One rule as written; undefined when something in it is a finding. */
  read(value: Json, at: Pointer): Rule | undefined {
    const members = this.#reader.object(value, at, RULE);
    if (!members) return undefined;
    const id = this.#reader.text(members["id"], at.below("id"), ID, "an id: letters, digits and . _ : / -");
    const effect = this.#effect(members, at);
    const selectors = this.#selectors(members, at);
    const terms = effect && this.#terms(members, at, effect);
    if (id === undefined || !effect || !selectors || !terms) return undefined;
    if (effect === "deny") return { id, effect, ...selectors, ...terms, states: ["fresh", "stale", "expired"] };
    const { resource, actions } = selectors;
    return { id, effect, ...selectors, ...terms, ...this.#allowance(members, at, [resource.type, ...actions]) };
  }

  #effect(members: JsonObject, at: Pointer): Rule["effect"] | undefined {
    const effect = this.#reader.text(members["effect"], at.below("effect"), /^(allow|deny)$/, '"allow" or "deny"');
    if (effect === "deny") this.#refuseAllowFields(members, at);
    return effect === "allow" || effect === "deny" ? effect : undefined;
  }

  #selectors(members: JsonObject, at: Pointer): Pick<Rule, "subject" | "actions" | "resource"> | undefined {
    const subject = this.#subject(members["subject"], at.below("subject"));
    const expected = 'action names, or "*"';
    const actions = this.#reader.texts(members["action"], at.below("action"), NAMES_MAX, NAME_OR_ANY, expected);
    const resource = this.#resource(members["resource"], at.below("resource"));
    if (!subject || !actions || !resource) return undefined;
    if (actions.length * (subject.roles?.length ?? 1) > INDEX_ENTRIES_MAX)
      this.#reader.report("LIMIT_EXCEEDED", at, "too many actions × roles", `at most ${INDEX_ENTRIES_MAX}`);
    return { subject, actions, resource };
  }

  /** What both effects may have: condition, obligations, words. */
  #terms(
    members: JsonObject,
    at: Pointer,
    effect: Rule["effect"],
  ): Pick<Rule, "when" | "obligations" | "description"> | undefined {
    const expected = "a text of at most 1,024 characters";
    const description = this.#reader.text(members["description"], at.below("description"), PROSE, expected);
    const obligations = this.#obligations(members["obligations"], at.below("obligations"));
    const { when: condition } = members;
    const when = condition === undefined ? undefined : this.#conditions.check(condition, at.below("when"), effect);
    if (condition !== undefined && !when) return undefined;
    return { ...(description !== undefined && { description }), ...(when && { when }), obligations };
  }

  /** What only an allow rule has. `names` are what it is about. */
  #allowance(
    members: JsonObject,
    at: Pointer,
    names: readonly string[],
  ): Pick<Rule, "states" | "spend" | "fastCommit" | "escalate"> {
    const spend = members["spend"] === undefined ? undefined : this.#spend(members["spend"], at.below("spend"));
    const fastCommit = this.#commit(members, at.below("commit"), names);
    const escalate = this.#escalation(members["escalate"], at.below("escalate"));
    return {
      ...(escalate && { escalate }),
      states: this.#states(members, at),
      ...(spend && { spend }),
      ...(fastCommit !== undefined && { fastCommit }),
    };
  }

  #refuseAllowFields(members: JsonObject, at: Pointer): void {
    for (const field of ["states", "safe", "spend", "commit", "escalate"])
      if (members[field] !== undefined)
        this.#reader.report(
          "UNKNOWN_FIELD",
          at.below(field),
          "field of allow rules",
          "no such field: a deny rule always fires",
          "key",
        );
  }

  #subject(value: Json | undefined, at: Pointer): Rule["subject"] | undefined {
    if (value === undefined) return undefined;
    const members = this.#reader.object(value, at, SUBJECT);
    const type = this.#reader.text(members?.["type"], at.below("type"), NAME_OR_ANY, 'a subject type, or "*"');
    const roles = this.#reader.texts(members?.["roles"], at.below("roles"), NAMES_MAX, NAME, "role names");
    const classes = this.#reader.texts(members?.["class"], at.below("class"), NAMES_MAX, NAME, "class names");
    return type === undefined ? undefined : { type, ...(roles && { roles }), ...(classes && { class: classes }) };
  }

  #resource(value: Json | undefined, at: Pointer): Rule["resource"] | undefined {
    if (value === undefined) return undefined;
    const members = this.#reader.object(value, at, RESOURCE);
    const type = this.#reader.text(members?.["type"], at.below("type"), NAME_OR_ANY, 'a resource type, or "*"');
    const id = members?.["id"] === undefined ? undefined : this.#resourceId(members["id"], at.below("id"));
    return type === undefined ? undefined : { type, ...(id && { id }) };
  }

  #resourceId(value: Json, at: Pointer): ResourceIdSelector | undefined {
    const expected = 'an exact id, {"prefix": "…"} or {"glob": "…"}';
    if (typeof value === "string") return this.#resourceIdText("exact", value, at, expected);
    const members = this.#reader.object(value, at, RESOURCE_ID);
    const [kind, ...others] = Object.keys(members ?? {});
    if ((kind !== "prefix" && kind !== "glob") || others.length > 0) {
      if (members) this.#reader.mismatch(at, expected);
      return undefined;
    }
    return this.#resourceIdText(kind, members?.[kind] ?? null, at.below(kind), expected);
  }

  #resourceIdText(
    kind: ResourceIdSelector["kind"],
    text: Json,
    at: Pointer,
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
  #states(members: JsonObject, at: Pointer): Rule["states"] {
    const { safe } = members;
    if (safe !== undefined && typeof safe !== "boolean") this.#reader.mismatch(at.below("safe"), "true or false");
    const states = this.#reader.texts(
      members["states"],
      at.below("states"),
      2,
      /^(fresh|stale)$/,
      '"fresh" or "stale"',
    );
    if (safe === true && states)
      this.#reader.report(
        "VALUE_INVALID",
        at.below("states"),
        "contradicts safe",
        "either states or safe, not both",
        "key",
      );
    if (safe === true) return ["fresh", "stale", "expired"];
    return states?.includes("stale") ? ["fresh", "stale"] : ["fresh"];
  }

  #obligations(value: Json | undefined, at: Pointer): readonly Obligation[] {
    const items = this.#reader.list(value, at, OBLIGATIONS_MAX, "a list of obligations") ?? [];
    const obligations: Obligation[] = [];
    for (const [i, item] of items.entries()) {
      const members = this.#reader.object(item, at.below(i), { required: ["type"], optional: Object.keys(item ?? {}) });
      const type = this.#reader.text(members?.["type"], at.below(i).below("type"), NAME, "the name of an obligation");
      if (members && type !== undefined) obligations.push({ ...members, type });
    }
    return obligations;
  }

  #spend(value: Json, at: Pointer): SpendLimit | undefined {
    const members = this.#reader.object(value, at, SPEND);
    if (!members) return undefined;
    const counter = this.#reader.text(members["counter"], at.below("counter"), ID, "the name of a counter");
    const amount = this.#conditions.attribute(members["amount"], at.below("amount"), "allow");
    const per = this.#conditions.attribute(members["per"], at.below("per"), "allow");
    const limit = this.#conditions.param(members["limit"] ?? null, at.below("limit"));
    const window = parseDuration(typeof members["window"] === "string" ? members["window"] : "");
    if (limit !== undefined && (typeof limit !== "number" || limit < 0))
      this.#reader.mismatch(at.below("limit"), 'a number of at least 0, or {"param": "…"}');
    if (!window.ok || window.value <= 0) this.#reader.mismatch(at.below("window"), "an ISO 8601 duration such as P1D");
    if (!counter || !amount || !per || typeof limit !== "number" || !window.ok) return undefined;
    return { counter, amount, limit, window: window.value, per };
  }

  #escalation(value: Json | undefined, at: Pointer): Rule["escalate"] {
    if (value === undefined) return undefined;
    const escalation = parseEscalation(value);
    if (escalation !== undefined) return escalation;
    const isUncapped = isJsonObject(value) && isUncappedFallback(value["onUnavailable"]);
    if (isUncapped)
      this.#reader.report(
        "UNAVAILABLE_ALLOWS_UNCAPPED",
        at.below("onUnavailable"),
        "goes on without a cap when the tier is unavailable",
        'a cap: {"effect": "local", "capPerHour": 20}',
      );
    else this.#reader.mismatch(at, ESCALATION_EXPECTED);
    return undefined;
  }

  #commit(members: JsonObject, at: Pointer, names: readonly string[]): Rule["fastCommit"] {
    if (members["commit"] === undefined) return undefined;
    const commit = this.#reader.object(members["commit"], at, COMMIT);
    const window = parseDuration(typeof commit?.["fast"] === "string" ? commit["fast"] : "");
    if (!window.ok || window.value <= 0 || window.value > FAST_COMMIT_MAX) {
      this.#reader.report(
        "VALUE_INVALID",
        at.below("fast"),
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

/** PROTOCOLS 5.2: whoever goes on when nobody answers says how often. */
function isUncappedFallback(fallback: Json | undefined): boolean {
  if (fallback === "allow" || fallback === "local") return true;
  return fallback !== undefined && isJsonObject(fallback) && fallback["capPerHour"] === undefined;
}
