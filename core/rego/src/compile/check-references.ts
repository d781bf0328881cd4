import { isEmptyCollection, type Known, membersOf, memberType } from "../type-operations.ts";
import { ANY, STRING, type Type } from "../types.ts";
import type { Value } from "../values/value.ts";
import type { Subjects } from "./expand.ts";
import type { ResolvedReference, ResolvedStatement, ResolvedTerm } from "./resolved.ts";
import { termsOf } from "./statement-parts.ts";
import { invalidKeyError, noKeysError, notCalledError, type TypeMistake } from "./type-errors.ts";
import { childOf, extentOf, isScalarOrNumber, selectType, type TypeNode, type TypeScope } from "./type-scope.ts";
import { type TypeOf, TypeUnifier } from "./unify-types.ts";

/** Whether what references ask for can be there. The variables in them become keys of what they ask. */
export class ReferenceChecker {
  readonly #scope: TypeScope;
  readonly #typeOf: TypeOf;
  readonly #subjects: Subjects;
  readonly #errors: TypeMistake[] = [];

  constructor(scope: TypeScope, typeOf: TypeOf, subjects: Subjects) {
    this.#scope = scope;
    this.#typeOf = typeOf;
    this.#subjects = subjects;
  }

  statement(statement: ResolvedStatement): readonly TypeMistake[] {
    this.#visitStatement(statement);
    return this.#errors;
  }

