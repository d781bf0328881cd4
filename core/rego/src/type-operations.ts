import {
  ANY,
  type AnyType,
  type ArrayType,
  BOOLEAN,
  type FunctionSignature,
  NULL,
  NUMBER,
  type ObjectType,
  type Property,
  type SetType,
  STRING,
  type Type,
} from "./types.ts";
import {
  compare,
  isArray,
  isSet,
  kindOf,
  memberOf,
  type ObjectValue,
  sortedKeysOf,
  type Value,
} from "./values/value.ts";

/** A type, or nothing known of one. */
export type Known = Type | undefined;

/** Types that one thing may be of. Whatever has more, as a rule with a thousand different results, may be anything. */
const UNION_MEMBERS_MAX = 250;

const RANK = { null: 0, boolean: 1, number: 2, string: 3, array: 4, object: 5, set: 6, any: 7, function: 8 } as const;

export function typeOfValue(value: Value): Type {
  const kind = kindOf(value);
  switch (kind) {
    case "null":
      return NULL;
    case "boolean":
      return BOOLEAN;
    case "number":
      return NUMBER;
    case "string":
      return STRING;
    case "array":
      return { type: "array", static: isArray(value) ? value.map(typeOfValue) : [] };
    case "set":
      return { type: "set", of: unionOfAll(isSet(value) ? value.sorted.map(typeOfValue) : []) };
    case "object": {
      const object = value as ObjectValue;
      const properties = sortedKeysOf(object).map((key) => ({
        key,
        value: typeOfValue(memberOf(object, key) as Value),
      }));
      return { type: "object", static: properties };
    }
  }
}

/** A total order, in which types that say the same are equal. */
export function compareTypes(a: Known, b: Known): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  if (a.type !== b.type) return RANK[a.type] - RANK[b.type];
  switch (a.type) {
    case "array":
      return compareArrays(a, b as ArrayType);
    case "object":
      return compareObjects(a, b as ObjectType);
    case "set":
      return compareTypes(a.of, (b as SetType).of);
    case "any":
      return compareLists(membersOf(a), membersOf(b as AnyType));
    case "function":
      return compareFunctions(a, b as FunctionSignature);
    default:
      return 0;
  }
}

function compareArrays(a: ArrayType, b: ArrayType): number {
  return compareTypes(a.dynamic, b.dynamic) || compareLists(a.static ?? [], b.static ?? []);
}

function compareObjects(a: ObjectType, b: ObjectType): number {
  const dynamic =
    Number(a.dynamic !== undefined) - Number(b.dynamic !== undefined) ||
    compareTypes(a.dynamic?.key, b.dynamic?.key) ||
    compareTypes(a.dynamic?.value, b.dynamic?.value);
  if (dynamic !== 0) return dynamic;
  const ours = a.static ?? [];
  const theirs = b.static ?? [];
  for (const [index, property] of ours.entries()) {
    const other = theirs[index];
    if (other === undefined) break;
    const order = compare(property.key, other.key) || compareTypes(property.value, other.value);
    if (order !== 0) return order;
  }
  return ours.length - theirs.length;
}

function compareFunctions(a: FunctionSignature, b: FunctionSignature): number {
  return (
    a.args.length - b.args.length ||
    compareLists(a.args, b.args) ||
    compareTypes(a.result, b.result) ||
    compareTypes(a.variadic, b.variadic)
  );
}

