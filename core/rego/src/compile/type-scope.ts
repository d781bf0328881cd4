import {
  isEmptyCollection,
  type Known,
  membersOf,
  memberType,
  objectType,
  typeOfValue,
  unionOf,
  unionOfAll,
} from "../type-operations.ts";
import { ANY, type ObjectType, STRING, type Type } from "../types.ts";
import { isNumber, isScalar, type Scalar, type Value } from "../values/value.ts";
import type { Local, ResolvedComprehension, ResolvedTerm } from "./resolved.ts";
import { TypeFacts } from "./type-facts.ts";

/** What is known of a place in the documents, and of the places below it. */
export interface TypeNode {
  type: Known;
  /** The whole document from here, once somebody has asked and until something is put below. */
  extent: Known;
  readonly children: Map<Scalar, TypeNode>;
}

export function createTypeNode(): TypeNode {
  return { type: undefined, extent: undefined, children: new Map() };
}

export type Root = "data" | "input";

/** What is known while one body is checked: of its variables, and of documents as far as they differ from outside. */
export class TypeScope {
  readonly next: TypeScope | undefined;
  readonly tree: TypeNode;
  readonly facts: TypeFacts;
  readonly #locals: Map<Local, Type>;
  /** The types of the comprehensions in the statement that is being checked. */
  readonly comprehensions: Map<ResolvedComprehension, Known> = new Map();

  private constructor(next: TypeScope | undefined, tree: TypeNode, facts: TypeFacts, locals: Map<Local, Type>) {
    this.next = next;
    this.tree = tree;
    this.facts = facts;
    this.#locals = locals;
  }

  static root(): TypeScope {
    return new TypeScope(undefined, createTypeNode(), new TypeFacts(), new Map());
  }

  inside(): TypeScope {
    return new TypeScope(this, createTypeNode(), this.facts, new Map());
  }

