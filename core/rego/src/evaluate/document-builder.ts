import type { Outline } from "../compile/ir.ts";
import { isEqual, ObjectBuilder, RegoSet, type Value } from "../values/value.ts";

type Node = Leaf | DocumentBuilder | RegoSet;

class Leaf {
  readonly value: Value;
  constructor(value: Value) {
    this.value = value;
  }
}

/** Grows the object of a rule whose head has keys: `p[x].y := v`, `p[x] contains v`. */
export class DocumentBuilder {
  readonly #children = new ObjectBuilder();
  readonly #nodes: { readonly key: Value; readonly node: Node }[] = [];

  /** False when another value is there already. */
  insert(keys: readonly Value[], value: Value, isElement: boolean): boolean {
    const [key, ...rest] = keys as readonly [Value, ...Value[]];
    const there = this.#nodeAt(key);
    if (rest.length > 0) {
      const child = there ?? this.#add(key, new DocumentBuilder());
      return child instanceof DocumentBuilder && child.insert(rest, value, isElement);
    }
    if (isElement) {
      const set = there ?? this.#add(key, new RegoSet());
      if (!(set instanceof RegoSet)) return false;
      set.add(value);
      return true;
    }
    if (there === undefined) this.#add(key, new Leaf(value));
    return there === undefined || (there instanceof Leaf && isEqual(there.value, value));
  }

  build(outline: readonly Outline[] = []): Value {
    for (const { keys, isSet } of outline) this.#outline(keys, isSet);
    return ObjectBuilder.from(
      this.#nodes.map(({ key, node }) => [
        key,
        node instanceof RegoSet ? node : node instanceof Leaf ? node.value : node.build(),
      ]),
    );
  }

  /** Makes room at a place, unless a value is on the way. */
  #outline([key, ...rest]: readonly Value[], isSet: boolean): void {
    if (key === undefined) return;
    const isLast = rest.length === 0;
    const node = this.#nodeAt(key) ?? this.#add(key, isLast && isSet ? new RegoSet() : new DocumentBuilder());
    if (node instanceof DocumentBuilder) node.#outline(rest, isSet);
  }

  #nodeAt(key: Value): Node | undefined {
    const position = this.#children.get(key);
    return typeof position === "number" ? this.#nodes[position]?.node : undefined;
  }

  #add(key: Value, node: Node): Node {
    this.#children.set(key, this.#nodes.length);
    this.#nodes.push({ key, node });
    return node;
  }
}
