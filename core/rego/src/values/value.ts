import { BigNumber, compareNumbers } from "./big-number.ts";

/**
 * A Rego value. JSON documents are used in place: what `JSON.parse` returned is a value already. Undefined is
 * JavaScript's `undefined` and no value.
 *
 * INVARIANT: one value, one representation. A number that a double prints exactly is a `number`, any other a
 * `BigNumber`; an object whose keys are all strings is a plain object, any other a `RegoObject`.
 */
export type Value =
  | null
  | boolean
  | number
  | BigNumber
  | string
  | readonly Value[]
  | PlainObject
  | RegoObject
  | RegoSet;

/** Own properties only; its prototype may be null, so ask with `Object.hasOwn`. */
export interface PlainObject {
  readonly [key: string]: Value;
}

export type Scalar = null | boolean | number | string;
export type Composite = Exclude<Value, Scalar>;
export type NumberValue = number | BigNumber;
export type ObjectValue = PlainObject | RegoObject;

/** The name that `type_name` gives (OPA policy reference, "Types"). */
export type Kind = "null" | "boolean" | "number" | "string" | "array" | "object" | "set";

export function kindOf(value: Value): Kind {
  if (value === null) return "null";
  switch (typeof value) {
    case "boolean":
      return "boolean";
    case "number":
      return "number";
    case "string":
      return "string";
    default:
      if (Array.isArray(value)) return "array";
      if (value instanceof RegoSet) return "set";
      return value instanceof BigNumber ? "number" : "object";
  }
}

export function isNumber(value: Value): value is NumberValue {
  return typeof value === "number" || value instanceof BigNumber;
}

export function isArray(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isPlainObject(value: Value): value is PlainObject {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof RegoSet) &&
    !(value instanceof RegoObject) &&
    !(value instanceof BigNumber)
  );
}

export function isObject(value: Value): value is ObjectValue {
  return value instanceof RegoObject || isPlainObject(value);
}

export function isSet(value: Value): value is RegoSet {
  return value instanceof RegoSet;
}

export function isScalar(value: Value): value is Scalar {
  return value === null || typeof value !== "object";
}

const RANK: Readonly<Record<Kind, number>> = { null: 0, boolean: 1, number: 2, string: 3, array: 4, object: 5, set: 6 };

/** Whoever pays for looking through values: a query, which ends when its fuel does. */
export interface Meter {
  spend(steps: number): void;
}

/** Of a list or an object that is shorter, the walk along it is not worth paying for. */
const LONG = 64;

/** Members of a long one that are looked through for one step. */
const MEMBERS_PER_STEP = 8;

function payForLength(length: number, meter: Meter | undefined): void {
  if (length >= LONG) meter?.spend(Math.floor(length / MEMBERS_PER_STEP));
}

/** Rego's total order: null < boolean < number < string < array < object < set; strings by code point. */
export function compare(a: Value, b: Value, meter?: Meter): number {
  if (a === b) return 0;
  const kind = kindOf(a);
  const other = kindOf(b);
  if (kind !== other) return RANK[kind] - RANK[other];
  switch (kind) {
    case "null":
      return 0;
    case "boolean":
      return a === false ? -1 : 1;
    case "number":
      return compareNumbers(a as NumberValue, b as NumberValue);
    case "string":
      return compareText(a as string, b as string);
    default:
      return compareComposites(a as Composite, b as Composite, new SharedParts(meter));
  }
}

export function isEqual(a: Value, b: Value, meter?: Meter): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  return isSameComposite(a, b, new SharedParts(meter));
}

/** So many pairs are looked at again as often as they come: most values have fewer parts, and none twice. */
const PARTS_UNSHARED = 1_000;

/**
 * What one comparison found out about parts of its values. `[x, x]` in `[…, …]` in `[…, …]` is a value of a few lists
 * and exponentially many paths: each pair of lists is compared once, not each pair of paths.
 */
