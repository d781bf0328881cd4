import { TextWriter } from "../values/print.ts";
import { isArray, isObject, memberOf, sortedKeysOf, type Value } from "../values/value.ts";
import { type BuiltinContext, type BuiltinFailure, failure } from "./builtin.ts";
import { isTrue, printResult, TEMPLATE_FUNCTIONS } from "./template-functions.ts";
import { parseTemplate } from "./template-parse.ts";
import {
  type Body,
  type Command,
  type FieldBase,
  type Operand,
  type Pipeline,
  type Template,
  TemplateFault,
  type TemplateNode,
} from "./template-syntax.ts";

const FUNCTION_NAMES: ReadonlySet<string> = new Set(["and", "or", ...TEMPLATE_FUNCTIONS.keys()]);

/** Templates that call templates. */
const TEMPLATE_DEPTH_MAX = 200;

/**
 * Renders a template of Go's `text/template` with data that is JSON. What the data does not have, or has as null,
 * prints as `<undefined>` and is empty.
 */
export function renderTemplate(context: BuiltinContext, text: string, data: Value): string | BuiltinFailure {
  context.spend(text.length);
  try {
    const template = parseTemplate(text, FUNCTION_NAMES);
    const renderer = new Renderer(context, template);
    renderer.renderTemplate(template.main, data, 0);
    return renderer.text;
  } catch (fault) {
    if (fault instanceof TemplateFault) return failure(`template: ${fault.message}`);
    throw fault;
  }
}

/** How a body ended: at its end, or by a `break` or `continue` of the loop around it. */
type Ending = "end" | "break" | "continue";

interface Variable {
  readonly name: string;
  value: Value;
}

class Renderer {
  readonly #context: BuiltinContext;
  readonly #template: Template;
  readonly #writer: TextWriter;
  #variables: Variable[] = [];
  #depth = 0;

  constructor(context: BuiltinContext, template: Template) {
    this.#context = context;
    this.#template = template;
    this.#writer = new TextWriter({ spend: (steps) => context.spend(steps) });
  }

  get text(): string {
    return this.#writer.text;
  }

  /** With variables of its own: `$` is what the template was given. */
  renderTemplate(body: Body, data: Value, depth: number): void {
    if (depth > TEMPLATE_DEPTH_MAX) throw new TemplateFault(`exceeded maximum template depth (${TEMPLATE_DEPTH_MAX})`);
    const outer = this.#variables;
    this.#variables = [{ name: "$", value: data }];
    this.#depth = depth;
    this.#renderBody(body, data);
    this.#depth = depth - 1;
    this.#variables = outer;
  }

