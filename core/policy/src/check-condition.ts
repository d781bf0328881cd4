import { isJsonObject, type Json, type JsonObject, parseDuration } from "@vedette/base";
import { parseAddress, parseNetwork } from "./address.ts";
import { type AttributeType, parseAttribute, typeOf } from "./attribute.ts";
import { type DocumentReader, isJsonArray } from "./document-reader.ts";
import { GLOB_LENGTH_MAX, parseGlob } from "./glob.ts";
import type { Pointer } from "./pointer.ts";
import type { Attribute, AttributeOperand, Condition, Rule, Scalar } from "./rules.ts";
import { parseTimeWindow } from "./time-window.ts";

/** Conditions in each other; deeper logic is clearer as several rules. */
const DEPTH_MAX = 8;
/** Items of one `all`, `any`, `in`, `containsAny` or `containsAll`; longer lists are data, not rules. */
const ITEMS_MAX = 1_000;
const TEXT_LENGTH_MAX = 1_024;

const OPERATORS = "all any not eq ne lt lte gt gte in containsAny containsAll prefix suffix glob cidr has fresh within";

export type Params = ReadonlyMap<string, Json>;

/** Checks one condition of one rule: operators, operand types, parameters, and that no address ever allows. */
export class ConditionChecker {
  readonly #reader: DocumentReader;
  readonly #params: Params;
  readonly #attributes = new Map<string, Attribute>();
  readonly usedParams: Set<string> = new Set();

  constructor(reader: DocumentReader, params: Params) {
    this.#reader = reader;
    this.#params = params;
  }

  check(value: Json, at: Pointer, effect: Rule["effect"], depth = 0): Condition | undefined {
    if (depth >= DEPTH_MAX) return this.#fail("LIMIT_EXCEEDED", at, "nested too deep", `at most ${DEPTH_MAX} levels`);
    const operators = isJsonObject(value) ? Object.keys(value) : [];
    const operator = operators[0];
    if (!isJsonObject(value) || operator === undefined || operators.length > 1)
      return this.#fail("TYPE_MISMATCH", at, "wrong type", `an object with one operator: ${OPERATORS}`);
    const operand = value[operator] ?? null;
    const inside = at.below(operator);
    switch (operator) {
      case "all":
      case "any":
        return this.#group(operator, operand, inside, effect, depth);
      case "not": {
        const of = this.check(operand, inside, effect, depth + 1);
        return of && { op: operator, of };
      }
      case "within":
        return this.#within(operand, inside);
      case "has": {
        const path = this.#attribute(operand, inside, effect, ["string", "list", "any"]);
        return path && { op: operator, path };
      }
      case "eq":
      case "ne":
      case "lt":
      case "lte":
      case "gt":
      case "gte":
      case "in":
      case "containsAny":
      case "containsAll":
      case "prefix":
      case "suffix":
      case "glob":
      case "cidr":
      case "fresh":
        return this.#binary(operator, operand, inside, effect);
      default:
        this.#reader.report("UNKNOWN_OPERATOR", inside, "unknown operator", `one of ${OPERATORS}`, "key");
        return undefined;
    }
  }