  /** For one statement with other documents: its variables outlive it. */
  withTree(tree: TypeNode): TypeScope {
    return new TypeScope(this, tree, this.facts, this.#locals);
  }

  typeOfLocal(local: Local): Known {
    return this.#locals.get(local) ?? this.next?.typeOfLocal(local);
  }

  setLocal(local: Local, type: Known): void {
    const bounded = this.facts.bounded(type);
    if (bounded !== undefined) this.#locals.set(local, bounded);
  }

  /** The type of what lies at a path. Nothing is known of base documents: they may hold anything. */
  typeAt(root: Root, path: readonly ResolvedTerm[]): Known {
    let node = this.tree.children.get(root);
    for (const [index, key] of path.entries()) {
      if (node === undefined) break;
      if (node.type !== undefined) {
        const child = childOf(node, key);
        if (child === undefined) return selectType(node.type, path.slice(index), this.facts);
        node = child;
      } else if (key.type !== "constant") return selectType(extentOf(node, this.facts), path.slice(index), this.facts);
      else node = childOf(node, key);
    }
    if (node !== undefined) return extentOf(node, this.facts);
    return this.next === undefined ? ANY : this.next.typeAt(root, path);
  }
}

export function childOf(node: TypeNode, key: ResolvedTerm): TypeNode | undefined {
  return key.type === "constant" && isScalar(key.value) ? node.children.get(key.value) : undefined;
}

/** The whole document at a place. Beside what is known to be there, base documents may put anything. */
export function extentOf(node: TypeNode, facts: TypeFacts): Known {
  if (node.type !== undefined) return node.type;
  node.extent ??= facts.bounded(
    objectType(
      Array.from(node.children)
        .filter(([key]) => key !== null)
        .map(([key, child]) => ({ key, value: extentOf(child, facts) })),
      { key: STRING, value: ANY },
    ),
  );
  return node.extent;
}

/** What following a path gives; a key that is not known may be any. */
export function selectType(type: Known, path: readonly ResolvedTerm[], facts: TypeFacts): Known {
  let selected = type;
  for (const key of path) {
    if (selected === undefined) return undefined;
    if (key.type === "constant" && isScalarOrNumber(key.value)) selected = memberType(selected, key.value);
    else if (isEmptyCollection(selected)) return ANY;
    else selected = facts.valueType(selected);
  }
  return selected;
}

export function isScalarOrNumber(value: Value): boolean {
  return isScalar(value) || isNumber(value);
}

export function putType(tree: TypeNode, path: readonly Scalar[], type: Known): void {
  nodeFor(tree, path).type = type;
}

function nodeFor(tree: TypeNode, path: readonly Scalar[]): TypeNode {
  let node = tree;
  for (const key of path) {
    node.extent = undefined;
    const child = node.children.get(key) ?? createTypeNode();
    node.children.set(key, child);
    node = child;
  }
  return node;
}

/** Adds what one definition of a rule gives to what others give, at its place and in the objects that hold it. */
export function insertType(tree: TypeNode, path: readonly Scalar[], type: Type, facts: TypeFacts): void {
  let node = tree;
  for (const [index, key] of path.entries()) {
    node.extent = undefined;
    const known = node.children.get(key);
    const child = known ?? createTypeNode();
    node.children.set(key, child);
    const rest = path.slice(index + 1);
    if (known?.type?.type === "object" && rest.length > 0)
      child.type = facts.bounded(withProperty(known.type, rest, type));
    node = child;
  }
  node.type = facts.bounded(mergeTypes(node.type, type));
  if (type.type !== "object") return;
  for (const [below, leaf] of leavesBelow(node, []))
    if (node.type?.type === "object") node.type = facts.bounded(withProperty(node.type, below, leaf));
}

function leavesBelow(node: TypeNode, path: readonly Scalar[]): readonly (readonly [readonly Scalar[], Type])[] {
  return Array.from(node.children).flatMap(([key, child]) => {
    const at = [...path, key];
    return child.type === undefined ? leavesBelow(child, at) : [[at, child.type] as const];
  });
}

function withProperty(object: ObjectType, path: readonly Scalar[], type: Type): ObjectType {
  const [first, ...rest] = path;
  if (first === undefined) return object;
  const value = rest.length === 0 ? type : withProperty({ type: "object" }, rest, type);
  const dynamic = {
    key: unionOf(object.dynamic?.key, typeOfValue(first)),
    value: unionOf(object.dynamic?.value, value),
  };
  return { ...object, dynamic };
}

/** Several definitions of one rule. Objects of which no key is fixed become one, as do sets. */
function mergeTypes(a: Known, b: Known): Known {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.type === "set" && b.type === "set") return { type: "set", of: unionOf(a.of, b.of) };
  if (a.type === "any" && b.type !== "any") return mergeTypes(b, a);
  if (!isDynamicObject(a)) return unionOf(a, b);
  if (isDynamicObject(b)) return mergeObjects(a, b);
  if (b.type !== "any" || a.dynamic === undefined) return unionOf(a, b);
  const members = membersOf(b);
  const index = members.findIndex((member) => isDynamicObject(member) && member.dynamic !== undefined);
  const open = members[index];
  if (open === undefined || !isDynamicObject(open)) return unionOf(a, b);
  const dynamic = {
    key: unionOf(open.dynamic?.key, a.dynamic.key),
    value: unionOf(open.dynamic?.value, a.dynamic.value),
  };
  return unionOfAll([...members.filter((member) => member !== open), { type: "object", dynamic }]);
}

function isDynamicObject(type: Type): type is ObjectType {
  return type.type === "object" && (type.static ?? []).length === 0;
}

function mergeObjects(a: ObjectType, b: ObjectType): ObjectType {
  if (a.dynamic === undefined || b.dynamic === undefined) return a.dynamic === undefined ? b : a;
  const key = unionOf(a.dynamic.key, b.dynamic.key);
  return { type: "object", dynamic: { key, value: mergeTypes(a.dynamic.value, b.dynamic.value) } };
}