class SharedParts {
  readonly meter: Meter | undefined;
  #left = PARTS_UNSHARED;
  #orders: Map<Composite, Map<Composite, number>> | undefined;

  constructor(meter: Meter | undefined) {
    this.meter = meter;
  }

  /** What was found out about a pair; undefined when it is new. */
  find(a: Composite, b: Composite): number | undefined {
    if (this.#left > 0) {
      this.#left--;
      if (this.#left % LONG === 0) this.meter?.spend(LONG);
      return undefined;
    }
    this.meter?.spend(1);
    return this.#orders?.get(a)?.get(b);
  }

  keep(a: Composite, b: Composite, order: number): void {
    if (this.#left > 0) return;
    this.#orders ??= new Map();
    let known = this.#orders.get(a);
    if (known === undefined) {
      known = new Map();
      this.#orders.set(a, known);
    }
    known.set(b, order);
  }
}

function compareParts(a: Value, b: Value, shared: SharedParts): number {
  if (a === b) return 0;
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return compare(a, b);
  const known = shared.find(a, b);
  if (known !== undefined) return known;
  const order = compareComposites(a, b, shared);
  shared.keep(a, b, order);
  return order;
}

function compareComposites(a: Composite, b: Composite, shared: SharedParts): number {
  const kind = kindOf(a);
  const other = kindOf(b);
  if (kind !== other) return RANK[kind] - RANK[other];
  if (kind === "array") return compareLists(a as readonly Value[], b as readonly Value[], shared);
  if (kind === "object") return compareObjects(a as ObjectValue, b as ObjectValue, shared);
  if (kind === "set") return compareLists((a as RegoSet).sorted, (b as RegoSet).sorted, shared);
  return compareNumbers(a as NumberValue, b as NumberValue);
}

function areEqualParts(a: Value, b: Value, shared: SharedParts): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  const known = shared.find(a, b);
  if (known !== undefined) return known === 0;
  const isSame = isSameComposite(a, b, shared);
  shared.keep(a, b, isSame ? 0 : 1);
  return isSame;
}

function isSameComposite(a: Composite, b: Composite, shared: SharedParts): boolean {
  if (Array.isArray(a)) return Array.isArray(b) && isSameList(a, b, shared);
  if (Array.isArray(b)) return false;
  const kind = kindOf(a);
  if (kind !== kindOf(b)) return false;
  if (kind === "set") return isSameSet(a as RegoSet, b as RegoSet, shared);
  if (kind === "number") return a instanceof BigNumber && b instanceof BigNumber && compareNumbers(a, b) === 0;
  return isSameObject(a as ObjectValue, b as ObjectValue, shared);
}

/** By code point, which is the order of the UTF-8 bytes; UTF-16 differs where surrogates meet U+E000 and above. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const isSurrogateX = x >= 0xd800 && x <= 0xdfff;
    const isSurrogateY = y >= 0xd800 && y <= 0xdfff;
    return isSurrogateX === isSurrogateY ? x - y : isSurrogateX ? 1 : -1;
  }
  return a.length - b.length;
}

/** The keys of an object in Rego's order. */
export function sortedKeysOf(object: ObjectValue): readonly Value[] {
  return object instanceof RegoObject ? object.sortedKeys : Object.keys(object).sort(compareText);
}

export function sizeOfObject(object: ObjectValue): number {
  return object instanceof RegoObject ? object.size : Object.keys(object).length;
}

/** The value at a key; undefined where there is none. Never reaches a prototype. */
export function memberOf(object: ObjectValue, key: Value): Value | undefined {
  if (object instanceof RegoObject) return object.get(key);
  return typeof key === "string" && Object.hasOwn(object, key) ? object[key] : undefined;
}

function compareLists(a: readonly Value[], b: readonly Value[], shared: SharedParts): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const order = compareParts(a[i] as Value, b[i] as Value, shared);
    if (order === 0) continue;
    payForLength(i, shared.meter);
    return order;
  }
  payForLength(length, shared.meter);
  return a.length - b.length;
}