  #group(op: "all" | "any", value: Json, at: Pointer, effect: Rule["effect"], depth: number): Condition | undefined {
    const items = this.#reader.list(value, at, ITEMS_MAX, "a list of conditions");
    if (!items) return undefined;
    const of: Condition[] = [];
    for (let i = 0; i < items.length; i++) {
      const condition = this.check(items[i]!, at.below(i), effect, depth + 1);
      if (condition) of.push(condition);
    }
    return of.length === items.length ? { op, of } : undefined;
  }

  #within(value: Json, at: Pointer): Condition | undefined {
    const window = parseTimeWindow(value);
    if (window) return { op: "within", window };
    const expected =
      '{"days"?: ["mon", …], "from": "08:00", "to": "20:00", "offset"?: "+01:00"}, from and to different';
    return this.#fail("VALUE_INVALID", at, "not a time window", expected);
  }

  #binary(op: BinaryOperator, value: Json, at: Pointer, effect: Rule["effect"]): Condition | undefined {
    const operands = isJsonArray(value) ? value : [];
    const [first, second] = [operands[0], operands[1]];
    if (first === undefined || second === undefined || operands.length > 2)
      return this.#fail("TYPE_MISMATCH", at, "wrong type", `two operands: ["path", ${OPERANDS[op].expected}]`);
    const path = this.#attribute(first, at.below(0), effect, OPERANDS[op].types);
    const operandAt = at.below(1);
    const operand = this.param(second, operandAt);
    if (path === undefined || operand === undefined) return undefined;
    if (effect === "allow" && (op === "cidr" || namesAddress(operand))) return this.#refuseAddress(operandAt);
    const condition = this.#leaf(op, path, operand, operandAt, effect);
    if (condition === undefined) this.#reader.mismatch(operandAt, OPERANDS[op].expected);
    return condition || undefined;
  }

  /** Undefined when the operand does not fit the operator; false when that is already reported. */
  #leaf(
    op: BinaryOperator,
    path: Attribute,
    operand: Json,
    at: Pointer,
    effect: Rule["effect"],
  ): Condition | undefined | false {
    switch (op) {
      case "eq":
      case "ne": {
        if (isScalar(operand) && fits(typeOf(path), operand)) return { op, path, to: operand };
        const to = this.#other(operand, at, effect, ["string", "any"]);
        return to && { op, path, to };
      }
      case "lt":
      case "lte":
      case "gt":
      case "gte": {
        if (typeof operand === "number") return { op, path, to: operand };
        const to = this.#other(operand, at, effect, ["any"]);
        return to && { op, path, to };
      }
      case "in":
      case "containsAny":
      case "containsAll":
        return isScalarList(operand) ? { op, path, list: operand } : undefined;
      case "prefix":
      case "suffix":
        return isText(operand) ? { op, path, text: operand } : undefined;
      case "glob":
        return isText(operand) && parseGlob(operand) ? { op, path, text: operand } : undefined;
      case "cidr": {
        const networks = isJsonArray(operand)
          ? operand.map((item) => (isText(item) ? parseNetwork(item) : undefined))
          : [];
        return networks.length > 0 && networks.every((network) => network !== undefined)
          ? { op, path, networks }
          : undefined;
      }
      case "fresh": {
        const age = typeof operand === "string" ? parseDuration(operand) : undefined;
        return age?.ok ? { op, path, age: age.value } : undefined;
      }
    }
  }

  /** The attribute that stands as second operand, `{"path": "subject.id"}`. */
  #other(
    operand: Json,
    at: Pointer,
    effect: Rule["effect"],
    types: readonly AttributeType[],
  ): AttributeOperand | undefined | false {
    if (!isJsonObject(operand) || !hasOnly(operand, "path")) return undefined;
    const path = this.#attribute(operand["path"] ?? null, at.below("path"), effect, types);
    return path === undefined ? false : { path };
  }

  #attribute(value: Json, at: Pointer, effect: Rule["effect"], types: readonly AttributeType[]): Attribute | undefined {
    const path = this.attribute(value, at, effect);
    if (path === undefined) return undefined;
    if (types.includes(typeOf(path))) return path;
    return this.#fail(
      "TYPE_MISMATCH",
      at,
      `attribute holds ${AN[typeOf(path)]}`,
      types.map((type) => AN[type]).join(" or "),
    );
  }

  /** The path of an attribute; an allow rule may not read an address, not even to count by it. */
  attribute(value: Json | undefined, at: Pointer, effect: Rule["effect"]): Attribute | undefined {
    const path = typeof value === "string" ? this.#parseAttribute(value) : undefined;
    if (path === undefined)
      return this.#fail(
        "UNKNOWN_ATTRIBUTE",
        at,
        "not the path of an attribute",
        "a path such as subject.roles, action.name, resource.id or context.amount",
      );
    if (effect === "allow" && typeOf(path) === "address") return this.#refuseAddress(at);
    return path;
  }

  /** Rules of one fleet read the same few attributes. */
  #parseAttribute(text: string): Attribute | undefined {
    const known = this.#attributes.get(text);
    if (known !== undefined) return known;
    const path = parseAttribute(text);
    if (path !== undefined) this.#attributes.set(text, path);
    return path;
  }

  /** The literal itself, or the value of the parameter that `{"param": "name"}` stands for. */
  param(value: Json, at: Pointer): Json | undefined {
    if (!isJsonObject(value) || !hasOnly(value, "param")) return value;
    const name = value["param"];
    const found = typeof name === "string" ? this.#params.get(name) : undefined;
    if (typeof name !== "string" || found === undefined)
      return this.#fail(
        "UNKNOWN_PARAM",
        at.below("param"),
        "unknown parameter",
        `one of ${[...this.#params.keys()].join(", ")}`,
      );
    this.usedParams.add(name);
    return found;
  }

  #refuseAddress(at: Pointer): undefined {
    return this.#fail(
      "IP_ALLOWS",
      at,
      "an allow rule reads an IP address",
      'a deny rule that tightens, such as "when": {"not": {"cidr": ["context.ip", […]]}}',
    );
  }

  #fail(code: Parameters<DocumentReader["report"]>[0], at: Pointer, message: string, expected: string): undefined {
    this.#reader.report(code, at, message, expected);
    return undefined;
  }
}

