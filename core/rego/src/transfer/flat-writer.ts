import { assert, unreachable } from "@vedette/base";
import type {
  Block,
  Clause,
  Expression,
  Operation,
  Override,
  Procedure,
  Program,
  Replacement,
  Slot,
  TreeExpression,
  TreeNode,
} from "../compile/ir.ts";
import type { SoundProgram } from "../compile/verify-program.ts";
import type { Location } from "../syntax/ast.ts";
import { BigNumber } from "../values/big-number.ts";
import { isArray, type PlainObject, RegoObject, RegoSet, type Value } from "../values/value.ts";
import {
  COLLECTIONS,
  EXPRESSIONS,
  type FlatCode,
  KINDS,
  OPERATIONS,
  REPLACEMENTS,
  SHAPES,
  TARGETS,
  TREES,
  USES,
  VALUE,
} from "./flat-code.ts";

/** Writes values and optimised programs one after the other, as `FlatReader` reads them. */
export class FlatWriter {
  readonly #code: number[] = [];
  readonly #values: number[] = [];
  readonly #numbers: number[] = [];
  readonly #texts = new Map<string, number>();
  readonly #positionOf = new Map<Value, number>();

  finish(): FlatCode {
    return {
      code: Int32Array.from(this.#code),
      values: Int32Array.from(this.#values),
      numbers: Float64Array.from(this.#numbers),
      texts: Array.from(this.#texts.keys()),
    };
  }

  /** A part of another value, or of data, that stands in many places is written once. */
  value(value: Value): void {
    this.#code.push(this.#positionOfValue(value));
  }

  program({ procedures, tree, replaced }: SoundProgram): void {
    this.#list(procedures, (procedure) => this.#procedure(procedure));
    this.#tree(tree);
    this.#replaced(replaced);
  }

  #replaced({ builtins, procedures, data }: Program["replaced"]): void {
    this.#list(Array.from(builtins), (name) => this.#text(name));
    this.#list(Array.from(procedures), (procedure) => this.#integer(procedure));
    this.#list(data, (path) => this.#path(path));
  }

  #tree({ children, procedure }: TreeNode): void {
    this.#optional(procedure);
    this.#list(Array.from(children), ([name, child]) => {
      this.#text(name);
      this.#tree(child);
    });
  }