  /** What is declared in a body is forgotten at its end. */
  #renderBody(body: Body, dot: Value): Ending {
    const declared = this.#variables.length;
    for (const node of body) {
      const ending = this.#renderNode(node, dot);
      if (ending !== "end") {
        this.#variables.length = declared;
        return ending;
      }
    }
    this.#variables.length = declared;
    return "end";
  }

  #renderNode(node: TemplateNode, dot: Value): Ending {
    this.#context.spend(1);
    switch (node.type) {
      case "text":
        this.#writer.add(node.text);
        return "end";
      case "action": {
        const value = this.#run(node.pipeline, dot);
        if (node.pipeline.variables.length === 0) this.#writer.add(printResult(value));
        return "end";
      }
      case "template":
        this.#renderNamed(node.name, node.pipeline === undefined ? null : this.#run(node.pipeline, dot));
        return "end";
      case "if":
      case "with":
      case "range":
        return this.#renderControl(node, dot);
      default:
        return node.type;
    }
  }

  #renderNamed(name: string, data: Value): void {
    const body = this.#template.bodyByName.get(name);
    if (body === undefined) throw new TemplateFault(`template "${name}" not defined`);
    this.renderTemplate(body, data, this.#depth + 1);
  }

  #renderControl(node: Extract<TemplateNode, { readonly body: Body }>, dot: Value): Ending {
    const declared = this.#variables.length;
    let ending: Ending = "end";
    if (node.type === "range") ending = this.#renderRange(node, dot);
    else {
      const value = this.#run(node.pipeline, dot);
      const inner = node.type === "with" ? value : dot;
      ending = isTrue(value) ? this.#renderBody(node.body, inner) : this.#renderBody(node.otherwise, dot);
    }
    this.#variables.length = declared;
    return ending;
  }

  #renderRange(node: Extract<TemplateNode, { readonly body: Body }>, dot: Value): Ending {
    const { pipeline, body, otherwise } = node;
    const entries = entriesToRange(this.#context, this.#run({ ...pipeline, variables: [] }, dot));
    if (entries.length === 0) return this.#renderBody(otherwise, dot);
    const declared = this.#variables.length;
    for (const [key, value] of entries) {
      const [first, second] = pipeline.variables;
      if (second !== undefined) this.#set(pipeline, first as string, key);
      if (first !== undefined) this.#set(pipeline, second ?? first, value);
      const ending = this.#renderBody(body, value);
      this.#variables.length = declared;
      if (ending === "break") break;
    }
    return "end";
  }

  #set({ isAssignment }: Pipeline, name: string, value: Value): void {
    const known = isAssignment ? this.#variables.findLast((variable) => variable.name === name) : undefined;
    if (known === undefined) this.#variables.push({ name, value });
    else known.value = value;
  }

  #run(pipeline: Pipeline, dot: Value): Value {
    let value: Value | undefined;
    for (const command of pipeline.commands) value = this.#runCommand(command, dot, value);
    const [name] = pipeline.variables;
    if (name !== undefined) this.#set(pipeline, name, value ?? null);
    return value ?? null;
  }

  /** `last` is the result of the command before. */
  #runCommand(command: Command, dot: Value, last: Value | undefined): Value {
    this.#context.spend(command.length);
    const [first, ...rest] = command;
    if (first?.type !== "function") {
      if (last !== undefined) throw new TemplateFault("can't give argument to non-function");
      return this.#operand(first as Operand, dot);
    }
    if (first.name === "and" || first.name === "or") return this.#runLogic(first.name === "and", rest, dot, last);
    const args = rest.map((operand) => this.#operand(operand, dot));
    if (last !== undefined) args.push(last);
    // The parser let only known functions pass.
    const value = TEMPLATE_FUNCTIONS.get(first.name)?.(this.#context, ...args) ?? null;
    // What is paid for now bounds what the next function can make of it.
    if (typeof value === "string") this.#context.spend(value.length >>> 3);
    return value;
  }

  /** The first argument that decides, and else the last. */
  #runLogic(isAnd: boolean, operands: readonly Operand[], dot: Value, last: Value | undefined): Value {
    let value: Value | undefined;
    for (const operand of operands) {
      value = this.#operand(operand, dot);
      if (isTrue(value) !== isAnd) return value;
    }
    const result = last ?? value;
    if (result === undefined) throw new TemplateFault(`wrong number of args for ${isAnd ? "and" : "or"}`);
    return result;
  }

  #operand(operand: Operand, dot: Value): Value {
    switch (operand.type) {
      case "constant":
        return operand.value;
      case "nil":
        return null;
      case "dot":
        return dot;
      case "function":
        return this.#runCommand([operand], dot, undefined);
      case "field":
        return operand.names.reduce(fieldOf, this.#base(operand.of, dot));
    }
  }

  #base(base: FieldBase, dot: Value): Value {
    if (base.type === "dot") return dot;
    if (base.type === "pipeline") return this.#run(base.pipeline, dot);
    // The parser let only declared variables pass; those of a loop that did not run are null.
    return this.#variables.findLast((variable) => variable.name === base.name)?.value ?? null;
  }
}

function fieldOf(value: Value, name: string): Value {
  if (value === null) return null;
  if (!isObject(value)) throw new TemplateFault(`can't evaluate field ${name}`);
  return memberOf(value, name) ?? null;
}

/** A number is ranged over as the integers below it. */
function entriesToRange(context: BuiltinContext, value: Value): readonly (readonly [Value, Value])[] {
  if (value === null) return [];
  if (typeof value === "number" && Number.isInteger(value)) {
    context.spend(Math.max(value, 0));
    return Array.from({ length: Math.max(value, 0) }, (_, i) => [i, i] as const);
  }
  if (isArray(value)) return value.map((item, i) => [i, item] as const);
  if (isObject(value)) return sortedKeysOf(value).map((key) => [key, memberOf(value, key) as Value] as const);
  throw new TemplateFault(`range can't iterate over ${printResult(value)}`);
}