type BinaryOperator = Exclude<Condition["op"], "all" | "any" | "not" | "has" | "within">;

const ORDER = { types: ["any"], expected: 'a number or {"path": "…"}' } as const;
const LIST = { types: ["list", "any"], expected: "a list of strings, of numbers or of booleans" } as const;
const TEXT = { types: ["string", "any"], expected: "a string" } as const;

const OPERANDS: Readonly<Record<BinaryOperator, { types: readonly AttributeType[]; expected: string }>> = {
  eq: { types: ["string", "any"], expected: 'a string, a number, a boolean or {"path": "…"}' },
  ne: { types: ["string", "any"], expected: 'a string, a number, a boolean or {"path": "…"}' },
  lt: ORDER,
  lte: ORDER,
  gt: ORDER,
  gte: ORDER,
  in: { types: ["string", "any"], expected: LIST.expected },
  containsAny: LIST,
  containsAll: LIST,
  prefix: TEXT,
  suffix: TEXT,
  glob: { types: ["string", "any"], expected: `a pattern with * or **, at most ${GLOB_LENGTH_MAX} characters` },
  cidr: { types: ["address", "any"], expected: 'a list of networks such as "10.0.0.0/8", no bits beyond the length' },
  fresh: { types: ["instant", "any"], expected: "an ISO 8601 duration such as PT15M" },
};

const AN: Readonly<Record<AttributeType, string>> = {
  string: "a string",
  instant: "an instant (read it with fresh)",
  address: "an address (read it with cidr)",
  list: "a list",
  any: "a property",
};

function hasOnly(value: JsonObject, member: string): boolean {
  const names = Object.keys(value);
  return names.length === 1 && names[0] === member;
}

function fits(type: AttributeType, operand: Scalar): boolean {
  return type === "any" || type === typeof operand;
}

function isText(value: Json): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= TEXT_LENGTH_MAX;
}

function isScalar(value: Json): value is Scalar {
  return typeof value === "number" || typeof value === "boolean" || isText(value);
}

function isScalarList(value: Json): value is readonly Scalar[] {
  if (!isJsonArray(value) || value.length === 0 || value.length > ITEMS_MAX) return false;
  return value.every((item) => isScalar(item) && typeof item === typeof value[0]);
}

/** A literal address compared as text would slip an address past the `cidr` rule. */
function namesAddress(operand: Json): boolean {
  if (isJsonArray(operand)) return operand.some(namesAddress);
  return typeof operand === "string" && (parseAddress(operand) ?? parseNetwork(operand)) !== undefined;
}
