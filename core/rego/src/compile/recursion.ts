import type { RegoError } from "../errors.ts";
import type { Value } from "../values/value.ts";
import type { Block, Expression, Operation, Override, Program, Slot, TreeExpression, TreeNode } from "./ir.ts";

/** No rule may need its own value, over however many others. */
export function checkRecursion(program: Program): readonly RegoError[] {
  const uses = program.procedures.map(({ clauses, fallback }) => {
    const found = new Set<number>();
    const collector = new UseCollector(program, found);
    for (let clause of clauses)
      for (;;) {
        collector.block(clause.body);
        if (clause.otherwise === undefined) break;
        clause = clause.otherwise;
      }
    if (fallback !== undefined) collector.expression(fallback);
    return found;
  });
  const errors: RegoError[] = [];
  const isDone = new Set<number>();
  for (let start = 0; start < uses.length; start++) {
    const cycle = findCycle(start, uses, isDone);
    if (cycle === undefined) continue;
    const names = cycle.map((index) => `data.${program.procedures[index]!.path.join(".")}`);
    const message = `rule ${names[0]} is recursive: ${names.join(" -> ")}`;
    errors.push({ code: "rego_recursion_error", message, location: program.procedures[cycle[0]!]!.location });
  }
  return errors;
}

/** Depth first without recursion: a chain of rules may be longer than the stack is deep. */
function findCycle(start: number, uses: readonly ReadonlySet<number>[], isDone: Set<number>): number[] | undefined {
  if (isDone.has(start)) return undefined;
  const path = [start];
  const onPath = new Set(path);
  const pending = [Array.from(uses[start]!)];
  let cycle: number[] | undefined;
  while (path.length > 0) {
    const next = pending.at(-1)!.pop();
    if (next === undefined) {
      const left = path.pop()!;
      pending.pop();
      onPath.delete(left);
      isDone.add(left);
    } else if (onPath.has(next)) cycle ??= [...path.slice(path.indexOf(next)), next];
    else if (!isDone.has(next)) {
      path.push(next);
      onPath.add(next);
      pending.push(Array.from(uses[next]!));
    }
  }
  return cycle;
}

class UseCollector {
  readonly #program: Program;
  readonly #found: Set<number>;
  readonly #nodesBySlot = new Map<Slot, readonly TreeNode[]>();

  constructor(program: Program, found: Set<number>) {
    this.#program = program;
    this.#found = found;
  }

  block(block: Block): void {
    for (const operation of block) this.#operation(operation);
  }

  #operation(operation: Operation): void {
    switch (operation.op) {
      case "let":
        this.expression(operation.from);
        return;
      case "test":
        this.expression(operation.that);
        return;
      case "equal":
        this.expression(operation.left);
        this.expression(operation.right);
        return;
      case "scan":
        this.expression(operation.source);
        this.block(operation.body);
        return;
      case "scan-tree":
        this.#nodesBySlot.set(
          operation.value,
          this.#nodes(operation.source).flatMap((node) => this.#children(node, undefined)),
        );
        this.block(operation.body);
        return;
      case "not":
        this.block(operation.body);
        return;
      case "exists":
        for (const override of operation.overrides) this.#override(override);
        this.block(operation.body);
        return;
      case "print":
        for (const arg of operation.args) this.expression(arg);
        return;
      case "emit":
        for (const value of operation.values) this.expression(value);
        return;
      case "shape":
      case "iterable":
      case "mark":
    }
  }

  expression(expression: Expression): void {
    switch (expression.op) {
      case "get":
        this.expression(expression.source);
        this.expression(expression.key);
        return;
      case "required":
        this.expression(expression.of);
        return;
      case "get-stored":
        this.expression(expression.source);
        return;
      case "rule":
        this.#found.add(expression.procedure);
        return;
      case "invoke":
        this.#found.add(expression.procedure);
        for (const arg of expression.args) this.expression(arg);
        return;
      case "extent":
        this.#extent(expression.of);
        return;
      case "call":
        for (const arg of expression.args) this.expression(arg);
        return;
      case "array":
      case "set":
        for (const item of expression.items) this.expression(item);
        return;
      case "object":
        for (const entry of expression.entries) for (const item of entry) this.expression(item);
        return;
      case "collect":
        for (const override of expression.overrides) this.#override(override);
        this.block(expression.body);
        return;
      case "constant":
      case "slot":
      case "input":
      case "data":
    }
  }

  #override(override: Override): void {
    if ("path" in override) {
      this.expression(override.value);
      return;
    }
    if (override.by.type === "value") this.expression(override.by.value);
    if (override.by.type === "procedure") this.#found.add(override.by.procedure);
  }

  /** Whatever stands below a place may be asked for. */
  #extent(expression: TreeExpression): void {
    for (const node of this.#nodes(expression)) this.#below(node);
  }

  /** The nodes at which a place may be; a rule on the way is used. */
  #nodes(expression: TreeExpression): readonly TreeNode[] {
    switch (expression.op) {
      case "tree": {
        let node: TreeNode | undefined = this.#program.tree;
        for (const name of expression.path) node = node?.children.get(name);
        return node === undefined ? [] : [node];
      }
      case "tree-slot":
        return this.#nodesBySlot.get(expression.slot) ?? [];
      case "tree-get": {
        this.expression(expression.key);
        const { key } = expression;
        const name = key.op === "constant" ? key.value : undefined;
        return this.#nodes(expression.source).flatMap((node) => this.#children(node, name));
      }
    }
  }

  /** Below a rule there are only values. Without a name, any child may be meant. */
  #children(node: TreeNode, name: Value | undefined): readonly TreeNode[] {
    if (node.procedure !== undefined) {
      this.#below(node);
      return [];
    }
    if (name === undefined) return Array.from(node.children.values());
    const child = typeof name === "string" ? node.children.get(name) : undefined;
    return child === undefined ? [] : [child];
  }

  #below(node: TreeNode): void {
    if (node.procedure !== undefined && this.#program.procedures[node.procedure]!.kind !== "function")
      this.#found.add(node.procedure);
    for (const child of node.children.values()) this.#below(child);
  }
}
