import type { Expression, Operation, Slot } from "../compile/ir.ts";
import {
  isPlainObject,
  isScalar,
  memberOf,
  type ObjectValue,
  type PlainObject,
  RegoObject,
  RegoSet,
  type Value,
} from "../values/value.ts";

/** Beyond this many values, looking through them costs more at activation than it saves later. */
const KNOWN_MAX = 50_000;

/** All values that something can have which comes out of constants; `isOptional` when it may be undefined as well. */
export interface Known {
  readonly values: readonly Value[];
  readonly isOptional: boolean;
}

/** What is known of slots and expressions because they come from constants: data that was fixed at activation. */
export class KnownValues {
  readonly #bySlot = new Map<Slot, Known>();

  clear(): void {
    this.#bySlot.clear();
  }

  copy(): ReadonlyMap<Slot, Known> {
    return new Map(this.#bySlot);
  }

  restore(known: ReadonlyMap<Slot, Known>): void {
    this.#bySlot.clear();
    for (const [slot, values] of known) this.#bySlot.set(slot, values);
  }

  /** Before the body of a loop, or after a `let`. */
  follow(operation: Operation): void {
    if (operation.op === "let") this.#set(operation.slot, this.of(operation.from));
    // INVARIANT: a slot that was set anew is not known by what it held before.
    if ((operation.op === "scan" || operation.op === "scan-tree") && operation.key !== undefined)
      this.#bySlot.delete(operation.key);
    if (operation.op === "scan-tree") this.#bySlot.delete(operation.value);
    if (operation.op !== "scan" || operation.value === undefined) return;
    const source = this.of(operation.source);
    this.#set(
      operation.value,
      source && isAll(source, isIterableConstant) ? flatten(source.values, elementsOf) : undefined,
    );
  }

  of(expression: Expression): Known | undefined {
    switch (expression.op) {
      case "constant":
        return { values: [expression.value], isOptional: false };
      case "slot":
        return this.#bySlot.get(expression.slot);
      case "get":
        return this.#member(expression);
      default:
        return undefined;
    }
  }

  #member({ source, key }: Expression & { readonly op: "get" }): Known | undefined {
    const whole = this.of(source);
    if (whole === undefined || !isAll(whole, isPlainObject)) return undefined;
    if (key.op !== "constant") {
      const all = flatten(whole.values, elementsOf);
      return all && { ...all, isOptional: true };
    }
    const found = whole.values.map((value) => memberOf(value as ObjectValue, key.value));
    const values = found.filter((value) => value !== undefined);
    return { values, isOptional: whole.isOptional || values.length < found.length };
  }

  #set(slot: Slot, known: Known | undefined): void {
    if (known === undefined) this.#bySlot.delete(slot);
    else this.#bySlot.set(slot, known);
  }
}

function isAll({ values }: Known, holds: (value: Value) => boolean): boolean {
  return values.length > 0 && values.every(holds);
}

/** Every one of them is a document that has the member. */
export function haveMember(known: Known | undefined, name: string): boolean {
  return known !== undefined && isAll(known, (value) => isPlainObject(value) && Object.hasOwn(value, name));
}

export function areArrays(known: Known | undefined): boolean {
  return known !== undefined && isAll(known, (value) => Array.isArray(value));
}

export function areScalars(known: Known | undefined): boolean {
  return known !== undefined && isAll(known, isScalar);
}

export function areStrings(known: Known | undefined): boolean {
  return known !== undefined && isAll(known, (value) => typeof value === "string");
}

function isIterableConstant(value: Value): boolean {
  return Array.isArray(value) || value instanceof RegoSet || isPlainObject(value);
}

function flatten(values: readonly Value[], parts: (value: Value) => readonly Value[]): Known | undefined {
  const found: Value[] = [];
  for (const value of values) {
    const own = parts(value);
    if (found.length + own.length > KNOWN_MAX) return undefined;
    for (const part of own) found.push(part);
  }
  return { values: found, isOptional: false };
}

function elementsOf(value: Value): readonly Value[] {
  if (Array.isArray(value)) return value;
  if (value instanceof RegoSet) return value.elements;
  if (value instanceof RegoObject || !isPlainObject(value)) return [];
  return Object.values(value as PlainObject);
}