  #visitStatement({ what }: ResolvedStatement): void {
    for (const term of termsOf(what)) this.#visit(term);
    if (what.type === "every") for (const inner of what.body) this.#visitStatement(inner);
  }

  #visit(term: ResolvedTerm): void {
    switch (term.type) {
      case "reference": {
        const error = this.#reference(term);
        if (error !== undefined) this.#errors.push(error);
        for (const key of term.path) this.#visit(key);
        return;
      }
      case "array":
      case "set":
        for (const item of term.items) this.#visit(item);
        return;
      case "object":
        for (const entry of term.entries) for (const item of entry) this.#visit(item);
        return;
      case "call":
        for (const arg of term.args) this.#visit(arg);
        return;
      default:
    }
  }

  #reference(reference: ResolvedReference): TypeMistake | undefined {
    const type = typeOfReference(this.#scope, reference, this.#typeOf);
    if (type?.type === "function") return notCalledError(reference, type, this.#subjects);
    if (typeof reference.base === "string") return this.#document(this.#scope, reference);
    // OPA has no type for `false[x]`: what `some x in false` enumerates may be anything, and is nothing.
    const { base } = reference;
    const written = base.type === "local" ? (this.#subjects.get(base.local) ?? base) : base;
    if (written.type === "constant" && isScalarOrNumber(written.value)) return this.#keysOf(ANY, reference, 0);
    if (reference.base.type === "local" && this.#typeOf(reference.base) === undefined)
      this.#scope.setLocal(reference.base.local, ANY);
    return this.#keysOf(this.#typeOf(reference.base), reference, 0);
  }

  /** Follows a reference through the documents as this scope knows them. */
  #document(known: TypeScope, reference: ResolvedReference): TypeMistake | undefined {
    const node = known.tree.children.get(reference.base as "data" | "input");
    if (node !== undefined) return this.#below(known, node, reference, 0);
    return known.next === undefined ? this.#keysOf(ANY, reference, 0) : this.#document(known.next, reference);
  }

  #below(known: TypeScope, node: TypeNode, reference: ResolvedReference, index: number): TypeMistake | undefined {
    if (node.type !== undefined) return this.#keysOf(node.type, reference, index);
    const key = reference.path[index];
    if (key === undefined) return undefined;
    // The first two names below `data` are those of a package and of a rule at least.
    const isName = key.type === "local" || (key.type === "constant" && typeof key.value === "string");
    if (index < 2 && !isName) return this.#invalid(reference, index, this.#typeOf(key), STRING, namesIn(node));
    if (key.type === "local") {
      const error = this.#variableKey(
        this.#scope.facts.keyType(extentOf(node, this.#scope.facts)),
        key,
        reference,
        index,
        () => namesIn(node),
      );
      if (error !== undefined) return error;
    }
    const child = childOf(node, key);
    if (child !== undefined) return this.#below(known, child, reference, index + 1);
    // Base data: nothing is known of it.
    return known.next === undefined ? this.#keysOf(ANY, reference, 0) : this.#document(known.next, reference);
  }

  /** Follows the rest of a reference through a type. */
  #keysOf(start: Known, reference: ResolvedReference, from: number): TypeMistake | undefined {
    let type = start;
    for (let index = from; index < reference.path.length; index++) {
      const key = reference.path[index] as ResolvedTerm;
      if (isEmptyCollection(type)) return this.#keyOfEmpty(type, key, reference, index);
      const keys = this.#scope.facts.keyType(type);
      if (keys === undefined) return noKeysError(reference, index, type, this.#subjects);
      if (key.type === "constant" && isScalarOrNumber(key.value)) {
        const member = memberType(type, key.value);
        if (member === undefined) return this.#invalid(reference, index, undefined, keys, namesOf(type));
        type = member;
        continue;
      }
      const error = this.#dynamicKey(keys, key, reference, index, type);
      if (error !== undefined) return error;
      type = this.#scope.facts.valueType(type);
    }
    return undefined;
  }

  #dynamicKey(
    keys: Type,
    key: ResolvedTerm,
    reference: ResolvedReference,
    index: number,
    type: Known,
  ): TypeMistake | undefined {
    if (key.type === "local") return this.#variableKey(keys, key, reference, index, () => namesOf(type));
    if (new TypeUnifier(this.#scope, this.#typeOf).match(key, keys, false)) return undefined;
    return this.#invalid(reference, index, this.#typeOf(key), keys, []);
  }

  #variableKey(
    keys: Known,
    key: ResolvedTerm & { readonly type: "local" },
    reference: ResolvedReference,
    index: number,
    oneOf: () => readonly Value[],
  ): TypeMistake | undefined {
    const known = this.#scope.typeOfLocal(key.local);
    if (known === undefined) this.#scope.setLocal(key.local, keys);
    else if (!this.#scope.facts.mayUnify(known, keys)) return this.#invalid(reference, index, known, keys, oneOf());
    return undefined;
  }

  /** Nothing is in there: to ask for a certain member is a mistake, to ask for all of them is not. */
  #keyOfEmpty(type: Known, key: ResolvedTerm, reference: ResolvedReference, index: number): TypeMistake | undefined {
    if (key.type === "constant" && isScalarOrNumber(key.value))
      return this.#invalid(reference, index, undefined, undefined, []);
    if (key.type !== "local") return undefined;
    const known = this.#scope.typeOfLocal(key.local);
    const keys = this.#scope.facts.keyType(type);
    if (known === undefined) this.#scope.setLocal(key.local, ANY);
    else if (keys !== undefined && !this.#scope.facts.mayUnify(known, keys))
      return this.#invalid(reference, index, known, keys, []);
    return undefined;
  }

  #invalid(
    reference: ResolvedReference,
    index: number,
    have: Known,
    want: Known,
    oneOf: readonly Value[],
  ): TypeMistake {
    return invalidKeyError(reference, index, have, want, oneOf, this.#subjects);
  }
}

export function typeOfReference(scope: TypeScope, { base, path }: ResolvedReference, typeOf: TypeOf): Known {
  return typeof base === "string" ? scope.typeAt(base, path) : selectType(typeOf(base), path, scope.facts);
}

function namesIn(node: TypeNode): readonly Value[] {
  return Array.from(node.children.keys());
}

/** The keys that are known of objects of the type. */
function namesOf(type: Known): readonly Value[] {
  if (type?.type === "object") return (type.static ?? []).map(({ key }) => key);
  if (type?.type !== "any") return [];
  return Array.from(new Set(membersOf(type).flatMap(namesOf)));
}
