import {
  elementType,
  isAny,
  type Known,
  membersOf,
  memberType,
  propertyType,
  typeOfValue,
  unionOf,
} from "../type-operations.ts";
import { ANY, type ArrayType, type ObjectType } from "../types.ts";
import { isArray, isObject, isSet, memberOf, sizeOfObject, sortedKeysOf, type Value } from "../values/value.ts";
import { entriesByKey } from "./entries-by-key.ts";
import type { ResolvedTerm } from "./resolved.ts";
import type { TypeFacts } from "./type-facts.ts";
import type { TypeScope } from "./type-scope.ts";

/** What the checker knows of a term in a scope. */
export type TypeOf = (term: ResolvedTerm) => Known;

/** Finds out whether terms can be what they have to be, and what that makes of variables of which nothing was known. */
export class TypeUnifier {
  readonly #scope: TypeScope;
  readonly #facts: TypeFacts;
  readonly #typeOf: TypeOf;

  constructor(scope: TypeScope, typeOf: TypeOf) {
    this.#scope = scope;
    this.#facts = scope.facts;
    this.#typeOf = typeOf;
  }

  /** Both sides of an equation. */
  equate(a: ResolvedTerm, b: ResolvedTerm): boolean {
    const left = this.#typeOf(a);
    const right = this.#typeOf(b);
    const isOpenLeft = this.#facts.isUnknown(left);
    const isOpenRight = this.#facts.isUnknown(right);
    // A constant is known, though an empty set in it has no type of elements.
    if (isOpenLeft && (!isOpenRight || b.type === "constant")) return this.match(a, right, false);
    if (isOpenRight && (!isOpenLeft || a.type === "constant")) return this.match(b, left, false);
    if (!isOpenLeft) return this.#facts.mayUnify(left, right);
    if (a.type === "array") return this.#equateArray(a, b);
    if (a.type === "object") return this.#equateObject(a, b);
    if (a.type === "reference" && b.type === "local") return this.match(b, ANY, false);
    if (a.type === "local") {
      if (b.type === "local" || b.type === "array" || b.type === "object") return this.#equateLocal(a, b);
      if (b.type === "reference") return this.match(a, ANY, false);
    }
    if (a.type === "local" && left === undefined && right !== undefined) return this.match(a, right, false);
    return b.type === "local" && right === undefined && left !== undefined && this.match(b, left, false);
  }

  #equateLocal(local: ResolvedTerm, other: ResolvedTerm): boolean {
    if (other.type === "local") return this.match(local, ANY, false) && this.match(other, this.#typeOf(local), false);
    return this.match(other, ANY, false) && this.match(local, this.#typeOf(other), false);
  }

  #equateArray(a: ResolvedTerm & { readonly type: "array" | "set" }, b: ResolvedTerm): boolean {
    if (b.type === "local") return this.#equateLocal(b, a);
    if (b.type !== "array" || a.items.length !== b.items.length) return false;
    return a.items.every((item, index) => this.equate(item, b.items[index]!));
  }

  #equateObject(a: ResolvedTerm & { readonly type: "object" }, b: ResolvedTerm): boolean {
    if (b.type === "local") return this.#equateLocal(b, a);
    if (b.type !== "object" || a.entries.length !== b.entries.length) return false;
    const memberAt = entriesByKey(b.entries);
    return a.entries.every(([key, value]) => {
      const other = memberAt(key);
      return other !== undefined && this.equate(value, other);
    });
  }

  /** A term that has to be of a type. As one of several (`isAlternative`), what is known of variables adds up. */
  match(term: ResolvedTerm, type: Known, isAlternative: boolean): boolean {
    switch (term.type) {
      case "local": {
        const known = this.#scope.typeOfLocal(term.local);
        if (!isAlternative && known !== undefined) return this.#facts.mayUnify(known, type);
        this.#scope.setLocal(term.local, isAlternative ? unionOf(known, type) : type);
        return true;
      }
      case "constant":
        return this.#matchValue(term.value, type);
      case "array":
      case "object":
      case "set":
        return this.#matchComposite(term, type, isAlternative);
      default:
        return this.#facts.mayUnify(this.#typeOf(term), type);
    }
  }

  #matchComposite(
    term: ResolvedTerm & { readonly type: "array" | "object" | "set" },
    type: Known,
    isAlternative: boolean,
  ): boolean {
    if (!this.#facts.lookAtPair()) return true;
    if (type?.type === "any") {
      if (isAny(type)) this.#matchParts(term);
      const fitting = membersOf(type).filter((member) => this.match(term, member, true));
      return isAny(type) || fitting.length > 0;
    }
    if (type?.type !== term.type) return false;
    if (type.type === "array") return this.#matchArray(term, type, isAlternative);
    if (type.type === "object") return this.#matchObject(term, type, isAlternative);
    if (term.type !== "set" || type.type !== "set") return false;
    return term.items.every((item) => this.match(item, type.of, isAlternative));
  }

  #matchParts(term: ResolvedTerm & { readonly type: "array" | "object" | "set" }): void {
    const parts = term.type === "object" ? term.entries.flat() : term.items;
    for (const part of parts) this.match(part, ANY, true);
  }

  #matchArray(term: ResolvedTerm, type: ArrayType, isAlternative: boolean): boolean {
    if (term.type !== "array" || !hasRoom(term.items.length, type)) return false;
    return term.items.every((item, index) => this.match(item, elementType(type, index), isAlternative));
  }

  #matchObject(term: ResolvedTerm, type: ObjectType, isAlternative: boolean): boolean {
    if (term.type !== "object" || !hasMembers(term.entries.length, type)) return false;
    return term.entries.every(([key, value]) => {
      if (key.type !== "constant") {
        this.match(value, ANY, isAlternative);
        return true;
      }
      const member = propertyType(type, key.value);
      return member !== undefined && this.match(value, member, isAlternative);
    });
  }

  /** A constant has to be of a type as a composite term of its parts would have to. */
  #matchValue(value: Value, type: Known): boolean {
    if (!this.#facts.lookAtPair()) return true;
    const isComposite = isArray(value) || isObject(value) || isSet(value);
    if (!isComposite) return this.#facts.mayUnify(typeOfValue(value), type);
    if (type?.type === "any") return isAny(type) || membersOf(type).some((member) => this.#matchValue(value, member));
    if (isArray(value))
      return (
        type?.type === "array" &&
        hasRoom(value.length, type) &&
        value.every((item, index) => this.#matchValue(item, elementType(type, index)))
      );
    if (isSet(value)) return type?.type === "set" && value.sorted.every((item) => this.#matchValue(item, type.of));
    if (type?.type !== "object" || !hasMembers(sizeOfObject(value), type)) return false;
    return sortedKeysOf(value).every((key) => {
      const member = memberType(type, key);
      return member !== undefined && this.#matchValue(memberOf(value, key) ?? null, member);
    });
  }
}

function hasRoom(length: number, type: ArrayType): boolean {
  return length === (type.static ?? []).length || type.dynamic !== undefined;
}

function hasMembers(size: number, type: ObjectType): boolean {
  return size === (type.static ?? []).length || type.dynamic?.value !== undefined;
}
