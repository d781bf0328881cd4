import type { AccessRequest, PolicyDocument } from "@vedette/policy";

type Rule = PolicyDocument["rules"][number];
type Condition = NonNullable<Rule["when"]>;

/** The peer: reads one checked rule after the other and walks its condition; no index, no compilation. */
export function decideLinearly(rules: readonly Rule[], request: AccessRequest): "allow" | "deny" {
  let isAllowed = false;
  for (const rule of rules) {
    if (!isSelected(rule, request)) continue;
    const truth = rule.when ? truthOf(rule.when, request) : true;
    if (rule.effect === "deny" && truth !== false) return "deny";
    if (rule.effect === "allow" && truth === true) isAllowed = true;
  }
  return isAllowed ? "allow" : "deny";
}

/** How many rules have a selector that takes the request: what the index leaves to look at. */
export function countCandidates(rules: readonly Rule[], request: AccessRequest): number {
  return rules.filter((rule) => isSelected(rule, request)).length;
}

function isSelected({ subject, actions, resource }: Rule, request: AccessRequest): boolean {
  const roles = request.subject.properties?.["roles"];
  return (
    takes([subject.type], request.subject.type) &&
    takes(actions, request.action.name) &&
    takes([resource.type], request.resource.type) &&
    (!subject.roles || (Array.isArray(roles) && roles.some((role) => subject.roles?.includes(role)))) &&
    takesId(resource.id, request.resource.id)
  );
}

function takes(names: readonly string[], name: string): boolean {
  return names.includes("*") || names.includes(name);
}

function takesId(selector: Rule["resource"]["id"], id: string): boolean {
  if (!selector) return true;
  if (selector.kind === "exact") return selector.text === id;
  return selector.kind === "prefix" ? id.startsWith(selector.text) : fitsGlob(selector.text, id);
}

/** One wildcard, as in the rules of this bench. */
function fitsGlob(pattern: string, text: string): boolean {
  const [head = "", tail = ""] = pattern.split(/\*+/);
  const isInside = text.length >= head.length + tail.length && text.startsWith(head) && text.endsWith(tail);
  return isInside && (pattern.includes("**") || !text.slice(head.length, text.length - tail.length).includes("/"));
}

function truthOf(condition: Condition, request: AccessRequest): boolean | undefined {
  switch (condition.op) {
    case "all":
    case "any": {
      const truths = condition.of.map((inner) => truthOf(inner, request));
      const decisive = condition.op === "any";
      return truths.includes(decisive) ? decisive : truths.includes(undefined) ? undefined : !decisive;
    }
    case "not": {
      const truth = truthOf(condition.of, request);
      return truth === undefined ? undefined : !truth;
    }
    case "within":
    case "fresh":
      throw new Error(`not in this bench: ${condition.op}`);
    default:
      return leafOf(condition, valueAt(condition.path, request));
  }
}

type Leaf = Exclude<Condition, { op: "all" | "any" } | { op: "not" } | { op: "within" } | { op: "fresh" }>;

function leafOf(condition: Leaf, value: unknown): boolean | undefined {
  if (value === undefined) return undefined;
  switch (condition.op) {
    case "has":
      return true;
    case "eq":
      return typeof value === typeof condition.to ? value === condition.to : undefined;
    case "ne":
      return typeof value === typeof condition.to ? value !== condition.to : undefined;
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      return typeof value === "number" && typeof condition.to === "number"
        ? compare(condition.op, value, condition.to)
        : undefined;
    case "in":
      return condition.list.some((item) => item === value);
    case "containsAny":
      return Array.isArray(value) ? condition.list.some((item) => value.includes(item)) : undefined;
    case "containsAll":
      return Array.isArray(value) ? condition.list.every((item) => value.includes(item)) : undefined;
    case "prefix":
      return typeof value === "string" ? value.startsWith(condition.text) : undefined;
    case "suffix":
      return typeof value === "string" ? value.endsWith(condition.text) : undefined;
    case "glob":
      return typeof value === "string" ? fitsGlob(condition.text, value) : undefined;
    case "cidr":
      return typeof value === "string" ? condition.networks.some((network) => isInIpv4(value, network)) : undefined;
  }
}

function compare(op: "lt" | "lte" | "gt" | "gte", value: number, other: number): boolean {
  if (op === "lt") return value < other;
  if (op === "lte") return value <= other;
  return op === "gt" ? value > other : value >= other;
}

/** IPv4 stands in the last word of the mapped address. */
function isInIpv4(text: string, { address, mask }: { address: readonly number[]; mask: readonly number[] }): boolean {
  const word = text.split(".").reduce((sum, part) => (sum << 8) | Number(part), 0);
  return (word & (mask[3] ?? 0)) === address[3];
}

function valueAt(path: string, request: AccessRequest): unknown {
  const [root = "", ...names] = path.split(".");
  if (path === "resource.id") return request.resource.id;
  const holder =
    root === "context"
      ? request.context
      : root === "subject"
        ? request.subject.properties
        : request.resource.properties;
  return names.reduce<unknown>(
    (value, name) => (typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined),
    holder,
  );
}
