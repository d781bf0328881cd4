import { assert } from "@vedette/base";
import type { RegoError } from "../errors.ts";
import type { Location } from "../syntax/ast.ts";
import { hoistNegated, nameTerm, needsEvaluation } from "./expand.ts";
import type {
  Block,
  Expression,
  Operation,
  Override,
  Replacement,
  Slot,
  Statement,
  TreeExpression,
  TreeNode,
} from "./ir.ts";
import { LayeredMap, LayeredSet } from "./layered.ts";
import { freeLocals, freeLocalsOfStatement } from "./locals.ts";
import { localsOfPair, meetingPairs, orderBody, outputsOf, unsafeError } from "./order.ts";
import { valuesOf } from "./resolve.ts";
import type {
  Callee,
  Local,
  ResolvedBody,
  ResolvedCall,
  ResolvedReference,
  ResolvedStatement,
  ResolvedTerm,
  ResolvedWith,
} from "./resolved.ts";
import type { RuleTree } from "./rule-tree.ts";
import { settleAll } from "./settle.ts";

/** What the bodies of one program share while they are lowered. */
export interface LowerContext {
  readonly rules: RuleTree;
  readonly errors: RegoError[];
  readonly statements: Statement[];
  readonly replacedBuiltins: Set<string>;
  readonly replacedProcedures: Set<number>;
  readonly replacedData: (readonly string[])[];
}

/** Each loop costs stack wherever a program is walked, compiled or run; written policies have a handful. */
const LOOPS_MAX = 250;

/** Lowers one body with what its rule emits. */
export class BodyLowering {
  readonly #context: LowerContext;
  readonly #slotByLocal = new Map<Local, Slot>();
  #bound = new LayeredSet<Local>();
  /** References that enumerate stand in slots by now: in the block that is being written, and in those around it. */
  #enumerated = new LayeredMap<ResolvedTerm, Expression>();
  #frame: number;
  #block: Operation[] = [];
  #isOrdered = false;
  /** Around the operation that is lowered next. */
  #loops = 0;
  /** Of the statement that is being lowered. */
  #location: Location = { file: "", row: 1, col: 1, start: 0, end: 0 };

  readonly #rule: readonly string[] | undefined;

  constructor(context: LowerContext, arity: number, rule: readonly string[] | undefined) {
    this.#context = context;
    this.#rule = rule;
    this.#frame = arity;
  }

  /** Slots that a frame needs. */
  get frame(): number {
    return this.#frame;
  }

