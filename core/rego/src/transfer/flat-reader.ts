import { err, ok, type Result } from "@vedette/base";
import type { Builtin } from "../builtins/builtin.ts";
import type {
  Block,
  Clause,
  Expression,
  Operation,
  Override,
  Procedure,
  Program,
  Replacement,
  TreeExpression,
  TreeNode,
} from "../compile/ir.ts";
import { parseProgram, type SoundProgram } from "../compile/verify-program.ts";
import type { Parts } from "../parts.ts";
import type { Location } from "../syntax/ast.ts";
import { BigNumber, parseNumber } from "../values/big-number.ts";
import { ObjectBuilder, RegoSet, type Value } from "../values/value.ts";
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

/** What another thread handed over is no sound program; `fault` says where it stopped to be one. */
export interface CodeUnsound {
  readonly code: "CODE_UNSOUND";
  readonly fault: string;
}

/**
 * Reads what a `FlatWriter` wrote, in its order and to its end. Whoever made the arrays, what comes out are values and
 * verified programs, or a refusal.
 */
export function* readFlatCode<T>(
  flat: FlatCode,
  builtins: readonly Builtin[],
  read: (reader: FlatReader) => Parts<T>,
): Parts<Result<T, CodeUnsound>> {
  try {
    const reader = new FlatReader(flat, yield* readValues(flat), builtins);
    const found = yield* read(reader);
    reader.end();
    return ok(found);
  } catch (cause) {
    if (cause instanceof Malformed) return err({ code: "CODE_UNSOUND", fault: cause.message });
    // V8 throws it when the stack is used up.
    if (cause instanceof RangeError) return err({ code: "CODE_UNSOUND", fault: "blocks are nested too deeply" });
    throw cause;
  }
}

class Malformed extends Error {}

class Cursor {
  readonly #code: Int32Array;
  #at = 0;

  constructor(code: Int32Array) {
    this.#code = code;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#code.length;
  }

  next(): number {
    const found = this.#code[this.#at++];
    if (found === undefined) throw new Malformed("the code ends too early");
    return found;
  }

  /** Every item takes at least one place, so that a count cannot ask for more than there is. */
  count(): number {
    const count = this.next();
    if (count < 0 || count > this.#code.length - this.#at) throw new Malformed("a list is longer than the code");
    return count;
  }
}

class FlatReader {
  readonly #code: Cursor;
  readonly #texts: readonly string[];
  readonly #values: readonly Value[];
  readonly #builtins: ReadonlyMap<string, Builtin>;

  constructor({ code, texts }: FlatCode, values: readonly Value[], builtins: readonly Builtin[]) {
    this.#code = new Cursor(code);
    this.#texts = texts;
    this.#values = values;
    this.#builtins = new Map(builtins.map((builtin) => [builtin.name, builtin]));
  }

  value(): Value {
    return this.#at(this.#values, "a value");
  }

