import { unreachable } from "@vedette/base";
import type { Builtin } from "../builtins/builtin.ts";
import { type ClauseIndex, indexClauses, inputPathOf } from "../compile/clause-index.ts";
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
} from "../compile/ir.ts";
import { type Rewrite, rewriteBlock } from "../compile/rewrite.ts";
import type { QueryBlock } from "../compile/verify-program.ts";
import { BigNumber } from "../values/big-number.ts";
import { isPlainObject, type PlainObject, RegoObject, RegoSet, type Value } from "../values/value.ts";
import { chainOf, costOfLiteral, hasOneValue } from "./clauses.ts";
import { areArrays, areScalars, areStrings, haveMember, KnownValues } from "./known-values.ts";

/**
 * Writes JavaScript for programs. INVARIANT: no text of a policy reaches the code but scalars through `literal`;
 * names are made here, documents are reached as constants, members through guarded look-ups.
 */
export class CodeWriter {
  readonly #program: Program;
  /** What the code calls `kN_`; see `constantNames`. */
  readonly constants: unknown[] = [];
  readonly #indexByConstant = new Map<unknown, number>();
  readonly #indexByObject = new Map<PlainObject, ReadonlyMap<string, Value>>();
  #lines: string[] = [];
  #names = 0;
  readonly #known = new KnownValues();
  /** Where members of the input stand that this function reads more than once. */
  readonly #heldInput = new Map<string, string>();
  /** The evaluation that expressions read: another one inside `with`. */
  #evaluation = "e";

  constructor(program: Program) {
    this.#program = program;
  }

  /** Where the values stand that the code names: `K` holds them. */
  constantNames(): string {
    return this.constants.map((_, index) => `const k${index}_ = K[${index}];`).join("\n");
  }

  /** `function pN(e, s0, s1, …)`: the value of a rule, or of a function for its operands. */
  procedure(index: number): string {
    const procedure = this.#program.procedures[index]!;
    const choice = procedure.kind === "object" ? undefined : indexClauses(procedure);
    return choice === undefined ? this.#plain(index, procedure) : this.#indexed(index, procedure, choice);
  }

