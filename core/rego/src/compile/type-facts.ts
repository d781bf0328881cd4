import {
  elementType,
  isAny,
  isUnknown,
  type Known,
  keyType,
  membersOf,
  propertyType,
  valueType,
} from "../type-operations.ts";
import {
  ANY,
  type AnyType,
  type ArrayType,
  type FunctionSignature,
  type ObjectType,
  type SetType,
  type Type,
} from "../types.ts";

/**
 * Parts of a type, each counted as often as a walk meets it: `p1 := [p0, p0]`, `p2 := [p1, p1]` … has few lists and
 * exponentially many walks. Ten thousand are the keys of a table larger than anybody writes into a policy.
 */
const TYPE_SIZE_MAX = 10_000;

/** As deep as terms may be nested; `p1 := [p0]`, `p2 := [p1]` … would go on. */
const TYPE_DEPTH_MAX = 250;

/** Pairs of types looked at for one set of modules: about a second. Policies by hand need some thousands. */
const PAIRS_MAX = 10_000_000;

/** Comparing smaller types costs less than remembering that they were. */
const REMEMBERED_SIZE_MIN = 16;

interface Measure {
  readonly size: number;
  readonly depth: number;
}

const NOTHING: Measure = { size: 0, depth: 0 };

/**
 * What was found out about the types of one set of modules, so that nothing is found out again for each mention of a
 * rule. Types never change. Past a limit a type is any, and any may be everything: what OPA refuses there we accept,
 * and its evaluation shows what it is worth.
 */
export class TypeFacts {
  readonly #measures = new WeakMap<Type, Measure>();
  readonly #unknown = new WeakMap<Type, boolean>();
  readonly #keys = new WeakMap<Type, { readonly type: Known }>();
  readonly #values = new WeakMap<Type, { readonly type: Known }>();
  readonly #unify = new WeakMap<Type, WeakMap<Type, boolean>>();
  #pairsLeft = PAIRS_MAX;

  /** The type, unless it is too large to be looked through. */
  bounded(type: Known): Known {
    const { size, depth } = this.#measure(type);
    return size > TYPE_SIZE_MAX || depth > TYPE_DEPTH_MAX ? ANY : type;
  }

  isUnknown(type: Known): boolean {
    if (type === undefined) return true;
    let isFound = this.#unknown.get(type);
    if (isFound === undefined) {
      isFound = isUnknown(type);
      this.#unknown.set(type, isFound);
    }
    return isFound;
  }

  keyType(type: Known): Known {
    return remember(this.#keys, type, keyType);
  }

  valueType(type: Known): Known {
    return remember(this.#values, type, valueType);
  }

  /** False when so many pairs were looked at that no more will be. */
  lookAtPair(): boolean {
    if (this.#pairsLeft === 0) return false;
    this.#pairsLeft--;
    return true;
  }

  /** Whether some value may be of both types. */
  mayUnify(a: Known, b: Known): boolean {
    if (a === undefined || b === undefined) return false;
    if (!this.lookAtPair()) return true;
    const isLarge = this.#measure(a).size >= REMEMBERED_SIZE_MIN && this.#measure(b).size >= REMEMBERED_SIZE_MIN;
    if (!isLarge) return this.#unifies(a, b);
    let known = this.#unify.get(a);
    if (known === undefined) {
      known = new WeakMap();
      this.#unify.set(a, known);
    }
    const isFound = known.get(b) ?? this.#unifies(a, b);
    known.set(b, isFound);
    return isFound;
  }

  #unifies(a: Type, b: Type): boolean {
    if (a.type === "any" && this.#unifiesAny(a, b)) return true;
    if (b.type === "any" && this.#unifiesAny(b, a)) return true;
    if (a.type !== b.type || a.type === "any") return false;
    switch (a.type) {
      case "array":
        return this.#unifiesArrays(a, b as ArrayType);
      case "object":
        return this.#unifiesObjects(a, b as ObjectType);
      case "set": {
        const other = (b as SetType).of;
        return a.of === undefined || other === undefined || this.mayUnify(a.of, other);
      }
      case "function": {
        const other = b as FunctionSignature;
        if (a.args.length !== other.args.length) return false;
        return a.args.every((arg, index) => this.mayUnify(arg, other.args[index]));
      }
      default:
        return true;
    }
  }

  #unifiesAny(any: AnyType, other: Type): boolean {
    if (other.type === "function") return false;
    return isAny(any) || membersOf(any).some((member) => this.mayUnify(member, other));
  }

  #unifiesArrays(a: ArrayType, b: ArrayType): boolean {
    const length = Math.max(a.static?.length ?? 0, b.static?.length ?? 0);
    for (let index = 0; index < length; index++)
      if (!this.mayUnify(elementType(a, index), elementType(b, index))) return false;
    return a.dynamic === undefined || b.dynamic === undefined || this.mayUnify(a.dynamic, b.dynamic);
  }

  #unifiesObjects(a: ObjectType, b: ObjectType): boolean {
    if (!this.#unifiesProperties(a, b) || !this.#unifiesProperties(b, a)) return false;
    const ours = a.dynamic?.value;
    const theirs = b.dynamic?.value;
    return ours === undefined || theirs === undefined || this.mayUnify(ours, theirs);
  }

  #unifiesProperties(a: ObjectType, b: ObjectType): boolean {
    const isOpen = a.dynamic?.value !== undefined || b.dynamic?.value !== undefined;
    return (a.static ?? []).every(({ key, value }) => {
      const other = propertyType(b, key);
      return other === undefined ? isOpen : this.mayUnify(value, other);
    });
  }

  #measure(type: Known): Measure {
    if (type === undefined) return NOTHING;
    let measure = this.#measures.get(type);
    if (measure === undefined) {
      const parts = partsOf(type).map((part) => this.#measure(part));
      const depth = 1 + parts.reduce((deepest, part) => Math.max(deepest, part.depth), 0);
      measure = { size: parts.reduce((sum, { size }) => sum + size, 1), depth };
      this.#measures.set(type, measure);
    }
    return measure;
  }
}

function remember(known: WeakMap<Type, { readonly type: Known }>, type: Known, find: (type: Known) => Known): Known {
  if (type === undefined) return find(type);
  let found = known.get(type);
  if (found === undefined) {
    found = { type: find(type) };
    known.set(type, found);
  }
  return found.type;
}

function partsOf(type: Type): readonly Known[] {
  switch (type.type) {
    case "any":
      return membersOf(type);
    case "array":
      return [...(type.static ?? []), type.dynamic];
    case "set":
      return [type.of];
    case "object":
      return [...(type.static ?? []).map(({ value }) => value), type.dynamic?.key, type.dynamic?.value];
    case "function":
      return [...type.args, type.result, type.variadic];
    default:
      return [];
  }
}
