import { LimitExceeded } from "../limits.ts";
import {
  type Argument,
  type Child,
  type Field,
  type FieldDefinition,
  type Fragment,
  LITERAL_KIND,
  type Literal,
  type SelectionSet,
  type TypeReference,
  typeToText,
} from "./graphql-ast.ts";
import { CHAIN_MAX, type CheckContext, type SchemaType } from "./graphql-schema.ts";

/** What a field of the query is a field of; undefined where the schema does not say. */
export interface FieldMeaning {
  readonly parent: SchemaType | undefined;
  readonly definition: FieldDefinition | undefined;
}

/** Two fields that would give one name of the response different meanings. */
interface Conflict {
  readonly name: string;
  readonly reason: string;
  readonly field: Field;
}

/** The fields of a selection set with those of its inline fragments, by the name in the response; and what it spreads. */
interface Collected {
  readonly fieldsByName: ReadonlyMap<string, readonly Field[]>;
  readonly spreads: readonly string[];
}

/**
 * GraphQL §5.3.2 "Field Selection Merging". The letters are the steps of the reference implementation's algorithm,
 * which compares each pair of fields and of fragments as seldom as it can. Every comparison is charged.
 */
export class MergeChecker {
  readonly #context: CheckContext;
  readonly #fragmentByName: ReadonlyMap<string, Fragment>;
  readonly #meanings: ReadonlyMap<Field, FieldMeaning>;
  readonly #collected = new Map<SelectionSet, Collected>();
  /** Pairs of fragments that were compared, by both names; true when only as mutually exclusive. */
  readonly #comparedPairs = new Map<string, Map<string, boolean>>();
  #depth = 0;

  constructor(
    context: CheckContext,
    fragmentByName: ReadonlyMap<string, Fragment>,
    meanings: ReadonlyMap<Field, FieldMeaning>,
  ) {
    this.#context = context;
    this.#fragmentByName = fragmentByName;
    this.#meanings = meanings;
  }