  *program(): Parts<SoundProgram> {
    const procedures: Procedure[] = [];
    for (let left = this.#code.count(); left > 0; left--) procedures.push(yield* this.#procedure());
    const program: Program = { procedures, tree: this.#tree(), statements: [], replaced: this.#replaced() };
    const sound = yield* parseProgram(program);
    if (!sound.ok) throw new Malformed(sound.error);
    return sound.value;
  }

  end(): void {
    if (!this.#code.isAtEnd) throw new Malformed("the code goes on behind its end");
  }

  #replaced(): Program["replaced"] {
    const builtins = new Set(this.#path());
    const procedures = new Set(this.#list(() => this.#code.next()));
    return { builtins, procedures, data: this.#list(() => this.#path()) };
  }

  #tree(): TreeNode {
    const procedure = this.#optional();
    return { procedure, children: new Map(this.#list(() => [this.#text(), this.#tree()])) };
  }

  *#procedure(): Parts<Procedure> {
    const [path, kind, arity, frame] = [this.#path(), this.#name(KINDS), this.#code.next(), this.#code.next()];
    const clauses: Clause[] = [];
    for (let left = this.#code.count(); left > 0; left--) {
      clauses.push(this.#clause());
      yield;
    }
    return {
      ...{ path, kind, arity, frame, clauses },
      fallback: this.#list(() => this.#expression())[0],
      outline: this.#list(() => ({ keys: this.#list(() => this.value()), isSet: this.#flag() })),
      location: this.#location(),
    };
  }

  #clause(): Clause {
    return { body: this.#block(), isSet: this.#flag(), otherwise: this.#list(() => this.#clause())[0] };
  }

  #block(): Block {
    return this.#list(() => this.#operation());
  }

  #operation(): Operation {
    const op = this.#name(OPERATIONS);
    switch (op) {
      case "let":
        return { op, slot: this.#code.next(), from: this.#expression() };
      case "test":
        return { op, that: this.#expression() };
      case "equal":
        return { op, isNegated: this.#flag(), left: this.#expression(), right: this.#expression() };
      case "shape":
        return { op, slot: this.#code.next(), of: this.#name(SHAPES), length: this.#code.next() };
      case "scan": {
        const [key, value] = [this.#optional(), this.#optional()];
        return { op, key, value, isOrdered: this.#flag(), source: this.#expression(), body: this.#block() };
      }
      case "scan-tree": {
        const [key, value] = [this.#optional(), this.#code.next()];
        return { op, key, value, isOrdered: this.#flag(), source: this.#treeExpression(), body: this.#block() };
      }
      case "not":
        return { op, body: this.#block() };
      case "exists":
        return { op, overrides: this.#list(() => this.#override()), body: this.#block() };
      case "iterable":
        return { op, slot: this.#code.next() };
      case "print":
        return { op, args: this.#expressions(), location: this.#location() };
      case "emit":
        return { op, values: this.#expressions() };
    }
  }

  #expressions(): readonly Expression[] {
    return this.#list(() => this.#expression());
  }

  #expression(): Expression {
    const op = this.#name(EXPRESSIONS);
    switch (op) {
      case "constant":
        return { op, value: this.value() };
      case "slot":
        return { op, slot: this.#code.next() };
      case "input":
        return { op };
      case "data":
        return { op, path: this.#path() };
      case "get":
        return { op, source: this.#expression(), key: this.#expression() };
      case "get-stored":
        return { op, source: this.#expression(), index: this.#number() };
      case "required":
        return { op, use: this.#name(USES), of: this.#expression() };
      case "rule":
        return { op, procedure: this.#code.next() };
      case "extent":
        return { op, of: this.#treeExpression() };
      case "call":
        return { op, builtin: this.#builtin(), args: this.#expressions(), location: this.#location() };
      case "invoke":
        return { op, procedure: this.#code.next(), args: this.#expressions() };
      case "array":
      case "set":
        return { op, items: this.#expressions() };
      case "object":
        return { op, entries: this.#list(() => [this.#expression(), this.#expression()] as const) };
      case "collect":
        return {
          op,
          of: this.#name(COLLECTIONS),
          overrides: this.#list(() => this.#override()),
          body: this.#block(),
        };
    }
  }

  #treeExpression(): TreeExpression {
    const op = this.#name(TREES);
    switch (op) {
      case "tree":
        return { op, path: this.#path() };
      case "tree-slot":
        return { op, slot: this.#code.next() };
      case "tree-get":
        return { op, source: this.#treeExpression(), key: this.#expression() };
    }
  }

  #override(): Override {
    const target = this.#name(TARGETS);
    switch (target) {
      case "input":
      case "data":
        return { target, path: this.#path(), value: this.#expression() };
      case "builtin":
        return { target, name: this.#text(), by: this.#replacement() };
      case "procedure":
        return { target, procedure: this.#code.next(), by: this.#replacement() };
    }
  }

  #replacement(): Replacement {
    const type = this.#name(REPLACEMENTS);
    switch (type) {
      case "value":
        return { type, value: this.#expression() };
      case "builtin":
        return { type, builtin: this.#builtin() };
      case "procedure":
        return { type, procedure: this.#code.next() };
    }
  }

  #builtin(): Builtin {
    const name = this.#text();
    const builtin = this.#builtins.get(name);
    if (builtin === undefined) throw new Malformed(`there is no builtin ${name}`);
    return builtin;
  }

  #location(): Location {
    const file = this.#text();
    const [row, col, start, end] = [this.#code.next(), this.#code.next(), this.#code.next(), this.#code.next()];
    return { file, row, col, start, end };
  }

  #path(): readonly string[] {
    return this.#list(() => this.#text());
  }

  #list<T>(read: () => T): readonly T[] {
    const items: T[] = [];
    for (let left = this.#code.count(); left > 0; left--) items.push(read());
    return items;
  }

  #name<T extends string>(names: readonly T[]): T {
    return this.#at(names, "a name");
  }

  #text(): string {
    return this.#at(this.#texts, "a text");
  }

  #number(): number {
    const value = this.value();
    if (typeof value !== "number") throw new Malformed("an index that is no number");
    return value;
  }

  #flag(): boolean {
    return this.#code.next() !== 0;
  }

  #optional(): number | undefined {
    const number = this.#code.next();
    return number === 0 ? undefined : number - 1;
  }

  #at<T>(items: readonly T[], what: string): T {
    return itemAt(items, this.#code.next(), what);
  }
}

export type { FlatReader };

function itemAt<T>(items: readonly T[], position: number, what: string): T {
  const item = items[position];
  if (item === undefined) throw new Malformed(`${what} that is not there`);
  return item;
}

function* readValues({ code: program, values: flat, numbers, texts }: FlatCode): Parts<readonly Value[]> {
  const hasArrays = [program, flat].every((part) => part instanceof Int32Array) && numbers instanceof Float64Array;
  if (!hasArrays || !texts.every((text) => typeof text === "string")) throw new Malformed("no flat code");
  const code = new Cursor(flat);
  const values: Value[] = [];
  // What is not read yet is not there: no value is part of itself.
  const value = (): Value => itemAt(values, code.next(), "a part of a value");
  const text = (): string => itemAt(texts, code.next(), "a text");
  const list = (): Value[] => {
    const items: Value[] = [];
    for (let left = code.count(); left > 0; left--) items.push(value());
    return items;
  };
  while (!code.isAtEnd) {
    values.push(readValue(code.next(), { code, numbers, value, text, list }));
    yield;
  }
  return values;
}

interface ValueParts {
  readonly code: Cursor;
  readonly numbers: Float64Array;
  value(): Value;
  text(): string;
  list(): Value[];
}

function readValue(kind: number, { code, numbers, value, text, list }: ValueParts): Value {
  switch (kind) {
    case VALUE.null:
      return null;
    case VALUE.false:
      return false;
    case VALUE.true:
      return true;
    case VALUE.integer:
      return code.next();
    case VALUE.number:
      return finite(numbers[code.next()]);
    case VALUE.bigNumber:
      return bigNumber(text());
    case VALUE.text:
      return text();
    case VALUE.array:
      return list();
    case VALUE.set:
      return RegoSet.of(list());
    case VALUE.object: {
      const object: Record<string, Value> = {};
      for (let left = code.count(); left > 0; left--) {
        const name = text();
        // Assigning to `__proto__` would be something else.
        if (name === "__proto__") Object.defineProperty(object, name, { ...OWN, value: value() });
        else object[name] = value();
      }
      return object;
    }
    case VALUE.objectByValue: {
      const builder = new ObjectBuilder();
      for (let left = code.count(); left > 0; left--) builder.set(value(), value());
      return builder.build();
    }
    default:
      throw new Malformed("no kind of value");
  }
}

const OWN = { writable: true, enumerable: true, configurable: true };

function finite(number: number | undefined): number {
  if (number === undefined || !Number.isFinite(number)) throw new Malformed("no number");
  return number;
}

/** One value, one representation. */
function bigNumber(text: string): BigNumber {
  const number = parseNumber(text);
  if (!(number instanceof BigNumber) || number.text !== text) throw new Malformed("no number beyond a double");
  return number;
}