function compareObjects(a: ObjectValue, b: ObjectValue, shared: SharedParts): number {
  const [keys, values] = sortedMembersOf(a);
  const [others, otherValues] = sortedMembersOf(b);
  payForLength(keys.length + others.length, shared.meter);
  const length = Math.min(keys.length, others.length);
  for (let i = 0; i < length; i++) {
    const order =
      compareParts(keys[i] as Value, others[i] as Value, shared) ||
      compareParts(values[i] as Value, otherValues[i] as Value, shared);
    if (order !== 0) return order;
  }
  return keys.length - others.length;
}

/** Without look-ups: to look for a composite key is to compare composites. */
function sortedMembersOf(object: ObjectValue): readonly [keys: readonly Value[], values: readonly Value[]] {
  if (object instanceof RegoObject) return [object.sortedKeys, object.sortedValues];
  const keys = Object.keys(object).sort(compareText);
  return [keys, keys.map((key) => object[key] as Value)];
}

function isSameList(a: readonly Value[], b: readonly Value[], shared: SharedParts): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (areEqualParts(a[i] as Value, b[i] as Value, shared)) continue;
    payForLength(i, shared.meter);
    return false;
  }
  payForLength(a.length, shared.meter);
  return true;
}

function isSameSet(a: RegoSet, b: RegoSet, shared: SharedParts): boolean {
  // Sorted once and kept: the order in which elements came tells nothing of which belongs to which.
  return a.size === b.size && isSameList(a.sorted, b.sorted, shared);
}

function isSameObject(a: ObjectValue, b: ObjectValue, shared: SharedParts): boolean {
  if (a instanceof RegoObject)
    return (
      b instanceof RegoObject &&
      isSameList(a.sortedKeys, b.sortedKeys, shared) &&
      isSameList(a.sortedValues, b.sortedValues, shared)
    );
  if (b instanceof RegoObject) return false;
  const keys = Object.keys(a);
  payForLength(keys.length, shared.meter);
  if (keys.length !== sizeOfObject(b)) return false;
  for (const key of keys) {
    const other = memberOf(b, key);
    if (other === undefined || !areEqualParts(a[key] as Value, other, shared)) return false;
  }
  return true;
}

/** A set of Rego values. It grows while it is built and never after it has been handed out. */
export class RegoSet {
  readonly #elements: Value[] = [];
  readonly #index = new ValueIndex(this.#elements);
  #sorted: readonly Value[] | undefined;

  static of(elements: Iterable<Value>): RegoSet {
    const set = new RegoSet();
    for (const element of elements) set.add(element);
    return set;
  }

  get size(): number {
    return this.#elements.length;
  }

  /** False when it was there already. */
  add(element: Value, meter?: Meter): boolean {
    if (this.#index.find(element, meter) >= 0) return false;
    this.#elements.push(element);
    this.#index.added();
    this.#sorted = undefined;
    return true;
  }

  has(element: Value, meter?: Meter): boolean {
    return this.#index.find(element, meter) >= 0;
  }

  /** In no order that means anything: for loops whose result does not depend on it. */
  get elements(): readonly Value[] {
    return this.#elements;
  }

  /** In Rego's order. */
  get sorted(): readonly Value[] {
    this.#sorted ??= this.#elements.toSorted(compare);
    return this.#sorted;
  }

  [Symbol.iterator](): Iterator<Value> {
    return this.sorted[Symbol.iterator]();
  }
}

/** An object with at least one key that is no string. Made by `ObjectBuilder`; never changed after. */
export class RegoObject {
  readonly #keys: readonly Value[];
  readonly #values: readonly Value[];
  readonly #index: ValueIndex;
  #sortedKeys: readonly Value[] | undefined;
  #sortedValues: readonly Value[] | undefined;