  check(set: SelectionSet | undefined): void {
    const conflict = set && this.#conflictWithin(this.#collect(set));
    if (conflict)
      throw this.#context.refusal(
        `Fields "${conflict.name}" conflict because ${conflict.reason}. Use different aliases on the fields to fetch both if this was intentional.`,
        conflict.field,
      );
  }

  #conflictWithin(collected: Collected): Conflict | undefined {
    // (A) Every pair of fields of the set itself: the only place where a set is compared with itself.
    for (const fields of collected.fieldsByName.values())
      for (const [index, a] of fields.entries())
        for (let other = index + 1; other < fields.length; other++) {
          const conflict = this.#conflictOf(a, fields[other] as Field, false);
          if (conflict) return conflict;
        }
    const compared = new Set<string>();
    for (const [index, a] of collected.spreads.entries()) {
      // (B) The fields of the set with those of each fragment that it spreads,
      const conflict = this.#conflictWithFragment(collected, a, false, compared);
      if (conflict) return conflict;
      // (C) and these fragments with each other.
      for (let other = index + 1; other < collected.spreads.length; other++) {
        const between = this.#conflictOfFragments(a, collected.spreads[other] as string, false);
        if (between) return between;
      }
    }
    return undefined;
  }

  #conflictWithFragment(
    collected: Collected,
    name: string,
    isExclusive: boolean,
    compared: Set<string>,
  ): Conflict | undefined {
    if (compared.has(name)) return undefined;
    compared.add(name);
    const fragment = this.#collectFragment(name);
    if (fragment === undefined || fragment === collected) return undefined;
    // (D) The fields with those of the fragment, (E) and with what that spreads.
    return (
      this.#conflictBetween(collected, fragment, isExclusive) ??
      this.#deeper(() =>
        firstOf(fragment.spreads, (spread) => this.#conflictWithFragment(collected, spread, isExclusive, compared)),
      )
    );
  }

  #conflictOfFragments(a: string, b: string, isExclusive: boolean): Conflict | undefined {
    this.#context.spend(1);
    if (a === b || this.#wasCompared(a, b, isExclusive)) return undefined;
    this.#noteCompared(a, b, isExclusive);
    const first = this.#collectFragment(a);
    const second = this.#collectFragment(b);
    if (first === undefined || second === undefined) return undefined;
    // (F) The fields of the one with those of the other, (G) and each with what the other spreads.
    return (
      this.#conflictBetween(first, second, isExclusive) ??
      this.#deeper(
        () =>
          firstOf(second.spreads, (spread) => this.#conflictOfFragments(a, spread, isExclusive)) ??
          firstOf(first.spreads, (spread) => this.#conflictOfFragments(spread, b, isExclusive)),
      )
    );
  }

  #conflictBetween(a: Collected, b: Collected, isExclusive: boolean): Conflict | undefined {
    for (const [name, fields] of a.fieldsByName) {
      this.#context.spend(1);
      const others = b.fieldsByName.get(name) ?? [];
      const conflict = firstOf(fields, (field) =>
        firstOf(others, (other) => this.#conflictOf(field, other, isExclusive)),
      );
      if (conflict) return conflict;
    }
    return undefined;
  }

  #conflictOf(a: Field, b: Field, areParentsExclusive: boolean): Conflict | undefined {
    this.#context.spend(1);
    const first = this.#meanings.get(a);
    const second = this.#meanings.get(b);
    if (first?.parent === undefined || second?.parent === undefined) return undefined;
    const reason = this.#differenceOf(a, first, b, second, areParentsExclusive || areExclusive(first, second));
    return reason === undefined ? undefined : { name: responseNameOf(a), reason, field: b };
  }

  #differenceOf(
    a: Field,
    first: FieldMeaning,
    b: Field,
    second: FieldMeaning,
    isExclusive: boolean,
  ): string | undefined {
    // Of two types that no object has both, only the shapes of the response must agree.
    if (!isExclusive && a.Name !== b.Name) return `"${a.Name}" and "${b.Name}" are different fields`;
    if (!isExclusive && !this.#areSameArguments(a.Arguments ?? [], b.Arguments ?? []))
      return "they have differing arguments";
    const type = first.definition?.Type;
    const other = second.definition?.Type;
    if (type !== undefined && other !== undefined && this.#doTypesConflict(type, other))
      return `they return conflicting types "${typeToText(type)}" and "${typeToText(other)}"`;
    if (a.SelectionSet === undefined || b.SelectionSet === undefined) return undefined;
    const inner = this.#conflictOfSubsets(this.#collect(a.SelectionSet), this.#collect(b.SelectionSet), isExclusive);
    return inner && `subfields "${inner.name}" conflict because ${inner.reason}`;
  }

  #conflictOfSubsets(a: Collected, b: Collected, isExclusive: boolean): Conflict | undefined {
    return this.#deeper(
      () =>
        // (H) The fields of both, (I) those of each with the fragments of the other, (J) and the fragments of both.
        this.#conflictBetween(a, b, isExclusive) ??
        firstOf(b.spreads, (spread) => this.#conflictWithFragment(a, spread, isExclusive, new Set())) ??
        firstOf(a.spreads, (spread) => this.#conflictWithFragment(b, spread, isExclusive, new Set())) ??
        firstOf(a.spreads, (spread) =>
          firstOf(b.spreads, (other) => this.#conflictOfFragments(spread, other, isExclusive)),
        ),
    );
  }

  #areSameArguments(a: readonly Argument[], b: readonly Argument[]): boolean {
    this.#context.spend(a.length * b.length);
    return (
      a.length === b.length &&
      a.every((argument) =>
        b.some((other) => argument.Name === other.Name && this.#areSameValues(argument.Value, other.Value)),
      )
    );
  }

  #areSameValues(a: Literal, b: Literal): boolean {
    const children = inNameOrder(a);
    const others = inNameOrder(b);
    this.#context.spend(1 + children.length);
    return (
      a.Kind === b.Kind &&
      a.Raw === b.Raw &&
      children.length === others.length &&
      children.every((child, index) => {
        const other = others[index] as Child;
        return child.Name === other.Name && this.#areSameValues(child.Value, other.Value);
      })
    );
  }

  /** GraphQL §5.3.2 SameResponseShape; of lists gqlparser does not compare whether they may be null. */
  #doTypesConflict(a: TypeReference, b: TypeReference): boolean {
    if (a.Elem !== undefined && b.Elem !== undefined) return this.#doTypesConflict(a.Elem, b.Elem);
    if (a.Elem !== undefined || b.Elem !== undefined || a.NonNull !== b.NonNull) return true;
    return a.NamedType !== b.NamedType && this.#isLeaf(a.NamedType) && this.#isLeaf(b.NamedType);
  }

  #isLeaf(name: string): boolean {
    const kind = this.#context.schema.typeByName.get(name)?.kind;
    return kind === "SCALAR" || kind === "ENUM";
  }

  #collectFragment(name: string): Collected | undefined {
    const set = this.#fragmentByName.get(name)?.SelectionSet;
    return set && this.#collect(set);
  }

  #collect(set: SelectionSet): Collected {
    const known = this.#collected.get(set);
    if (known !== undefined) return known;
    const fieldsByName = new Map<string, Field[]>();
    const spreads: string[] = [];
    const add = (selections: SelectionSet): void => {
      this.#context.spend(selections.length);
      for (const selection of selections) {
        if ("Alias" in selection) {
          const name = responseNameOf(selection);
          const fields = fieldsByName.get(name);
          if (fields === undefined) fieldsByName.set(name, [selection]);
          else fields.push(selection);
        } else if ("TypeCondition" in selection) add(selection.SelectionSet ?? []);
        else spreads.push(selection.Name);
      }
    };
    add(set);
    const collected = { fieldsByName, spreads };
    this.#collected.set(set, collected);
    return collected;
  }

  /** What was compared as not exclusive was compared more strictly, and counts for both. */
  #wasCompared(a: string, b: string, isExclusive: boolean): boolean {
    const known = this.#comparedPairs.get(a)?.get(b);
    return known === false || (known === true && isExclusive);
  }

  #noteCompared(a: string, b: string, isExclusive: boolean): void {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const pairs = this.#comparedPairs.get(one) ?? new Map<string, boolean>();
      this.#comparedPairs.set(one, pairs.set(other, isExclusive));
    }
  }

  #deeper<Result>(compare: () => Result): Result {
    if (++this.#depth > CHAIN_MAX) throw new LimitExceeded("nesting");
    const result = compare();
    this.#depth--;
    return result;
  }
}

function areExclusive(a: FieldMeaning, b: FieldMeaning): boolean {
  return (
    a.definition !== undefined &&
    b.definition !== undefined &&
    a.parent?.kind === "OBJECT" &&
    b.parent?.kind === "OBJECT" &&
    a.parent.name !== b.parent.name
  );
}

/** An object that was given may have no alias. */
function responseNameOf(field: Field): string {
  return field.Alias === "" ? field.Name : field.Alias;
}

function inNameOrder(literal: Literal): readonly Child[] {
  const children = literal.Children ?? [];
  if (literal.Kind !== LITERAL_KIND.object) return children;
  return children.toSorted((a, b) => (a.Name < b.Name ? -1 : a.Name > b.Name ? 1 : 0));
}

function firstOf<Item, Found>(items: readonly Item[], find: (item: Item) => Found | undefined): Found | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
