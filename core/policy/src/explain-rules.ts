import { durationToString, type Instant, instantToString, type Json, type JsonObject } from "@vedette/base";
import { flattenNetworks, networkToText } from "./address.ts";
import { RESOURCE_ID, SUBJECT_CLASS } from "./attribute.ts";
import {
  type AttributeValue,
  readAttribute,
  toAddress,
  toAttributeValue,
  toInstant,
  toOwnInstant,
} from "./attribute-place.ts";
import { checkedGlob } from "./glob.ts";
import {
  areEqual,
  containsAll,
  containsAny,
  endsWith,
  FALSE,
  fitsGlob,
  isFresh,
  isIn,
  isInNetworks,
  isLess,
  type ScalarList,
  startsWith,
  TRUE,
  type Truth,
  UNKNOWN,
} from "./predicates.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";
import { ROLES_MAX } from "./rule-search.ts";
import { ANY, type Attribute, type Condition, type PolicyDocument, type Rule, type Scalar } from "./rules.ts";
import { isWithin, timeWindowToText } from "./time-window.ts";

/** What one rule says about a request, and which of its parts made it say so. */
export interface RuleVerdict {
  readonly rule: string;
  readonly effect: "allow" | "deny";
  readonly truth: "true" | "false" | "unknown";
  /** False of a rule that names other subjects, actions or resources: it is about something else. */
  readonly isConcerned: boolean;
  /**
   * Whether the rule speaks: a deny on true or unknown, an allow on true, in a state that it admits and within its limit
   * (PROTOCOLS 5.1).
   */
  readonly holds: boolean;
  /** The parts that settled it; of an allow that is true and still does not hold, what kept it. */
  readonly parts: readonly ExplainedPart[];
}

export interface ExplainedPart {
  /** As a person reads it: `context.amount <= 300`. */
  readonly text: string;
  readonly truth: "true" | "false" | "unknown";
  /** The attributes in it, and what those are that the request has. */
  readonly reads: readonly string[];
  readonly values: JsonObject;
}

/**
 * Tries every rule of a document by itself, without index, and says what `decide` has no time to say. In the order of
 * the document. Made for people who ask why; it reads what `decide` reads, and a property holds it to the same answers.
 */
export function explainRules(
  { rules }: Pick<PolicyDocument, "rules">,
  request: AccessRequest,
  context: DecisionContext,
): readonly RuleVerdict[] {
  const explainer = new Explainer(request, context);
  return rules.map((rule) => explainer.verdictOf(rule));
}

const WORDS = { [FALSE]: "false", [UNKNOWN]: "unknown", [TRUE]: "true" } as const;
const SIGNS = { eq: "==", ne: "!=", lt: "<", lte: "<=", gt: ">", gte: ">=" } as const;

interface Explained {
  readonly truth: Truth;
  readonly parts: readonly ExplainedPart[];
}

class Explainer {
  readonly #request: AccessRequest;
  readonly #context: DecisionContext;

  constructor(request: AccessRequest, context: DecisionContext) {
    this.#request = request;
    this.#context = context;
  }