  constructor(keys: readonly Value[], values: readonly Value[], index: ValueIndex) {
    this.#keys = keys;
    this.#values = values;
    this.#index = index;
  }

  get size(): number {
    return this.#keys.length;
  }

  get(key: Value, meter?: Meter): Value | undefined {
    const position = this.#index.find(key, meter);
    return position < 0 ? undefined : this.#values[position];
  }

  /** In no order that means anything. */
  get keys(): readonly Value[] {
    return this.#keys;
  }

  /** Of the keys, one by one. */
  get values(): readonly Value[] {
    return this.#values;
  }

  get sortedKeys(): readonly Value[] {
    this.#sortedKeys ??= this.#sorted.map((position) => this.#keys[position] as Value);
    return this.#sortedKeys;
  }

  /** Of the sorted keys, one by one. */
  get sortedValues(): readonly Value[] {
    this.#sortedValues ??= this.#sorted.map((position) => this.#values[position] as Value);
    return this.#sortedValues;
  }

  get #sorted(): readonly number[] {
    const positions = this.#keys.map((_, position) => position);
    return positions.sort((a, b) => compare(this.#keys[a] as Value, this.#keys[b] as Value));
  }
}

/** Builds an object of either representation; the last value of a key stands. */
export class ObjectBuilder {
  #plain: Record<string, Value> | undefined = Object.create(null);
  readonly #keys: Value[] = [];
  readonly #values: Value[] = [];
  readonly #index = new ValueIndex(this.#keys);

  static from(entries: Iterable<readonly [Value, Value]>): PlainObject | RegoObject {
    const builder = new ObjectBuilder();
    for (const [key, value] of entries) builder.set(key, value);
    return builder.build();
  }

  get(key: Value, meter?: Meter): Value | undefined {
    if (this.#plain !== undefined) return typeof key === "string" ? this.#plain[key] : undefined;
    const position = this.#index.find(key, meter);
    return position < 0 ? undefined : this.#values[position];
  }

  set(key: Value, value: Value): void {
    if (this.#plain !== undefined) {
      // A null prototype makes `__proto__` a key like any other.
      if (typeof key === "string") {
        this.#plain[key] = value;
        return;
      }
      const plain = this.#plain;
      this.#plain = undefined;
      for (const name of Object.keys(plain)) this.#put(name, plain[name] as Value);
    }
    this.#put(key, value);
  }

  build(): PlainObject | RegoObject {
    return this.#plain ?? new RegoObject(this.#keys, this.#values, this.#index);
  }

  #put(key: Value, value: Value): void {
    const position = this.#index.find(key);
    if (position >= 0) this.#values[position] = value;
    else {
      this.#keys.push(key);
      this.#values.push(value);
      this.#index.added();
    }
  }
}

/** Below this many keys a walk along the list is faster than any index. */
const LINEAR_MAX = 8;

/** Where each of a growing list of distinct values stands in it. */
export class ValueIndex {
  readonly #keys: readonly Value[];
  #scalars: Map<Scalar, number> | undefined;
  #composites: Map<number, number[]> | undefined;

  /** `keys` stays the caller's: it appends to the list, then calls `added`. */
  constructor(keys: readonly Value[]) {
    this.#keys = keys;
  }

