import type { Instant } from "@vedette/base";
import { type Address, isInNetwork, type Network } from "./address.ts";
import type { AttributeValue, Frame, Read } from "./frame.ts";
import { type Glob, matchesGlob } from "./glob.ts";
import { RESOURCE_ID_LENGTH_MAX } from "./request.ts";
import type { OrderOperator, Scalar, TimeWindow } from "./rules.ts";
import { isWithin } from "./time-window.ts";

/** Three-valued logic of Kleene, ordered so that `all` is the least and `any` the greatest (PROTOCOLS 5.1). */
export type Truth = 0 | 1 | 2;
export const FALSE = 0;
export const UNKNOWN = 1;
export const TRUE = 2;

/** The shape of a condition; a rule's constants begin at `base`. */
export type Test = (frame: Frame, base: number) => Truth;

/** The constant `items[operands[base + at]]`. */
export interface Constant<T> {
  readonly operands: readonly number[];
  readonly items: readonly T[];
  readonly at: number;
}

export interface ScalarList {
  readonly type: string;
  readonly values: ReadonlySet<unknown>;
}

/** An attribute with more items is not searched: the answer is unknown. */
const ATTRIBUTE_ITEMS_MAX = 1_000;

export const always: Test = () => TRUE;

export function allOf(tests: readonly Test[]): Test {
  const [first = always, second = always, ...others] = tests;
  const rest = others.length > 1 ? allOf(others) : (others[0] ?? always);
  // Without a loop: most conditions have two or three parts, and this is where decisions spend their time.
  return (frame, base) => {
    const a = first(frame, base);
    if (a === FALSE) return FALSE;
    const b = second(frame, base);
    if (b === FALSE) return FALSE;
    const c = rest(frame, base);
    return a === TRUE && b === TRUE ? c : c === FALSE ? FALSE : UNKNOWN;
  };
}

export function anyOf(tests: readonly Test[]): Test {
  return (frame, base) => {
    let greatest: Truth = FALSE;
    for (let i = 0; i < tests.length; i++) {
      const truth = tests[i]!(frame, base);
      if (truth === TRUE) return TRUE;
      if (truth === UNKNOWN) greatest = UNKNOWN;
    }
    return greatest;
  };
}

export function notOf(test: Test): Test {
  return (frame, base) => {
    const truth = test(frame, base);
    return truth === TRUE ? FALSE : truth === FALSE ? TRUE : UNKNOWN;
  };
}

/** Never false: an attribute that is missing may have been withheld. */
export function isPresent({ slots, slot }: Read<AttributeValue>): Test {
  return (frame) => (slots.read(frame, slot) === undefined ? UNKNOWN : TRUE);
}

/** One closure for each type of constant: comparing with a literal type is what the compiler does best. */
export function equals(
  { slots, slot }: Read<AttributeValue>,
  { operands, items, at }: Constant<Scalar>,
  wanted: boolean,
  type: "string" | "number" | "boolean",
): Test {
  const [same, other]: [Truth, Truth] = wanted ? [TRUE, FALSE] : [FALSE, TRUE];
  if (type === "string")
    return (frame, base) => {
      const value = slots.read(frame, slot);
      return typeof value !== "string" ? UNKNOWN : value === items[operands[base + at]!] ? same : other;
    };
  if (type === "number")
    return (frame, base) => {
      const value = slots.read(frame, slot);
      return typeof value !== "number" ? UNKNOWN : value === items[operands[base + at]!] ? same : other;
    };
  return (frame, base) => {
    const value = slots.read(frame, slot);
    return typeof value !== "boolean" ? UNKNOWN : value === items[operands[base + at]!] ? same : other;
  };
}

export function areEqual(left: Read<AttributeValue>, right: Read<AttributeValue>, wanted: boolean): Test {
  return (frame) => {
    const value = left.slots.read(frame, left.slot);
    const other = right.slots.read(frame, right.slot);
    if (value === undefined || typeof value === "object" || typeof value !== typeof other) return UNKNOWN;
    return (value === other) === wanted ? TRUE : FALSE;
  };
}

export function isOrdered(
  { slots, slot }: Read<AttributeValue>,
  { operands, items, at }: Constant<Scalar>,
  op: OrderOperator,
): Test {
  return (frame, base) => compare(slots.read(frame, slot), items[operands[base + at]!], op);
}

export function areOrdered(left: Read<AttributeValue>, right: Read<AttributeValue>, op: OrderOperator): Test {
  return (frame) => compare(left.slots.read(frame, left.slot), right.slots.read(frame, right.slot), op);
}