  /** The body of a definition: operands are in the first slots; each way through the body emits `values`. */
  definition(args: readonly ResolvedTerm[], body: ResolvedBody, values: readonly ResolvedTerm[], at: Location): Block {
    return this.#nested(() => {
      const conditions = args.flatMap((arg, slot) => this.#operand(arg, slot));
      if (body.length === 0) this.#mark(at, new Set());
      this.#body([...conditions, ...body], values, false);
    });
  }

  /** A pattern takes its operand apart; any other term must come to the same value, once the body has bound its variables. */
  #operand(arg: ResolvedTerm, slot: Slot): ResolvedBody {
    if (isPattern(arg)) {
      this.#match(arg, { op: "slot", slot });
      return [];
    }
    const { location } = arg;
    const local: Local = { name: "operand", location, isWildcard: true, owner: this };
    this.#slotByLocal.set(local, slot);
    this.#bound.add(local);
    const what = { type: "unify", left: { type: "local", local, location }, right: arg, isAssign: false } as const;
    return [{ isNegated: false, what, with: [], location }];
  }

  /** A query: one row for each answer, in Rego's order. */
  query(body: ResolvedBody, bindings: readonly ResolvedTerm[]): Block {
    return this.#nested(() => this.#body(body, bindings, true));
  }

  /** A term that stands alone: nothing binds its variables. */
  constant(term: ResolvedTerm): Expression {
    let result: Expression = { op: "constant", value: null };
    const block = this.#nested(() => {
      for (const local of freeLocals(term)) this.#unsafe(local);
      result = this.#value(term);
    });
    assert(block.length === 0 || this.#context.errors.length > 0, "a default enumerates nothing");
    return result;
  }

  #body(body: ResolvedBody, terms: readonly ResolvedTerm[], isOrdered: boolean): void {
    this.#isOrdered = isOrdered;
    const parts = body.map(hoistNegated);
    // What is hoisted out of a statement is a part of it to who watches.
    const placeOf = new Map(
      parts.flatMap((part) => [...part.hoisted, part.statement].map((each) => [each, part.statement.location])),
    );
    const statements = parts.flatMap((part) => [...part.hoisted, part.statement]);
    const { ordered, values } = this.#order(statements, terms);
    const lastReader = lastReaders(ordered, values);
    for (const [index, statement] of ordered.entries()) {
      const variables = freeLocalsOfStatement(statement);
      const place = placeOf.get(statement);
      if (place !== undefined) this.#mark(place, variables);
      const hasRest = index + 1 < ordered.length || values.length > 0;
      const isRead = (local: Local) => (lastReader.get(local) ?? -1) > index;
      if (isOrdered || !hasRest || !this.#isOnlyCondition(statement, isRead)) this.#statement(statement);
      else this.#block.push({ op: "exists", overrides: [], body: this.#condition(() => this.#statement(statement)) });
    }
    for (const value of values) this.#enumerate(value);
    const expressions = values.map((value) => {
      for (const local of freeLocals(value)) if (!this.#bound.has(local)) this.#unsafe(local);
      return this.#value(value);
    });
    this.#block.push({ op: "emit", values: expressions });
  }

  /** Orders a body. Where what it gives binds what it needs, that is part of it: `[xs[i] | startswith(i, "a")]`. */
  #order(
    body: ResolvedBody,
    values: readonly ResolvedTerm[],
  ): { readonly ordered: ResolvedBody; readonly values: readonly ResolvedTerm[] } {
    const errors: RegoError[] = [];
    const ordered = orderBody(body, new LayeredSet(this.#bound), errors);
    if (errors.length === 0) return { ordered, values };
    const named = values.map((value) =>
      needsEvaluation(value) ? nameTerm(value) : { term: value, statement: undefined },
    );
    const statements = [...body, ...named.flatMap(({ statement }) => statement ?? [])];
    return {
      ordered: orderBody(statements, new LayeredSet(this.#bound), this.#context.errors),
      values: named.map(({ term }) => term),
    };
  }

  /** Whether a statement may hold in several ways of which the rest of the body cannot tell one from another. */
  #isOnlyCondition(statement: ResolvedStatement, isRead: (local: Local) => boolean): boolean {
    if (statement.isNegated || statement.with.length > 0) return false;
    const outputs = outputsOf(statement, this.#bound);
    return outputs !== undefined && outputs.size > 0 && !Array.from(outputs).some(isRead);
  }

  #statement(statement: ResolvedStatement): void {
    if (statement.with.length > 0) this.#within(statement);
    else if (statement.isNegated)
      this.#block.push({ op: "not", body: this.#condition(() => this.#expression(statement)) });
    else this.#expression(statement);
  }

  #expression({ what, location }: ResolvedStatement): void {
    switch (what.type) {
      case "term":
        this.#enumerate(what.term);
        this.#test(what.term);
        return;
      case "unify":
        this.#unify(what.left, what.right);
        return;
      case "result":
        this.#unify(what.call, what.of);
        return;
      case "some-in": {
        this.#enumerate(what.domain);
        this.#scan(this.#value(what.domain), what.key, what.value);
        return;
      }
      case "every": {
        this.#enumerate(what.domain);
        const slot = this.#hold(this.#value(what.domain));
        this.#block.push({ op: "iterable", slot });
        const body = this.#nested(() => {
          const local = (item: Local): ResolvedTerm => ({ type: "local", local: item, location });
          this.#isOrdered = false;
          this.#scan({ op: "slot", slot }, what.key && local(what.key), local(what.value));
          this.#block.push({ op: "not", body: this.#nested(() => this.#body(what.body, [], false)) });
          this.#block.push({ op: "emit", values: [] });
        });
        this.#block.push({ op: "not", body });
        return;
      }
      case "print": {
        const args = what.args.map((arg) => this.#value(isPlain(arg) ? arg : valuesOf(arg)));
        this.#block.push({ op: "print", args, location });
      }
    }
  }

  /** `a == b` and the like need no builtin. */
  #test(term: ResolvedTerm): void {
    const name = term.type === "call" && term.callee.type === "builtin" ? term.callee.builtin.name : "";
    const isEquality = name === "equal" || name === "neq" || name === "eq";
    if (term.type === "call" && isEquality && !this.#context.replacedBuiltins.has(name) && term.args.length === 2) {
      const [left, right] = term.args.map((arg) => this.#value(arg)) as [Expression, Expression];
      this.#block.push({ op: "equal", left, right, isNegated: name === "neq" });
    } else this.#block.push({ op: "test", that: this.#value(term) });
  }

  #unify(left: ResolvedTerm, right: ResolvedTerm): void {
    this.#enumerate(left);
    this.#enumerate(right);
    const isGround = (term: ResolvedTerm) => this.#isGround(term);
    // The order check let only solvable pairs through; after an unsafe local nothing is solvable any more.
    settleAll(meetingPairs(left, right, isGround), localsOfPair, ([a, b]) => {
      const [known, other] = isGround(a) ? [a, b] : [b, a];
      if (!isGround(known)) return undefined;
      this.#match(other, this.#value(known));
      return freeLocals(other);
    });
  }

  #match(pattern: ResolvedTerm, value: Expression): void {
    if (pattern.type === "local" && !this.#bound.has(pattern.local)) {
      this.#block.push({ op: "let", slot: this.#bind(pattern.local), from: value });
      return;
    }
    if (this.#isGround(pattern) && !this.#mayEnumerate(pattern)) {
      this.#block.push({ op: "equal", left: this.#value(pattern), right: value, isNegated: false });
      return;
    }
    if (pattern.type === "array") {
      const slot = this.#hold(value);
      this.#block.push({ op: "shape", slot, of: "array", length: pattern.items.length });
      for (const [index, item] of pattern.items.entries())
        this.#match(item, { op: "get", source: { op: "slot", slot }, key: { op: "constant", value: index } });
    } else if (pattern.type === "object") {
      const slot = this.#hold(value);
      this.#block.push({ op: "shape", slot, of: "object", length: pattern.entries.length });
      for (const [key, member] of pattern.entries)
        this.#match(member, { op: "get", source: { op: "slot", slot }, key: this.#value(key) });
    } else {
      this.#enumerate(pattern);
      this.#block.push({ op: "equal", left: this.#value(pattern), right: value, isNegated: false });
    }
  }

  /** Opens a loop; what follows is inside it. */
  #scan(source: Expression, key: ResolvedTerm | undefined, value: ResolvedTerm | undefined): void {
    const keySlot = key && this.#target(key);
    const valueSlot = value && this.#target(value);
    this.#enter((body) => ({
      op: "scan",
      source,
      key: keySlot?.slot,
      value: valueSlot?.slot,
      isOrdered: this.#isOrdered,
      body,
    }));
    if (keySlot?.isPattern) this.#match(key!, { op: "slot", slot: keySlot.slot });
    if (valueSlot?.isPattern) this.#match(value!, { op: "slot", slot: valueSlot.slot });
  }

  /** A free local takes an element itself; anything else is matched against it. */
  #target(term: ResolvedTerm): { readonly slot: Slot; readonly isPattern: boolean } {
    if (term.type === "local" && !this.#bound.has(term.local))
      return { slot: this.#bind(term.local), isPattern: false };
    return { slot: this.#newSlot(), isPattern: true };
  }

  /** Lowers the references in a term that bind something, until none is left that can. */
  #enumerate(term: ResolvedTerm): void {
    let open = referencesIn(term).filter((reference) => this.#enumerated.get(reference) === undefined);
    for (let before = -1; open.length !== before; ) {
      before = open.length;
      open = open.filter((reference) => {
        if (!this.#mayEnumerate(reference)) return !this.#isGround(reference);
        if (outputsOf(termStatement(reference), this.#bound) === undefined) return true;
        const value = reference.type === "call" ? this.#relation(reference) : this.#reference(reference);
        this.#enumerated.set(reference, { op: "slot", slot: this.#hold(value) });
        return false;
      });
    }
  }

  #mayEnumerate(term: ResolvedTerm): boolean {
    if (term.type === "call") return isRelation(term);
    return term.type === "reference" && !this.#isGround(term);
  }

  /** `walk`: one result after the other. */
  #relation(call: ResolvedCall): Expression {
    const slot = this.#newSlot();
    const source = this.#call(call);
    this.#enter((body) => ({ op: "scan", source, key: undefined, value: slot, isOrdered: this.#isOrdered, body }));
    return { op: "slot", slot };
  }

  #value(term: ResolvedTerm): Expression {
    const enumerated = this.#enumerated.get(term);
    if (enumerated !== undefined) return enumerated;
    switch (term.type) {
      case "constant":
        return { op: "constant", value: term.value };
      case "local":
        return { op: "slot", slot: this.#slotOf(term.local) };
      case "reference":
        return this.#reference(term);
      case "array":
      case "set":
        return { op: term.type, items: term.items.map((item) => this.#value(item)) };
      case "object":
        return {
          op: "object",
          entries: term.entries.map(([key, value]) => [this.#value(key), this.#value(value)] as const),
        };
      case "call":
        return this.#call(term);
      case "comprehension": {
        const values = term.key === undefined ? [term.value] : [term.key, term.value];
        const body = this.#nested(() => this.#body(term.body, values, term.of === "array"));
        return { op: "collect", of: term.of, overrides: [], body };
      }
    }
  }

  #call({ callee, args, location }: ResolvedCall): Expression {
    const operands = args.map((arg) => this.#value(arg));
    if (callee.type === "builtin") return { op: "call", builtin: callee.builtin, args: operands, location };
    const procedure = this.#procedureAt(callee.path);
    const kind = procedure === undefined ? undefined : this.#context.rules.groups[procedure]!.kind;
    if (procedure !== undefined && kind === "function") return { op: "invoke", procedure, args: operands };
    // `f() = x { … }` is a rule, and OPA lets `f()` stand for its value.
    if (procedure !== undefined && kind === "value" && operands.length === 0) return { op: "rule", procedure };
    const message = `undefined function data.${callee.path.join(".")}`;
    this.#context.errors.push({ code: "rego_type_error", message, location });
    return { op: "constant", value: null };
  }

  #reference(reference: ResolvedReference): Expression {
    const { base, path } = reference;
    if (base === "data") return this.#dataReference(path);
    return this.#walk(base === "input" ? { op: "input" } : this.#value(base), path);
  }

  #walk(from: Expression, path: readonly ResolvedTerm[]): Expression {
    let source = from;
    for (const key of path) {
      if (this.#isGround(key)) source = { op: "get", source, key: this.#value(key) };
      else {
        const slot = this.#newSlot();
        const keySlot = this.#target(key);
        const from = source;
        const isOrdered = this.#isOrdered;
        this.#enter((body) => ({ op: "scan", source: from, key: keySlot.slot, value: slot, isOrdered, body }));
        if (keySlot.isPattern) this.#match(key, { op: "slot", slot: keySlot.slot });
        source = { op: "slot", slot };
      }
    }
    return source;
  }

  /** Follows constant names through the tree of rules, as far as they lead. */
  #dataReference(path: readonly ResolvedTerm[]): Expression {
    const names: string[] = [];
    let node: TreeNode = this.#context.rules.root;
    for (const [index, key] of path.entries()) {
      const name = key.type === "constant" && typeof key.value === "string" ? key.value : undefined;
      const child = name === undefined ? undefined : node.children.get(name);
      if (key.type === "constant" && typeof key.value === "number") return this.#stored(names, path.slice(index));
      if (name === undefined && node.children.size > 0) return this.#treeReference(names, path.slice(index));
      if (name === undefined) return this.#walk({ op: "data", path: names }, path.slice(index));
      names.push(name);
      if (child === undefined) return this.#stored(names, path.slice(index + 1));
      node = child;
      if (node.procedure === undefined) continue;
      const group = this.#context.rules.groups[node.procedure]!;
      // A function is no document.
      if (group.kind === "function") return this.#walk({ op: "data", path: names }, path.slice(index + 1));
      return this.#walk({ op: "rule", procedure: node.procedure }, path.slice(index + 1));
    }
    return { op: "extent", of: { op: "tree", path: names } };
  }

  #stored(names: readonly string[], path: readonly ResolvedTerm[]): Expression {
    let source: Expression = { op: "data", path: names };
    for (const [index, key] of path.entries()) {
      if (key.type !== "constant") return this.#walk(source, path.slice(index));
      source =
        typeof key.value === "number"
          ? { op: "get-stored", source, index: key.value }
          : { op: "get", source, key: { op: "constant", value: key.value } };
    }
    return source;
  }

  #treeReference(names: readonly string[], path: readonly ResolvedTerm[]): Expression {
    let source: TreeExpression = { op: "tree", path: names };
    for (const key of path) {
      if (this.#isGround(key)) source = { op: "tree-get", source, key: this.#value(key) };
      else {
        const slot = this.#newSlot();
        const keySlot = this.#target(key);
        const from = source;
        const isOrdered = this.#isOrdered;
        this.#enter((body) => ({ op: "scan-tree", source: from, key: keySlot.slot, value: slot, isOrdered, body }));
        if (keySlot.isPattern) this.#match(key, { op: "slot", slot: keySlot.slot });
        source = { op: "tree-slot", slot };
      }
    }
    return { op: "extent", of: source };
  }

  /** Evaluates a statement with something replaced, and goes on with what it bound where nothing is. */
  #within(statement: ResolvedStatement): void {
    for (const { value } of statement.with) if ("location" in value) this.#enumerate(value);
    const overrides = statement.with.map((item) => this.#override(item));
    const plain = { ...statement, with: [] };
    // Of what the compiler itself named, only the value of a query's statement is read further on.
    const outputs = Array.from(outputsOf(plain, this.#bound) ?? []).filter(({ name }) => name !== "_");
    const rows = outputs.map((local): ResolvedTerm => ({ type: "local", local, location: statement.location }));
    if (outputs.length === 0) {
      this.#block.push({ op: "exists", overrides, body: this.#condition(() => this.#statement(plain)) });
      return;
    }
    const body = this.#nested(() => {
      this.#statement(plain);
      this.#block.push({ op: "emit", values: [{ op: "array", items: rows.map((row) => this.#value(row)) }] });
    });
    const row: ResolvedTerm = { type: "array", items: rows, location: statement.location };
    this.#scan({ op: "collect", of: "array", overrides, body }, undefined, row);
  }

  #override(item: ResolvedWith): Override {
    const by = this.#replacement(item.value);
    if (item.target === "callee") {
      if (item.callee.type === "builtin") {
        this.#context.replacedBuiltins.add(item.callee.builtin.name);
        return { target: "builtin", name: item.callee.builtin.name, by };
      }
      this.#context.replacedData.push(item.callee.path);
      return { target: "data", path: item.callee.path, value: this.#asValue(by) };
    }
    if (item.target === "data") {
      const procedure = this.#procedureAt(item.path);
      if (procedure !== undefined && this.#context.rules.groups[procedure]!.kind === "function") {
        this.#context.replacedProcedures.add(procedure);
        return { target: "procedure", procedure, by };
      }
      this.#context.replacedData.push(item.path);
    }
    return { target: item.target, path: item.path, value: this.#asValue(by) };
  }

  #replacement(value: ResolvedTerm | Callee): Replacement {
    if (value.type === "builtin") return { type: "builtin", builtin: value.builtin };
    if (value.type === "function") return { type: "value", value: { op: "data", path: value.path } };
    if (value.type === "reference" && value.base === "data") {
      const names = value.path.flatMap((key) =>
        key.type === "constant" && typeof key.value === "string" ? [key.value] : [],
      );
      const procedure = names.length === value.path.length ? this.#procedureAt(names) : undefined;
      if (procedure !== undefined && this.#context.rules.groups[procedure]!.kind === "function")
        return { type: "procedure", procedure };
    }
    return { type: "value", value: this.#value(value) };
  }

  #asValue(by: Replacement): Expression {
    return by.type === "value" ? by.value : { op: "constant", value: null };
  }

  /** Opens a loop; what follows is its body. */
  #enter(loop: (body: Operation[]) => Operation): void {
    const body: Operation[] = [];
    this.#block.push(loop(body));
    this.#block = body;
    if (++this.#loops !== LOOPS_MAX + 1) return;
    const message = `too many loops inside each other: at most ${LOOPS_MAX}`;
    this.#context.errors.push({ code: "rego_compile_error", message, location: this.#location });
  }

  /** A block of its own that emits nothing but the fact. */
  #condition(build: () => void): Block {
    return this.#nested(() => {
      this.#isOrdered = false;
      build();
      this.#block.push({ op: "emit", values: [] });
    });
  }

  /** What is bound inside is not bound outside. */
  #nested(build: () => void): Block {
    const outer = { block: this.#block, bound: this.#bound, isOrdered: this.#isOrdered, loops: this.#loops };
    const enumerated = this.#enumerated;
    const block: Operation[] = [];
    this.#block = block;
    this.#bound = new LayeredSet(outer.bound);
    // A term may be lowered in two blocks: what the first loops over, the second loops over again.
    this.#enumerated = new LayeredMap(enumerated);
    build();
    this.#enumerated = enumerated;
    this.#block = outer.block;
    this.#bound = outer.bound;
    this.#isOrdered = outer.isOrdered;
    this.#loops = outer.loops;
    return block;
  }

  #hold(value: Expression): Slot {
    if (value.op === "slot") return value.slot;
    const slot = this.#newSlot();
    this.#block.push({ op: "let", slot, from: value });
    return slot;
  }

  #bind(local: Local): Slot {
    this.#bound.add(local);
    return this.#slotOf(local);
  }

  #slotOf(local: Local): Slot {
    const slot = this.#slotByLocal.get(local) ?? this.#newSlot();
    this.#slotByLocal.set(local, slot);
    return slot;
  }

  #newSlot(): Slot {
    return this.#frame++;
  }

  #isGround(term: ResolvedTerm): boolean {
    if (this.#enumerated.get(term) !== undefined) return true;
    for (const local of freeLocals(term)) if (!this.#bound.has(local)) return false;
    return true;
  }

  #procedureAt(path: readonly string[]): number | undefined {
    let node: TreeNode | undefined = this.#context.rules.root;
    for (const name of path) node = node?.children.get(name);
    return node?.procedure;
  }

  #mark(location: Location, locals: ReadonlySet<Local>): void {
    this.#location = location;
    // A variable that the statement itself binds has its slot before it has its value.
    const variables = Array.from(locals)
      .filter(({ isWildcard }) => !isWildcard)
      .map((local) => ({ name: local.name, slot: this.#slotOf(local) }));
    this.#context.statements.push({ location, rule: this.#rule, variables });
    this.#block.push({ op: "mark", statement: this.#context.statements.length - 1 });
  }

  #unsafe(local: Local): void {
    if (this.#context.errors.some(({ location }) => location === local.location)) return;
    this.#context.errors.push(unsafeError(local, local.location));
  }
}

/** Where in a body each local is mentioned last; what the body gives comes after all its statements. */
function lastReaders(body: ResolvedBody, values: readonly ResolvedTerm[]): ReadonlyMap<Local, number> {
  const last = new Map<Local, number>();
  for (const [index, statement] of body.entries())
    for (const local of freeLocalsOfStatement(statement)) last.set(local, index);
  for (const value of values) for (const local of freeLocals(value)) last.set(local, body.length);
  return last;
}

function termStatement(term: ResolvedTerm): ResolvedStatement {
  return { isNegated: false, what: { type: "term", term }, with: [], location: term.location };
}

function isRelation(term: ResolvedTerm): boolean {
  return term.type === "call" && term.callee.type === "builtin" && term.callee.builtin.isRelation === true;
}

function isPattern(term: ResolvedTerm): boolean {
  if (term.type === "array" || term.type === "set") return term.items.every(isPattern);
  if (term.type === "object") return term.entries.every((entry) => entry.every(isPattern));
  return term.type === "constant" || term.type === "local";
}

/** Prints as it is: neither undefined nor several values. */
function isPlain(term: ResolvedTerm): boolean {
  return term.type === "constant" || term.type === "local";
}

/** References and relations of a term, inner ones first; those in bodies inside it belong to these. */
function referencesIn(term: ResolvedTerm): (ResolvedReference | ResolvedCall)[] {
  switch (term.type) {
    case "reference":
      return [
        ...(typeof term.base === "string" ? [] : referencesIn(term.base)),
        ...term.path.flatMap(referencesIn),
        term,
      ];
    case "array":
    case "set":
      return term.items.flatMap(referencesIn);
    case "object":
      return term.entries.flatMap(([key, value]) => [...referencesIn(key), ...referencesIn(value)]);
    case "call":
      return [...term.args.flatMap(referencesIn), ...(isRelation(term) ? [term] : [])];
    default:
      return [];
  }
}