  /** -1 when it is not there. */
  find(key: Value, meter?: Meter): number {
    if (this.#scalars === undefined) {
      if (this.#keys.length <= LINEAR_MAX) return this.#scan(key, meter);
      this.#build();
    }
    if (key === null || typeof key !== "object") return this.#scalars?.get(key) ?? -1;
    for (const position of this.#composites?.get(hashOf(key, meter)) ?? [])
      if (isEqual(this.#keys[position] as Value, key, meter)) return position;
    return -1;
  }

  added(): void {
    if (this.#scalars !== undefined) this.#put(this.#keys.length - 1);
  }

  #scan(key: Value, meter: Meter | undefined): number {
    const keys = this.#keys;
    if (key === null || typeof key !== "object") {
      for (let i = 0; i < keys.length; i++) if (keys[i] === key) return i;
      return -1;
    }
    for (let i = 0; i < keys.length; i++) if (isEqual(keys[i] as Value, key, meter)) return i;
    return -1;
  }

  #build(): void {
    this.#scalars = new Map();
    this.#composites = new Map();
    for (let i = 0; i < this.#keys.length; i++) this.#put(i);
  }

  #put(position: number): void {
    const key = this.#keys[position] as Value;
    if (key === null || typeof key !== "object") this.#scalars?.set(key, position);
    else this.#putComposite(key, position);
  }

  #putComposite(key: Composite, position: number): void {
    const hash = hashOf(key);
    const bucket = this.#composites?.get(hash);
    if (bucket === undefined) this.#composites?.set(hash, [position]);
    else bucket.push(position);
  }
}

/** Equal values, equal hashes; 32 bits, not for security. */
function hashOf(value: Value, meter?: Meter): number {
  return value !== null && typeof value === "object"
    ? hashComposite(value, new SharedHashes(meter))
    : hashScalar(value);
}

/** As `SharedParts`: the hash of a part that comes often is computed once. */
class SharedHashes {
  readonly meter: Meter | undefined;
  #left = PARTS_UNSHARED;
  #hashes: Map<Composite, number> | undefined;

  constructor(meter: Meter | undefined) {
    this.meter = meter;
  }

  hashOf(value: Value): number {
    if (value === null || typeof value !== "object") return hashScalar(value);
    if (this.#left > 0) {
      this.#left--;
      if (this.#left % LONG === 0) this.meter?.spend(LONG);
      return hashComposite(value, this);
    }
    this.meter?.spend(1);
    this.#hashes ??= new Map();
    const known = this.#hashes.get(value);
    if (known !== undefined) return known;
    const hash = hashComposite(value, this);
    this.#hashes.set(value, hash);
    return hash;
  }
}

function hashScalar(value: Scalar): number {
  if (value === null) return 0x1f3d;
  switch (typeof value) {
    case "boolean":
      return value ? 0x2e5b : 0x2e5d;
    case "number":
      return hashNumber(value);
    default:
      return hashText(value);
  }
}

function hashComposite(value: Composite, shared: SharedHashes): number {
  if (Array.isArray(value)) {
    let hash = 0x345678;
    payForLength(value.length, shared.meter);
    for (const item of value) hash = mix(hash, shared.hashOf(item));
    return hash;
  }
  if (value instanceof RegoSet) {
    // A sum does not depend on the order.
    let hash = 0x5e7;
    payForLength(value.size, shared.meter);
    for (const item of value.elements) hash = (hash + mix(1, shared.hashOf(item))) | 0;
    return hash;
  }
  if (value instanceof BigNumber) return mix(0xb16, hashText(value.text));
  let hash = 0x0b1ec7;
  if (value instanceof RegoObject) {
    const { keys, values } = value;
    payForLength(keys.length, shared.meter);
    for (let i = 0; i < keys.length; i++)
      hash = (hash + mix(shared.hashOf(keys[i] as Value), shared.hashOf(values[i] as Value))) | 0;
  } else {
    const plain = value as PlainObject;
    const keys = Object.keys(plain);
    payForLength(keys.length, shared.meter);
    for (const key of keys) hash = (hash + mix(hashText(key), shared.hashOf(plain[key] as Value))) | 0;
  }
  return hash;
}

function mix(hash: number, next: number): number {
  return (Math.imul(hash ^ next, 0x01000193) + 0x9e3779b9) | 0;
}

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}

function hashNumber(value: number): number {
  return Number.isSafeInteger(value) ? mix(value | 0, Math.floor(value / 0x100000000) | 0) : hashText(String(value));
}