function compare(value: unknown, other: unknown, op: OrderOperator): Truth {
  if (typeof value !== "number" || typeof other !== "number") return UNKNOWN;
  switch (op) {
    case "lt":
      return value < other ? TRUE : FALSE;
    case "lte":
      return value <= other ? TRUE : FALSE;
    case "gt":
      return value > other ? TRUE : FALSE;
    case "gte":
      return value >= other ? TRUE : FALSE;
  }
}

export function isIn({ slots, slot }: Read<AttributeValue>, { operands, items, at }: Constant<ScalarList>): Test {
  return (frame, base) => {
    const value = slots.read(frame, slot);
    const list = items[operands[base + at]!]!;
    if (list.values.has(value)) return TRUE;
    return typeof value === list.type ? FALSE : UNKNOWN;
  };
}

export function containsAny(
  { slots, slot }: Read<AttributeValue>,
  { operands, items, at }: Constant<ScalarList>,
): Test {
  return (frame, base) => {
    const list = items[operands[base + at]!]!;
    const found = countFound(slots.read(frame, slot), list);
    return found === undefined ? UNKNOWN : found > 0 ? TRUE : FALSE;
  };
}

export function containsAll(
  { slots, slot }: Read<AttributeValue>,
  { operands, items, at }: Constant<ScalarList>,
): Test {
  return (frame, base) => {
    const list = items[operands[base + at]!]!;
    const found = countFound(slots.read(frame, slot), list);
    return found === undefined ? UNKNOWN : found === list.values.size ? TRUE : FALSE;
  };
}

/** How many of the list's values the attribute holds; undefined when it is no list of that type. */
function countFound(value: AttributeValue | undefined, { type, values }: ScalarList): number | undefined {
  if (!isList(value) || value.length > ATTRIBUTE_ITEMS_MAX) return undefined;
  let found = 0;
  for (let i = 0; i < value.length; i++) {
    if (typeof value[i] !== type) return undefined;
    if (values.has(value[i]) && value.indexOf(value[i]) === i) found++;
  }
  return found;
}

function isList(value: AttributeValue | undefined): value is readonly unknown[] {
  return typeof value === "object";
}

export function startsWith({ slots, slot }: Read<AttributeValue>, { operands, items, at }: Constant<Scalar>): Test {
  return (frame, base) => {
    const value = slots.read(frame, slot);
    const prefix = items[operands[base + at]!];
    if (typeof value !== "string" || typeof prefix !== "string") return UNKNOWN;
    return value.startsWith(prefix) ? TRUE : FALSE;
  };
}

export function endsWith({ slots, slot }: Read<AttributeValue>, { operands, items, at }: Constant<Scalar>): Test {
  return (frame, base) => {
    const value = slots.read(frame, slot);
    const suffix = items[operands[base + at]!];
    if (typeof value !== "string" || typeof suffix !== "string") return UNKNOWN;
    return value.endsWith(suffix) ? TRUE : FALSE;
  };
}

export function fitsGlob({ slots, slot }: Read<AttributeValue>, { operands, items, at }: Constant<Glob>): Test {
  return (frame, base) => {
    const value = slots.read(frame, slot);
    if (typeof value !== "string" || value.length > RESOURCE_ID_LENGTH_MAX) return UNKNOWN;
    return matchesGlob(value, items[operands[base + at]!]!) ? TRUE : FALSE;
  };
}

export function isInNetworks(
  { slots, slot }: Read<Address>,
  { operands, items, at }: Constant<readonly Network[]>,
): Test {
  return (frame, base) => {
    const address = slots.read(frame, slot);
    if (address === undefined) return UNKNOWN;
    const networks = items[operands[base + at]!]!;
    for (let i = 0; i < networks.length; i++) if (isInNetwork(address, networks[i]!)) return TRUE;
    return FALSE;
  };
}

/** An instant in the future is not fresh: nothing has been seen there yet. */
export function isFresh({ slots, slot }: Read<Instant>, { operands, items, at }: Constant<Scalar>): Test {
  return (frame, base) => {
    const instant = slots.read(frame, slot);
    const ageMax = items[operands[base + at]!];
    if (instant === undefined || typeof ageMax !== "number") return UNKNOWN;
    const age = frame.context.now - instant;
    return age >= 0 && age <= ageMax ? TRUE : FALSE;
  };
}

export function isNowWithin({ operands, items, at }: Constant<TimeWindow>): Test {
  return (frame, base) => (isWithin(frame.context.now, items[operands[base + at]!]!) ? TRUE : FALSE);
}