function compareLists(a: readonly Known[], b: readonly Known[]): number {
  for (const [index, type] of a.entries()) {
    if (index === b.length) return 1;
    const order = compareTypes(type, b[index]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

export function isAny(type: Known): type is AnyType {
  return type?.type === "any" && membersOf(type).length === 0;
}

export function membersOf(type: AnyType): readonly Type[] {
  return type.of ?? [];
}

/** What is known when a value is of one of the types. A function and something else have nothing in common. */
export function unionOf(a: Known, b: Known): Known {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.type === "function" && b.type === "function") return unionOfFunctions(a, b);
  if (a.type === "function" || b.type === "function") return undefined;
  if (isAny(a)) return a;
  return unionOfAll([a, b]);
}

export function unionOfAll(types: readonly Known[]): Known {
  const known = types.filter((type) => type !== undefined);
  if (known.length === 0 || known.some(({ type }) => type === "function"))
    return known.reduce(unionOf, undefined as Known);
  if (known.some(isAny)) return ANY;
  const members = known.flatMap((type) => (type.type === "any" ? membersOf(type) : [type])).sort(compareTypes);
  const distinct = members.filter((type, index) => index === 0 || compareTypes(members[index - 1], type) !== 0);
  if (distinct.length > UNION_MEMBERS_MAX) return ANY;
  return distinct.length === 1 ? distinct[0] : { type: "any", of: distinct };
}

function unionOfFunctions(a: FunctionSignature, b: FunctionSignature): Known {
  if (a.args.length !== b.args.length || (a.variadic === undefined) !== (b.variadic === undefined)) return undefined;
  const args = a.args.map((arg, index) => unionOf(arg, b.args[index]));
  const variadic = unionOf(a.variadic, b.variadic);
  return { type: "function", args, result: unionOf(a.result, b.result), ...(variadic && { variadic }) };
}

/** Whether every value of the type is one of these, as far as their names tell. */
function includes(type: Known, other: Type): boolean {
  if (type?.type !== "any") return compareTypes(type, other) === 0;
  if (other.type === "function") return false;
  return isAny(type) || membersOf(type).some((member) => compareTypes(member, other) === 0);
}

/** The type of one member: of an array by its index, of an object by its key, of a set by its element. */
export function memberType(type: Known, key: Value): Known {
  switch (type?.type) {
    case "array":
      return typeof key === "number" && Number.isInteger(key) ? elementType(type, key) : undefined;
    case "object":
      return propertyType(type, key);
    case "set": {
      const element = typeOfValue(key);
      if (compareTypes(type.of, element) === 0) return type.of;
      return type.of?.type === "any" && includes(type.of, element) ? element : undefined;
    }
    case "any":
      if (isAny(type)) return ANY;
      return unionOfAll(membersOf(type).map((member) => memberType(member, key)));
    default:
      return undefined;
  }
}

export function elementType(type: ArrayType, index: number): Known {
  const known = type.static ?? [];
  if (index < 0) return undefined;
  return index < known.length ? known[index] : type.dynamic;
}

export function propertyType(type: ObjectType, key: Value): Known {
  const property = findProperty(type.static ?? [], key);
  if (property !== undefined) return property.value;
  return type.dynamic !== undefined && includes(type.dynamic.key, typeOfValue(key)) ? type.dynamic.value : undefined;
}

/** Properties stand in the order of their keys. */
function findProperty(properties: readonly Property[], key: Value): Property | undefined {
  let low = 0;
  let high = properties.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const property = properties[middle]!;
    const order = compare(property.key, key);
    if (order === 0) return property;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

/** What enumerating a value of the type gives for keys; undefined when nothing can be enumerated. */
export function keyType(type: Known): Known {
  switch (type?.type) {
    case "array":
      return NUMBER;
    case "object":
      return unionOfAll([...(type.static ?? []).map(({ key }) => typeOfValue(key)), type.dynamic?.key]);
    case "set":
      return type.of;
    case "any":
      return isAny(type) ? ANY : unionOfAll(membersOf(type).map(keyType));
    default:
      return undefined;
  }
}

export function valueType(type: Known): Known {
  switch (type?.type) {
    case "array":
      return unionOfAll([...(type.static ?? []), type.dynamic]);
    case "object":
      return unionOfAll([...(type.static ?? []).map(({ value }) => value), type.dynamic?.value]);
    case "set":
      return type.of;
    case "any":
      return isAny(type) ? ANY : unionOfAll(membersOf(type).map(valueType));
    default:
      return undefined;
  }
}

/** Whether nothing is known of the type or of a part of it. */
export function isUnknown(type: Known): boolean {
  switch (type?.type) {
    case undefined:
      return true;
    case "array":
      return (type.static ?? []).some(isUnknown) || (type.dynamic !== undefined && isUnknown(type.dynamic));
    case "object":
      return (
        (type.static ?? []).some(({ value }) => isUnknown(value)) ||
        (type.dynamic !== undefined && (isUnknown(type.dynamic.key) || isUnknown(type.dynamic.value)))
      );
    case "set":
      return isUnknown(type.of);
    case "function":
      return type.args.some(isUnknown) || isUnknown(type.result);
    default:
      return false;
  }
}

/** Types of collections that hold nothing. */
export function isEmptyCollection(type: Known): boolean {
  switch (type?.type) {
    case "object":
      return (type.static ?? []).length === 0 && type.dynamic === undefined;
    case "array":
      return (type.static ?? []).length === 0 && type.dynamic === undefined;
    case "set":
      return type.of === undefined;
    default:
      return false;
  }
}

export function objectType(properties: readonly Property[], dynamic: ObjectType["dynamic"]): ObjectType {
  return { type: "object", static: properties.toSorted((a, b) => compare(a.key, b.key)), dynamic };
}