  /** One function for each definition, and one that runs those which the index finds. */
  #indexed(index: number, procedure: Procedure, { path, byValue, others }: ClauseIndex): string {
    const { clauses, fallback, arity } = procedure;
    const operands = Array.from({ length: arity }, (_, slot) => `, s${slot}`).join("");
    const parts = clauses.map((clause, position) => {
      const only: Procedure = { ...procedure, clauses: [clause], fallback: undefined };
      return this.#plain(`${index}_${position}`, only);
    });
    const list = (positions: readonly number[]) =>
      `[${positions.map((position) => `p${index}_${position}`).join(", ")}]`;
    const entries = Array.from(byValue, ([value, positions]) => `[${literal(value)}, ${list(positions)}]`);
    const chooser = this.#function(`p${index}(e${operands})`, arity, procedure.frame, [], () => {
      const member = this.#walk("e.input", path);
      this.#line(`const choice = x${index}.get(${member}) ?? y${index};`);
      const join = procedure.kind === "set" ? "unionOf" : hasOneValue(clauses) ? "firstOf" : "oneOf";
      this.#line(`const found = ${join}(e, choice, [${operands.slice(2)}], ${this.#constant(procedure)});`);
      if (fallback === undefined) return this.#line("return found;");
      this.#line("if (found !== undefined) return found;");
      this.#fallback(fallback);
    });
    return [
      ...parts,
      `const x${index} = new Map([${entries.join(", ")}]);`,
      `const y${index} = ${list(others)};`,
      chooser,
    ].join("\n");
  }

  #plain(index: number | string, procedure: Procedure): string {
    const operands = Array.from({ length: procedure.arity }, (_, slot) => `, s${slot}`).join("");
    return this.#function(
      `p${index}(e${operands})`,
      procedure.arity,
      procedure.frame,
      repeatedInputPaths(procedure),
      () => {
        this.#line("q.spend(1);");
        switch (procedure.kind) {
          case "value":
          case "function":
            return this.#valueProcedure(procedure);
          case "set":
            this.#line("const set = new RegoSet();");
            for (const { body } of procedure.clauses) this.#attempt(body, ([item]) => `set.add(${item}, q);`);
            return this.#line("return set;");
          case "object":
            this.#line("const document = new DocumentBuilder();");
            for (const { body, isSet } of procedure.clauses.flatMap(chainOf))
              this.#attempt(body, (values) => {
                const [keys, value] = [values.slice(0, -1).join(", "), values.at(-1)];
                return `if (!document.insert([${keys}], ${value}, ${isSet})) conflict("keys", ${this.#constant(procedure.location)});`;
              });
            return this.#line(`return document.build(${this.#constant(procedure.outline)});`);
        }
      },
    );
  }

  /** `function query(e)`: all rows. */
  query({ body, frame }: QueryBlock): string {
    return this.#function("query(e)", 0, frame, [], () => {
      this.#line("const rows = [];");
      this.#attempt(body, (values) => `rows.push([${values.join(", ")}]);`);
      this.#line("return rows;");
    });
  }

  #function(
    signature: string,
    arity: number,
    frame: number,
    repeated: readonly (readonly string[])[],
    write: () => void,
  ): string {
    this.#lines = [];
    this.#evaluation = "e";
    this.#heldInput.clear();
    this.#known.clear();
    this.#line(`function ${signature} {`);
    this.#line("const q = e.query;");
    if (frame > arity)
      this.#line(`let ${Array.from({ length: frame - arity }, (_, index) => `s${arity + index}`).join(", ")};`);
    for (const path of repeated) this.#heldInput.set(pathKey(path), this.#held(this.#walk("e.input", path)));
    write();
    this.#line("}");
    return this.#lines.join("\n");
  }

  #valueProcedure({ clauses, fallback, kind, location }: Procedure): void {
    const report = `conflict(${literal(kind)}, ${this.#constant(location)})`;
    if (hasOneValue(clauses)) {
      for (const { body } of clauses) this.#attempt(body, ([value]) => `return ${value};`);
    } else {
      this.#line("let result;");
      for (const clause of clauses) this.#chain(clause, report);
      this.#line("if (result !== undefined) return result;");
    }
    if (fallback === undefined) this.#line("return undefined;");
    else this.#fallback(fallback);
  }

  #fallback(fallback: Expression): void {
    this.#open("d");
    this.#line(`return ${this.#defined(fallback, "break d;")};`);
    this.#close();
    this.#line("return undefined;");
  }

  /** A definition with its `else` branches: the first that has a value counts, and must agree with those before it. */
  #chain(clause: Clause, report: string): void {
    const found = this.#name("c");
    const done = this.#name("d");
    this.#line(`let ${found};`);
    this.#open(done);
    for (const { body } of chainOf(clause)) {
      this.#attempt(
        body,
        ([value]) =>
          `if (${found} === undefined) ${found} = ${value}; else if (!isEqual(${found}, ${value}, q)) ${report};`,
      );
      this.#line(`if (${found} !== undefined) break ${done};`);
    }
    this.#close();
    this.#line(
      `if (${found} !== undefined) { if (result !== undefined && !isEqual(result, ${found}, q)) ${report}; result = ${found}; }`,
    );
  }

  /** A block that may give up, and then goes on behind it. */
  #attempt(body: Block, emit: (values: readonly string[]) => string): void {
    // Slots of one definition are used again by the next.
    const known = this.#known.copy();
    const label = this.#name("b");
    this.#open(label);
    this.#block(body, emit, `break ${label};`);
    this.#close();
    this.#known.restore(known);
  }

  #block(block: Block, emit: (values: readonly string[]) => string, fail: string): void {
    for (const operation of block) this.#operation(operation, emit, fail);
  }

  #operation(operation: Operation, emit: (values: readonly string[]) => string, fail: string): void {
    switch (operation.op) {
      case "let":
        this.#line(`s${operation.slot} = ${this.#expression(operation.from, fail)};`);
        this.#known.follow(operation);
        if (this.#isDefined(operation.from)) return;
        this.#line(`if (s${operation.slot} === undefined) ${fail}`);
        return;
      case "test":
        this.#test(operation.that, fail);
        return;
      case "equal":
        this.#equal(operation, fail);
        return;
      case "shape":
        this.#line(`if (!hasShape(s${operation.slot}, ${literal(operation.of)}, ${operation.length})) ${fail}`);
        return;
      case "iterable":
        this.#line(`if (!isIterable(s${operation.slot})) ${fail}`);
        return;
      case "scan":
        this.#scan(operation, emit, fail);
        return;
      case "scan-tree":
        this.#scanTree(operation, emit, fail);
        return;
      case "not":
      case "exists":
        this.#condition(operation, fail);
        return;
      case "print": {
        // What nobody reads is not computed.
        this.#line("if (q.observer.printed !== undefined) {");
        const values = operation.args.map((arg) => this.#expression(arg, fail));
        const sets = operation.args.map(({ op }) => op === "collect");
        this.#line(`print(q, [${values.join(", ")}], ${JSON.stringify(sets)}, ${this.#constant(operation.location)});`);
        this.#close();
        return;
      }
      case "mark":
        return;
      case "emit":
        this.#line(emit(operation.values.map((value) => this.#defined(value, fail))));
        return;
      default:
        unreachable(operation);
        return;
    }
  }

  #test(that: Expression, fail: string): void {
    const comparison = that.op === "call" ? COMPARISONS[that.builtin.name] : undefined;
    if (that.op === "call" && comparison !== undefined && !this.#isReplaced(that.builtin)) {
      const [a, b] = that.args.map((arg) => this.#defined(arg, fail));
      const order = `compare(${a}, ${b}, q) ${comparison} 0`;
      this.#line(
        `if (!(typeof ${a} === "number" && typeof ${b} === "number" ? ${a} ${comparison} ${b} : ${order})) ${fail}`,
      );
      return;
    }
    const value = this.#expression(that, fail);
    const name = this.#name("t");
    this.#line(`const ${name} = ${value};`);
    this.#line(`if (${name} === undefined || ${name} === false) ${fail}`);
  }

  #equal({ left, right, isNegated }: Operation & { readonly op: "equal" }, fail: string): void {
    const a = this.#defined(left, fail);
    const b = this.#defined(right, fail);
    const isScalar = areScalars(this.#known.of(left)) || areScalars(this.#known.of(right));
    const same = isScalar ? `${a} === ${b}` : `(${a} === ${b} || (typeof ${a} === "object" && isEqual(${a}, ${b}, q)))`;
    this.#line(`if (${isNegated ? same : `!(${same})`}) ${fail}`);
  }

  #scan(
    operation: Operation & { readonly op: "scan" },
    emit: (values: readonly string[]) => string,
    fail: string,
  ): void {
    const { source, key, value, isOrdered, body } = operation;
    const whole = this.#held(this.#defined(source, fail));
    const [index, loop] = [this.#name("i"), this.#name("l")];
    let list = whole;
    let position = index;
    let element = `${whole}[${index}]`;
    if (!areArrays(this.#known.of(source))) {
      const keys = this.#name("k");
      list = this.#name("v");
      this.#line(`const ${list} = Array.isArray(${whole}) ? ${whole} : listOf(${whole}, ${isOrdered});`);
      this.#line(`const ${keys} = ${list} === ${whole} ? undefined : ${list};`);
      position = `${keys} === undefined ? ${index} : ${keys}[${index}]`;
      element = `${keys} === undefined ? ${list}[${index}] : lookup(${whole}, ${keys}[${index}])`;
    }
    this.#line(`q.spend(${list}.length);`);
    this.#line(`${loop}: for (let ${index} = 0; ${index} < ${list}.length; ${index}++) {`);
    if (key !== undefined) this.#line(`s${key} = ${position};`);
    if (value !== undefined) this.#line(`s${value} = ${element};`);
    this.#known.follow(operation);
    this.#block(body, emit, `continue ${loop};`);
    this.#close();
  }

  #scanTree(
    operation: Operation & { readonly op: "scan-tree" },
    emit: (values: readonly string[]) => string,
    fail: string,
  ): void {
    const { source, key, value, isOrdered, body } = operation;
    const [place, keys, index, loop] = [this.#name("t"), this.#name("k"), this.#name("i"), this.#name("l")];
    this.#line(`const ${place} = ${this.#tree(source, fail)};`);
    this.#line(`const ${keys} = ${this.#evaluation}.keysOfPlace(${place}, ${isOrdered});`);
    this.#line(`q.spend(${keys}.length);`);
    this.#line(`${loop}: for (let ${index} = 0; ${index} < ${keys}.length; ${index}++) {`);
    this.#line(`s${value} = ${this.#evaluation}.step(${place}, ${keys}[${index}]);`);
    this.#line(`if (s${value} === undefined) continue ${loop};`);
    if (key !== undefined) this.#line(`s${key} = ${keys}[${index}];`);
    this.#known.follow(operation);
    this.#block(body, emit, `continue ${loop};`);
    this.#close();
  }

  #condition(operation: Operation & { readonly op: "not" | "exists" }, fail: string): void {
    const [found, label] = [this.#name("f"), this.#name("b")];
    const outer = this.#evaluation;
    if (operation.op === "exists" && operation.overrides.length > 0)
      this.#evaluation = this.#replacing(operation.overrides, fail);
    this.#line(`let ${found} = false;`);
    this.#open(label);
    this.#block(operation.body, () => `${found} = true; break ${label};`, `break ${label};`);
    this.#close();
    this.#evaluation = outer;
    this.#line(`if (${operation.op === "not" ? "" : "!"}${found}) ${fail}`);
  }

  /** The expression in a variable that is not undefined; the code gives up when it is. */
  #defined(expression: Expression, fail: string): string {
    const code = this.#expression(expression, fail);
    if (this.#isDefined(expression)) return code;
    const name = this.#name("t");
    this.#line(`const ${name} = ${code};`);
    this.#line(`if (${name} === undefined) ${fail}`);
    return name;
  }

  #isDefined(expression: Expression): boolean {
    if (expression.op === "get") return this.#known.of(expression)?.isOptional === false;
    return ALWAYS_DEFINED.has(expression.op);
  }

  /** Code for the value, possibly undefined. What must be computed before it is written before it. */
  #expression(expression: Expression, fail: string): string {
    switch (expression.op) {
      case "constant":
        return this.#constant(expression.value);
      case "slot":
        return `s${expression.slot}`;
      case "input":
        return `${this.#evaluation}.input`;
      case "data":
        return this.#walk(`${this.#evaluation}.data`, expression.path);
      case "get":
        return this.#get(expression, fail);
      case "required":
        return this.#required(expression);
      case "get-stored":
        return `lookupStored(${this.#expression(expression.source, fail)}, ${literal(expression.index)})`;
      case "rule":
        return `${this.#evaluation}.rule(${expression.procedure})`;
      case "extent":
        return `${this.#evaluation}.extent(${this.#tree(expression.of, fail)})`;
      case "call":
        return this.#call(expression, fail);
      case "invoke": {
        const args = expression.args.map((arg) => this.#defined(arg, fail));
        const { procedure } = expression;
        if (!this.#program.replaced.procedures.has(procedure))
          return `p${procedure}(${[this.#evaluation, ...args].join(", ")})`;
        return `invoke(${this.#evaluation}, ${procedure}, p${procedure}, [${args.join(", ")}])`;
      }
      case "array":
        this.#pay(expression.items.length);
        return `[${expression.items.map((item) => this.#defined(item, fail)).join(", ")}]`;
      case "set":
        this.#pay(expression.items.length);
        return `RegoSet.of([${expression.items.map((item) => this.#defined(item, fail)).join(", ")}])`;
      case "object": {
        this.#pay(expression.entries.length);
        const entries = expression.entries.map(
          ([key, value]) => `[${this.#defined(key, fail)}, ${this.#defined(value, fail)}]`,
        );
        return `objectOf([${entries.join(", ")}])`;
      }
      case "collect":
        return this.#collect(expression, fail);
      default:
        return unreachable(expression);
    }
  }

  #pay(members: number): void {
    const cost = costOfLiteral(members);
    if (cost > 0) this.#line(`q.spend(${cost});`);
  }

  /** What gives up inside has no value, and that is told too. */
  #required({ of, use }: Expression & { readonly op: "required" }): string {
    const [found, label] = [this.#name("t"), this.#name("b")];
    this.#line(`let ${found};`);
    this.#open(label);
    this.#line(`${found} = ${this.#expression(of, `break ${label};`)};`);
    this.#close();
    return `q.require(${found}, ${literal(use)})`;
  }

  #get(expression: Expression & { readonly op: "get" }, fail: string): string {
    const { source, key } = expression;
    const path = this.#evaluation === "e" ? inputPathOf(expression) : undefined;
    const held = path && this.#heldInput.get(pathKey(path));
    if (held !== undefined) return held;
    if (key.op === "constant" && typeof key.value === "string") {
      const from = this.#expression(source, fail);
      if (haveMember(this.#known.of(source), key.value) && this.#isDefined(source))
        return `${from}[${literal(key.value)}]`;
      return this.#member(from, key.value);
    }
    if (source.op === "constant" && isPlainObject(source.value)) {
      const name = this.#held(this.#defined(key, fail));
      const index = this.#constant(this.#index(source.value));
      if (areStrings(this.#known.of(key))) return `${index}.get(${name})`;
      return `(typeof ${name} === "string" ? ${index}.get(${name}) : undefined)`;
    }
    const whole = this.#held(this.#expression(source, fail));
    if (key.op === "slot" || key.op === "constant") return `lookup(${whole}, ${this.#expression(key, fail)})`;
    return this.#keyed(whole, key, (at) => `lookup(${whole}, ${at})`);
  }

  /** What is under a key: of nothing nobody asks for the key, which may end the query. */
  #keyed(whole: string, key: Expression, lookUp: (key: string) => string): string {
    const [found, label] = [this.#name("t"), this.#name("b")];
    this.#line(`let ${found};`);
    this.#open(label);
    this.#line(`if (${whole} === undefined) break ${label};`);
    this.#line(`${found} = ${lookUp(this.#defined(key, `break ${label};`))};`);
    this.#close();
    return found;
  }

  /**
   * The member of a constant name. What stands on `Object.prototype` under that name is no member, and names that
   * other values have for themselves (`length`, `size`) are looked up with care.
   */
  #member(source: string, name: string): string {
    if (isInherited(name)) return `lookupName(${source}, ${literal(name)})`;
    const whole = this.#held(source);
    const found = this.#name("t");
    this.#line(`let ${found};`);
    this.#line(`if (${whole} !== undefined && ${whole} !== null) {`);
    this.#line(`${found} = ${whole}[${literal(name)}];`);
    this.#line(`if (${found} === inherited[${literal(name)}]) ${found} = lookupName(${whole}, ${literal(name)});`);
    this.#close();
    return found;
  }

  #walk(from: string, path: readonly string[]): string {
    return path.reduce((source, name) => this.#member(source, name), from);
  }

  /** A constant object that is asked by names which are not known yet. */
  #index(object: PlainObject): ReadonlyMap<string, Value> {
    const known = this.#indexByObject.get(object);
    if (known !== undefined) return known;
    const index = new Map(Object.entries(object));
    this.#indexByObject.set(object, index);
    return index;
  }

  #collect({ of, overrides, body }: Expression & { readonly op: "collect" }, fail: string): string {
    const outer = this.#evaluation;
    if (overrides.length > 0) this.#evaluation = this.#replacing(overrides, fail);
    const name = this.#name("c");
    const [make, add, finish] = COLLECTORS[of];
    this.#line(`const ${name} = ${make};`);
    this.#attempt(body, (values) => add(name, values));
    this.#evaluation = outer;
    return finish(name);
  }

  #call({ builtin, args, location }: Expression & { readonly op: "call" }, fail: string): string {
    const operands = args.map((arg) => this.#defined(arg, fail));
    const name = this.#name("t");
    const run = this.#constant(builtin.run);
    const [what, where] = [this.#constant(builtin), this.#constant(location)];
    if (builtin.name === "internal.member_2" && !this.#isReplaced(builtin))
      return `isMember(${["q", ...operands].join(", ")})`;
    if (this.#isReplaced(builtin))
      return `callReplaced(${this.#evaluation}, ${what}, [${operands.join(", ")}], ${where})`;
    this.#line(`let ${name} = ${run}(${["q", ...operands].join(", ")});`);
    this.#line(`if (${name} instanceof BuiltinFailure) ${name} = q.failed(${what}, ${name}, ${where});`);
    return name;
  }

  #tree(expression: TreeExpression, fail: string): string {
    switch (expression.op) {
      case "tree":
        return `${this.#evaluation}.place(${this.#constant(expression.path)})`;
      case "tree-slot":
        return `s${expression.slot}`;
      case "tree-get": {
        const source = this.#held(this.#tree(expression.source, fail));
        return this.#keyed(source, expression.key, (at) => `${this.#evaluation}.step(${source}, ${at})`);
      }
    }
  }

  #replacing(overrides: readonly Override[], fail: string): string {
    const documents: Record<"input" | "data", string[]> = { input: [], data: [] };
    for (const override of overrides)
      if ("path" in override) {
        const value = this.#defined(override.value, fail);
        documents[override.target].push(`{ path: ${this.#constant(override.path)}, value: ${value} }`);
      }
    const [input, data] = [documents.input.join(", "), documents.data.join(", ")];
    const builtins: string[] = [];
    const procedures: string[] = [];
    for (const override of overrides) {
      if (override.target === "builtin")
        builtins.push(`[${literal(override.name)}, ${this.#replacement(override.by, fail)}]`);
      if (override.target === "procedure")
        procedures.push(`[${override.procedure}, ${this.#replacement(override.by, fail)}]`);
    }
    const name = this.#name("e");
    this.#line(
      `const ${name} = ${this.#evaluation}.replacing({ input: [${input}], data: [${data}], builtins: new Map([${builtins.join(", ")}]), procedures: new Map([${procedures.join(", ")}]) });`,
    );
    return name;
  }

  #replacement(by: Replacement, fail: string): string {
    switch (by.type) {
      case "value":
        return `{ run: valueOnly(${this.#defined(by.value, fail)}) }`;
      case "builtin":
        return `{ run: builtinOnly(${this.#constant(by.builtin)}) }`;
      case "procedure":
        return `{ run: (e, args) => p${by.procedure}(e, ...args) }`;
    }
  }

  #isReplaced({ name }: Builtin): boolean {
    return this.#program.replaced.builtins.has(name);
  }

  /** Evaluated here, once. */
  #held(code: string): string {
    if (/^[a-z]\d+_?$/.test(code)) return code;
    const name = this.#name("t");
    this.#line(`const ${name} = ${code};`);
    return name;
  }

  #constant(value: unknown): string {
    if (value === null || typeof value === "boolean" || typeof value === "string") return literal(value);
    if (typeof value === "number") return literal(value);
    const known = this.#indexByConstant.get(value);
    if (known !== undefined) return `k${known}_`;
    this.constants.push(value);
    this.#indexByConstant.set(value, this.constants.length - 1);
    return `k${this.constants.length - 1}_`;
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }

  #open(label: string): void {
    this.#line(`${label}: {`);
  }

  #close(): void {
    this.#line("}");
  }

  #line(text: string): void {
    this.#lines.push(text);
  }
}