  #procedure({ path, kind, arity, frame, clauses, fallback, outline, location }: Procedure): void {
    this.#path(path);
    this.#name(KINDS, kind);
    this.#integer(arity);
    this.#integer(frame);
    this.#list(clauses, (clause) => this.#clause(clause));
    this.#list(fallback === undefined ? [] : [fallback], (expression) => this.#expression(expression));
    this.#list(outline, ({ keys, isSet }) => {
      this.#list(keys, (key) => this.value(key));
      this.#flag(isSet);
    });
    this.#location(location);
  }

  #clause({ body, isSet, otherwise }: Clause): void {
    this.#block(body);
    this.#flag(isSet);
    this.#list(otherwise === undefined ? [] : [otherwise], (clause) => this.#clause(clause));
  }

  #block(block: Block): void {
    this.#list(block, (operation) => this.#operation(operation));
  }

  #operation(operation: Operation): void {
    assert(operation.op !== "mark", "an optimised program has no marks: they are for who watches it being compiled");
    this.#name(OPERATIONS, operation.op);
    switch (operation.op) {
      case "let":
        this.#integer(operation.slot);
        this.#expression(operation.from);
        return;
      case "test":
        this.#expression(operation.that);
        return;
      case "equal":
        this.#flag(operation.isNegated);
        this.#expression(operation.left);
        this.#expression(operation.right);
        return;
      case "shape":
        this.#integer(operation.slot);
        this.#name(SHAPES, operation.of);
        this.#integer(operation.length);
        return;
      case "scan":
        this.#optional(operation.key);
        this.#optional(operation.value);
        this.#flag(operation.isOrdered);
        this.#expression(operation.source);
        this.#block(operation.body);
        return;
      case "scan-tree":
        this.#optional(operation.key);
        this.#integer(operation.value);
        this.#flag(operation.isOrdered);
        this.#treeExpression(operation.source);
        this.#block(operation.body);
        return;
      case "not":
        this.#block(operation.body);
        return;
      case "exists":
        this.#list(operation.overrides, (override) => this.#override(override));
        this.#block(operation.body);
        return;
      case "iterable":
        this.#integer(operation.slot);
        return;
      case "print":
        this.#expressions(operation.args);
        this.#location(operation.location);
        return;
      case "emit":
        this.#expressions(operation.values);
        return;
      default:
        unreachable(operation);
    }
  }

  #expressions(expressions: readonly Expression[]): void {
    this.#list(expressions, (expression) => this.#expression(expression));
  }

  #expression(expression: Expression): void {
    this.#name(EXPRESSIONS, expression.op);
    switch (expression.op) {
      case "constant":
        this.value(expression.value);
        return;
      case "slot":
        this.#integer(expression.slot);
        return;
      case "input":
        return;
      case "data":
        this.#path(expression.path);
        return;
      case "get":
        this.#expression(expression.source);
        this.#expression(expression.key);
        return;
      case "get-stored":
        this.#expression(expression.source);
        this.value(expression.index);
        return;
      case "required":
        this.#name(USES, expression.use);
        this.#expression(expression.of);
        return;
      case "rule":
        this.#integer(expression.procedure);
        return;
      case "extent":
        this.#treeExpression(expression.of);
        return;
      case "call":
        this.#text(expression.builtin.name);
        this.#expressions(expression.args);
        this.#location(expression.location);
        return;
      case "invoke":
        this.#integer(expression.procedure);
        this.#expressions(expression.args);
        return;
      case "array":
      case "set":
        this.#expressions(expression.items);
        return;
      case "object":
        this.#list(expression.entries, ([key, value]) => {
          this.#expression(key);
          this.#expression(value);
        });
        return;
      case "collect":
        this.#name(COLLECTIONS, expression.of);
        this.#list(expression.overrides, (override) => this.#override(override));
        this.#block(expression.body);
        return;
      default:
        unreachable(expression);
    }
  }

  #treeExpression(tree: TreeExpression): void {
    this.#name(TREES, tree.op);
    switch (tree.op) {
      case "tree":
        this.#path(tree.path);
        return;
      case "tree-slot":
        this.#integer(tree.slot);
        return;
      case "tree-get":
        this.#treeExpression(tree.source);
        this.#expression(tree.key);
    }
  }

  #override(override: Override): void {
    this.#name(TARGETS, override.target);
    switch (override.target) {
      case "input":
      case "data":
        this.#path(override.path);
        this.#expression(override.value);
        return;
      case "builtin":
        this.#text(override.name);
        this.#replacement(override.by);
        return;
      case "procedure":
        this.#integer(override.procedure);
        this.#replacement(override.by);
    }
  }

  #replacement(by: Replacement): void {
    this.#name(REPLACEMENTS, by.type);
    switch (by.type) {
      case "value":
        this.#expression(by.value);
        return;
      case "builtin":
        this.#text(by.builtin.name);
        return;
      case "procedure":
        this.#integer(by.procedure);
    }
  }

  #location({ file, row, col, start, end }: Location): void {
    this.#text(file);
    this.#code.push(row, col, start, end);
  }

  #path(path: readonly string[]): void {
    this.#list(path, (name) => this.#text(name));
  }

  #list<T>(items: readonly T[], write: (item: T) => void): void {
    this.#code.push(items.length);
    for (const item of items) write(item);
  }

  #name<T extends string>(names: readonly T[], name: T): void {
    this.#code.push(names.indexOf(name));
  }

  #text(text: string): void {
    this.#code.push(this.#positionOfText(text));
  }

  #flag(flag: boolean): void {
    this.#code.push(flag ? 1 : 0);
  }

  #integer(number: number): void {
    this.#code.push(number);
  }

  /** One more than the number; 0 for none. */
  #optional(number: Slot | undefined): void {
    this.#code.push(number === undefined ? 0 : number + 1);
  }

  #positionOfText(text: string): number {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    this.#texts.set(text, this.#texts.size);
    return this.#texts.size - 1;
  }

  #positionOfValue(value: Value): number {
    const known = this.#positionOf.get(value);
    if (known !== undefined) return known;
    // The parts come first: what is written here has positions already.
    for (const part of this.#valueCode(value)) this.#values.push(part);
    this.#positionOf.set(value, this.#positionOf.size);
    return this.#positionOf.size - 1;
  }

  #valueCode(value: Value): readonly number[] {
    if (value === null) return [VALUE.null];
    if (typeof value === "boolean") return [value ? VALUE.true : VALUE.false];
    if (typeof value === "number") {
      if ((value | 0) === value) return [VALUE.integer, value];
      return [VALUE.number, this.#numbers.push(value) - 1];
    }
    if (typeof value === "string") return [VALUE.text, this.#positionOfText(value)];
    if (value instanceof BigNumber) return [VALUE.bigNumber, this.#positionOfText(value.text)];
    if (isArray(value)) return this.#listCode(VALUE.array, value);
    if (value instanceof RegoSet) return this.#listCode(VALUE.set, value.elements);
    if (value instanceof RegoObject)
      return [
        VALUE.objectByValue,
        value.size,
        ...value.keys.flatMap((key, index) => [
          this.#positionOfValue(key),
          this.#positionOfValue(value.values[index] as Value),
        ]),
      ];
    const members = Object.entries(value as PlainObject);
    return [
      VALUE.object,
      members.length,
      ...members.flatMap(([name, member]) => [this.#positionOfText(name), this.#positionOfValue(member)]),
    ];
  }

  #listCode(kind: number, items: readonly Value[]): readonly number[] {
    return [kind, items.length, ...items.map((item) => this.#positionOfValue(item))];
  }
}