  verdictOf(rule: Rule): RuleVerdict {
    const selected = all(selectorsOf(rule).map((selector) => this.#explain(selector)));
    const { truth, parts } = all([
      selected,
      ...(rule.subject.roles ? [this.#explainRoles(rule.subject.roles)] : []),
      ...(rule.subject.class ? [this.#explain(oneOf(SUBJECT_CLASS, rule.subject.class))] : []),
      ...(rule.when ? [this.#explain(rule.when)] : []),
    ]);
    const { id, effect } = rule;
    const verdict = { rule: id, effect, truth: WORDS[truth], isConcerned: selected.truth !== FALSE };
    if (effect === "deny") return { ...verdict, holds: truth !== FALSE, parts };
    const kept = truth === TRUE ? this.#hindrances(rule) : [];
    const isKept = kept.length > 0;
    return { ...verdict, holds: truth === TRUE && !isKept, parts: isKept ? kept : parts };
  }

  /** What keeps an allow rule that is true from allowing. */
  #hindrances({ states, spend }: Rule): readonly ExplainedPart[] {
    const { attestation, counters } = this.#context;
    if (!states.includes(attestation.state)) {
      const text = `subject.attestation.state in ${listText(states)}`;
      return [part(text, FALSE, ["subject.attestation.state"], { "subject.attestation.state": attestation.state })];
    }
    if (!spend) return [];
    const amount = this.#value(spend.amount);
    const key = this.#value(spend.per);
    const within = `${spend.limit} within ${durationToString(spend.window)} for each ${spend.per}`;
    const reads = [spend.amount, spend.per];
    const values = this.#valuesOf(reads);
    if (typeof amount !== "number" || amount < 0 || typeof key !== "string")
      return [part(`${spend.amount} is counted: at most ${within}`, UNKNOWN, reads, values)];
    const spent = counters.spent(spend.counter, key, spend.window);
    if (spent >= 0 && spent + amount <= spend.limit) return [];
    return [part(`spent + ${spend.amount} <= ${within}`, FALSE, [...reads, "spent"], { ...values, spent })];
  }

  /** Roles have a limit of their own: the index reads them, not a condition. */
  #explainRoles(wanted: readonly string[]): Explained {
    const path = "subject.roles" as Attribute;
    const roles = this.#value(path);
    const isKnown = typeof roles === "object" && roles.length <= ROLES_MAX;
    const truth = isKnown ? containsAny(roles, scalarList(wanted)) : UNKNOWN;
    return { truth, parts: [part(`${path} has any of ${listText(wanted)}`, truth, [path], this.#valuesOf([path]))] };
  }

  #explain(condition: Condition): Explained {
    switch (condition.op) {
      case "all":
        return all(condition.of.map((item) => this.#explain(item)));
      case "any":
        return any(condition.of.map((item) => this.#explain(item)));
      case "not": {
        const { truth, parts } = this.#explain(condition.of);
        return { truth: negate(truth), parts };
      }
      default: {
        const truth = this.#truthOf(condition);
        const reads = pathsOf(condition);
        return { truth, parts: [part(textOf(condition), truth, reads, this.#valuesOf(reads))] };
      }
    }
  }

  #truthOf(leaf: Leaf): Truth {
    const { now } = this.#context;
    if (leaf.op === "within") return isWithin(now, leaf.window) ? TRUE : FALSE;
    const value = this.#value(leaf.path);
    switch (leaf.op) {
      case "eq":
        return areEqual(value, this.#operand(leaf.to));
      case "ne":
        return negate(areEqual(value, this.#operand(leaf.to)));
      case "lt":
        return isLess(value, this.#operand(leaf.to));
      case "lte":
        return negate(isLess(this.#operand(leaf.to), value));
      case "gt":
        return isLess(this.#operand(leaf.to), value);
      case "gte":
        return negate(isLess(value, this.#operand(leaf.to)));
      case "in":
        return isIn(value, scalarList(leaf.list));
      case "containsAny":
        return containsAny(value, scalarList(leaf.list));
      case "containsAll":
        return containsAll(value, scalarList(leaf.list));
      case "prefix":
        return startsWith(value, leaf.text);
      case "suffix":
        return endsWith(value, leaf.text);
      case "glob":
        return fitsGlob(value, checkedGlob(leaf.text));
      case "has":
        return value === undefined ? UNKNOWN : TRUE;
      case "cidr":
        return isInNetworks(toAddress(value), flattenNetworks(leaf.networks));
      case "fresh":
        return isFresh(this.#instant(leaf.path), leaf.age, now);
    }
  }

  #operand(to: Scalar | { readonly path: Attribute }): AttributeValue | undefined {
    return typeof to === "object" ? this.#value(to.path) : to;
  }

  #value(path: Attribute): AttributeValue | undefined {
    return toAttributeValue(readAttribute(path, this.#request, this.#context));
  }

  #instant(path: Attribute): Instant | undefined {
    const value = readAttribute(path, this.#request, this.#context);
    return path === "subject.attestation.at" ? toOwnInstant(value) : toInstant(value);
  }

  #valuesOf(paths: readonly Attribute[]): JsonObject {
    return Object.fromEntries(
      paths.flatMap((path): readonly (readonly [string, Json])[] => {
        const own = path === "subject.attestation.at" ? this.#instant(path) : undefined;
        const value = own === undefined ? readAttribute(path, this.#request, this.#context) : instantToString(own);
        // What a request holds is JSON; the node's own attributes are texts.
        return value === undefined ? [] : [[path, value as Json]];
      }),
    );
  }
}

function all(items: readonly Explained[]): Explained {
  return settled(items, Math.min(TRUE, ...items.map(({ truth }) => truth)) as Truth);
}

function any(items: readonly Explained[]): Explained {
  return settled(items, Math.max(FALSE, ...items.map(({ truth }) => truth)) as Truth);
}

/** What has the truth of the whole settled it. */
function settled(items: readonly Explained[], truth: Truth): Explained {
  return { truth, parts: items.filter((item) => item.truth === truth).flatMap(({ parts }) => parts) };
}

/** Kleene's negation; what is unknown stays so. */
function negate(truth: Truth): Truth {
  return truth === TRUE ? FALSE : truth === FALSE ? TRUE : UNKNOWN;
}

type Leaf = Exclude<Condition, { readonly op: "all" | "any" | "not" }>;

/** What a rule says about the mandatory members of a request, as the conditions that it stands for. */
function selectorsOf({ subject, actions, resource }: Rule): readonly Condition[] {
  const id = resource.id;
  return [
    ...(subject.type === ANY ? [] : [oneOf("subject.type" as Attribute, [subject.type])]),
    ...(actions.includes(ANY) ? [] : [oneOf("action.name" as Attribute, actions)]),
    ...(resource.type === ANY ? [] : [oneOf("resource.type" as Attribute, [resource.type])]),
    ...(id === undefined ? [] : [idCondition(id)]),
  ];
}

function oneOf(path: Attribute, names: readonly string[]): Condition {
  const [only = ""] = names;
  return names.length === 1 ? { op: "eq", path, to: only } : { op: "in", path, list: names };
}

function idCondition({ kind, text }: NonNullable<Rule["resource"]["id"]>): Condition {
  return kind === "exact" ? { op: "eq", path: RESOURCE_ID, to: text } : { op: kind, path: RESOURCE_ID, text };
}

function scalarList(values: readonly Scalar[]): ScalarList {
  return { type: typeof values[0], values: new Set(values) };
}

function pathsOf(leaf: Leaf): readonly Attribute[] {
  if (leaf.op === "within") return [];
  return "to" in leaf && typeof leaf.to === "object" ? [leaf.path, leaf.to.path] : [leaf.path];
}

function textOf(leaf: Leaf): string {
  switch (leaf.op) {
    case "eq":
    case "ne":
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      return `${leaf.path} ${SIGNS[leaf.op]} ${typeof leaf.to === "object" ? leaf.to.path : JSON.stringify(leaf.to)}`;
    case "in":
      return `${leaf.path} in ${listText(leaf.list)}`;
    case "containsAny":
      return `${leaf.path} has any of ${listText(leaf.list)}`;
    case "containsAll":
      return `${leaf.path} has all of ${listText(leaf.list)}`;
    case "prefix":
      return `${leaf.path} begins with ${JSON.stringify(leaf.text)}`;
    case "suffix":
      return `${leaf.path} ends with ${JSON.stringify(leaf.text)}`;
    case "glob":
      return `${leaf.path} is like ${JSON.stringify(leaf.text)}`;
    case "has":
      return `${leaf.path} is there`;
    case "cidr":
      return `${leaf.path} in the networks ${listText(leaf.networks.map(networkToText))}`;
    case "fresh":
      return `${leaf.path} is no older than ${durationToString(leaf.age)}`;
    case "within":
      return `time within ${timeWindowToText(leaf.window)}`;
  }
}

/** Lists of a person's length are shown; of longer ones the beginning. */
const SHOWN_MAX = 8;

function listText(values: readonly Scalar[]): string {
  const shown = values.slice(0, SHOWN_MAX).map((value) => JSON.stringify(value));
  if (values.length > SHOWN_MAX) shown.push(`… ${values.length - SHOWN_MAX} more`);
  return `[${shown.join(", ")}]`;
}

function part(text: string, truth: Truth, reads: readonly string[], values: JsonObject): ExplainedPart {
  return { text, truth: WORDS[truth], reads, values };
}