const COMPARISONS: Readonly<Record<string, string>> = { lt: "<", lte: "<=", gt: ">", gte: ">=" };

type Collector = readonly [
  make: string,
  add: (name: string, values: readonly string[]) => string,
  finish: (name: string) => string,
];
const COLLECTORS: Readonly<Record<"array" | "set" | "object", Collector>> = {
  array: ["[]", (name, [item]) => `${name}.push(${item});`, (name) => name],
  set: ["new RegoSet()", (name, [item]) => `${name}.add(${item}, q);`, (name) => name],
  object: [
    "new ObjectBuilder()",
    (name, [key, value]) => `insertOnce(q, ${name}, ${key}, ${value});`,
    (name) => `${name}.build()`,
  ],
};

/** Names that values which are no plain objects answer to; to digits, arrays and strings do. */
function isInherited(name: string): boolean {
  const others = [Object, Array, String, Number, Boolean, RegoSet, RegoObject, BigNumber];
  return (
    name === "length" || name === "text" || /^[0-9]/.test(name) || others.some(({ prototype }) => name in prototype)
  );
}

function pathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}

/** Members of the input that a procedure reads in loops or in several places: worth reading at its beginning. */
function repeatedInputPaths({ clauses }: Procedure): readonly (readonly string[])[] {
  const counts = new Map<string, { readonly path: readonly string[]; count: number }>();
  const countBy = (weight: number): Rewrite => ({
    expression: (expression) => {
      const path = expression.op === "get" ? inputPathOf(expression) : undefined;
      if (path === undefined) return expression;
      const entry = counts.get(pathKey(path)) ?? { path, count: 0 };
      entry.count += weight;
      counts.set(pathKey(path), entry);
      return expression;
    },
  });
  const inLoops = countBy(1);
  for (const { body } of clauses.flatMap(chainOf))
    rewriteBlock(body, {
      ...countBy(1),
      operation: (operation) => {
        if (operation.op === "scan" || operation.op === "scan-tree") rewriteBlock(operation.body, inLoops);
        return [operation];
      },
    });
  return Array.from(counts.values())
    .filter(({ count }) => count > 1)
    .map(({ path }) => path)
    .slice(0, HELD_INPUT_MAX);
}

/** A procedure that reads more than this branches: most of it is not run. */
const HELD_INPUT_MAX = 16;

/** JSON is JavaScript; U+2028 and U+2029 too, since ES2019. `-0` and what is not finite never get here. */
function literal(value: null | boolean | number | string): string {
  return JSON.stringify(value);
}

const ALWAYS_DEFINED: ReadonlySet<Expression["op"]> = new Set(["constant", "slot", "array", "set", "object"]);
