import { parseNumber } from "../values/big-number.ts";
import type { Value } from "../values/value.ts";
import { type Piece, readPieces, type Token } from "./template-lexer.ts";
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
import { resolveNumber } from "./yaml-scalar.ts";

/** Blocks and parentheses inside each other. */
const NESTING_MAX = 200;

/** Reads a template of Go's `text/template`; what calls into a program (`call`, methods) is not there. */
export function parseTemplate(text: string, functions: ReadonlySet<string>): Template {
  const parser = new Parser(readPieces(text), functions);
  const main = parser.parseBody([], 0).body;
  return { main, bodyByName: parser.bodyByName };
}

interface Ended {
  readonly body: Body;
  /** What ended the body: `end`, `else …`; undefined at the end of the text. */
  readonly by: readonly Token[] | undefined;
}

class Parser {
  readonly #pieces: readonly Piece[];
  readonly #functions: ReadonlySet<string>;
  readonly bodyByName = new Map<string, Body>();
  #next = 0;

  constructor(pieces: readonly Piece[], functions: ReadonlySet<string>) {
    this.#pieces = pieces;
    this.#functions = functions;
  }

  parseBody(variables: readonly string[], depth: number, isInLoop = false): Ended {
    if (depth > NESTING_MAX) throw new TemplateFault("blocks are nested too deep");
    const body: TemplateNode[] = [];
    const scope = [...variables];
    while (this.#next < this.#pieces.length) {
      const piece = this.#pieces[this.#next++] as Piece;
      if (typeof piece === "string") body.push({ type: "text", text: piece });
      else if (isWord(piece[0], "end") || isWord(piece[0], "else")) {
        if (depth === 0) throw new TemplateFault(`unexpected {{${piece[0]?.text}}}`);
        return { body, by: piece };
      } else body.push(...this.#parseAction(piece, scope, depth, isInLoop));
    }
    if (depth > 0) throw new TemplateFault("unexpected EOF");
    return { body, by: undefined };
  }

  #parseAction(tokens: readonly Token[], scope: string[], depth: number, isInLoop: boolean): TemplateNode[] {
    const word = tokens[0]?.kind === "identifier" ? tokens[0].text : "";
    const rest = tokens.slice(1);
    switch (word) {
      case "if":
      case "with":
      case "range":
        return [this.#parseControl(word, rest, scope, depth, isInLoop)];
      case "define":
        if (depth > 0) throw new TemplateFault("unexpected {{define}}");
        this.#define(rest);
        return [];
      case "block": {
        const name = this.#define(rest.slice(0, 1));
        return [{ type: "template", name, pipeline: this.#pipelineOf(rest.slice(1), scope, "block clause") }];
      }
      case "template": {
        const name = stringOf(rest[0], "template clause");
        const argument = rest.slice(1);
        return [
          {
            type: "template",
            name,
            pipeline: argument.length === 0 ? undefined : this.#pipelineOf(argument, scope, "template clause"),
          },
        ];
      }
      case "break":
      case "continue":
        if (!isInLoop) throw new TemplateFault(`{{${word}}} outside {{range}}`);
        if (rest.length > 0) throw new TemplateFault(`unexpected ${rest[0]?.text} in {{${word}}}`);
        return [{ type: word }];
      default: {
        const pipeline = this.#pipelineOf(tokens, scope, "command");
        if (!pipeline.isAssignment) scope.push(...pipeline.variables);
        return [{ type: "action", pipeline }];
      }
    }
  }

  #parseControl(
    type: "if" | "with" | "range",
    tokens: readonly Token[],
    scope: readonly string[],
    depth: number,
    isInLoop: boolean,
  ): TemplateNode {
    const pipeline = this.#pipelineOf(tokens, scope, type, type === "range");
    const inner = [...scope, ...pipeline.variables];
    const { body, by } = this.parseBody(inner, depth + 1, isInLoop || type === "range");
    if (isWord(by?.[0], "end")) return { type, pipeline, body, otherwise: [] };
    const chained = by?.[1];
    // `{{else if …}}` is an `if` inside of `else`, and both end together.
    if (type !== "range" && chained !== undefined && isWord(chained, type))
      return {
        type,
        pipeline,
        body,
        otherwise: [this.#parseControl(type, by?.slice(2) ?? [], inner, depth + 1, isInLoop)],
      };
    if (chained !== undefined) throw new TemplateFault(`unexpected ${chained.text} in else`);
    const otherwise = this.parseBody(inner, depth + 1, isInLoop);
    if (!isWord(otherwise.by?.[0], "end")) throw new TemplateFault("expected end; found {{else}}");
    return { type, pipeline, body, otherwise: otherwise.body };
  }

  #define(tokens: readonly Token[]): string {
    const name = stringOf(tokens[0], "define clause");
    if (tokens.length > 1) throw new TemplateFault(`unexpected ${tokens[1]?.text} in define clause`);
    const { body, by } = this.parseBody([], 1);
    if (!isWord(by?.[0], "end")) throw new TemplateFault("unexpected {{else}}");
    // Of two templates with one name, one must be blank.
    if (isBlank(body)) this.bodyByName.set(name, this.bodyByName.get(name) ?? body);
    else if (isBlank(this.bodyByName.get(name) ?? [])) this.bodyByName.set(name, body);
    else throw new TemplateFault(`multiple definition of template "${name}"`);
    return name;
  }

  #pipelineOf(tokens: readonly Token[], scope: readonly string[], where: string, isRange = false): Pipeline {
    const reader = new PipelineReader(tokens, this.#functions, scope);
    const pipeline = reader.readPipeline(where, isRange, 0);
    reader.expectEnd(where);
    return pipeline;
  }
}

function isBlank(body: Body): boolean {
  return body.every((node) => node.type === "text" && node.text.trim() === "");
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === "identifier" && token.text === word;
}

function stringOf(token: Token | undefined, where: string): string {
  if (token?.kind !== "string") throw new TemplateFault(`unexpected ${token?.text ?? "end"} in ${where}`);
  return unquote(token.text);
}

class PipelineReader {
  readonly #tokens: readonly Token[];
  readonly #functions: ReadonlySet<string>;
  readonly #scope: readonly string[];
  #at = 0;

  constructor(tokens: readonly Token[], functions: ReadonlySet<string>, scope: readonly string[]) {
    this.#tokens = tokens;
    this.#functions = functions;
    this.#scope = scope;
  }

  readPipeline(where: string, isRange: boolean, depth: number): Pipeline {
    if (depth > NESTING_MAX) throw new TemplateFault("parentheses are nested too deep");
    const { variables, isAssignment } = depth > 0 ? NO_VARIABLES : this.#readVariables(isRange);
    const commands = [this.#readCommand(where, depth)];
    while (this.#takes("|")) commands.push(this.#readCommand(where, depth));
    if (commands.slice(1).some(([first]) => first !== undefined && isConstant(first)))
      throw new TemplateFault("non executable command in pipeline");
    return { variables, isAssignment, commands };
  }

  expectEnd(where: string): void {
    const token = this.#tokens[this.#at];
    if (token !== undefined) throw new TemplateFault(`unexpected ${token.text} in ${where}`);
  }

  #readVariables(isRange: boolean): Pick<Pipeline, "variables" | "isAssignment"> {
    const [first, second, third, fourth] = this.#tokens;
    if (first?.kind !== "variable") return NO_VARIABLES;
    if (isRange && second?.text === "," && third?.kind === "variable" && isDeclaration(fourth)) {
      this.#at = 4;
      return this.#declare([first.text, third.text], fourth?.text === "=");
    }
    if (!isDeclaration(second)) return NO_VARIABLES;
    this.#at = 2;
    return this.#declare([first.text], second?.text === "=");
  }

  #declare(variables: readonly string[], isAssignment: boolean): Pick<Pipeline, "variables" | "isAssignment"> {
    if (isAssignment) for (const name of variables) this.#checkVariable(name);
    return { variables, isAssignment };
  }

  #checkVariable(name: string): void {
    if (name !== "$" && !this.#scope.includes(name)) throw new TemplateFault(`undefined variable "${name}"`);
  }

  #readCommand(where: string, depth: number): Command {
    const operands: Operand[] = [];
    for (let operand = this.#readOperand(depth); operand !== undefined; operand = this.#readOperand(depth))
      operands.push(operand);
    const [first] = operands;
    if (first === undefined) throw new TemplateFault(`missing value for ${where}`);
    if (first.type === "nil") throw new TemplateFault("nil is not a command");
    if (operands.length > 1 && first.type !== "function")
      throw new TemplateFault("can't give argument to non-function");
    return operands;
  }

  #readOperand(depth: number): Operand | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined || (token.kind === "symbol" && token.text !== "(")) return undefined;
    this.#at++;
    switch (token.kind) {
      case "identifier":
        return this.#wordOperand(token.text);
      case "field":
        return { type: "field", of: { type: "dot" }, names: [token.text.slice(1), ...this.#readChain()] };
      case "variable":
        this.#checkVariable(token.text);
        return this.#withChain({ type: "variable", name: token.text });
      case "dot":
        return { type: "dot" };
      case "symbol": {
        const pipeline = this.readPipeline("parenthesized pipeline", false, depth + 1);
        if (!this.#takes(")")) throw new TemplateFault("unclosed left paren");
        return this.#withChain({ type: "pipeline", pipeline });
      }
      default:
        return { type: "constant", value: constantOf(token) };
    }
  }

  #wordOperand(word: string): Operand {
    if (word === "true" || word === "false") return { type: "constant", value: word === "true" };
    if (word === "nil") return { type: "nil" };
    if (!this.#functions.has(word)) throw new TemplateFault(`function "${word}" not defined`);
    return { type: "function", name: word };
  }

  #withChain(of: FieldBase): Operand {
    return { type: "field", of, names: this.#readChain() };
  }

  #readChain(): readonly string[] {
    const names: string[] = [];
    for (
      let token = this.#tokens[this.#at];
      token?.kind === "field" && !token.hasSpaceBefore;
      token = this.#tokens[this.#at]
    ) {
      names.push(token.text.slice(1));
      this.#at++;
    }
    return names;
  }

  #takes(symbol: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "symbol" || token.text !== symbol) return false;
    this.#at++;
    return true;
  }
}

const NO_VARIABLES: Pick<Pipeline, "variables" | "isAssignment"> = { variables: [], isAssignment: false };

function isDeclaration(token: Token | undefined): boolean {
  return token?.text === ":=" || token?.text === "=";
}

function isConstant(operand: Operand): boolean {
  return operand.type === "constant" || operand.type === "dot";
}

function constantOf(token: Token): Value {
  if (token.kind === "string") return unquote(token.text);
  if (token.kind === "character") return characterCode(token.text);
  const number = resolveNumber(token.text) ?? parseNumber(token.text);
  if (number === undefined) throw new TemplateFault(`bad number syntax: "${token.text}"`);
  return number;
}

function characterCode(literal: string): number {
  const [character, more] = Array.from(unquote(literal));
  if (character === undefined || more !== undefined)
    throw new TemplateFault(`malformed character constant: ${literal}`);
  return character.codePointAt(0) as number;
}

// The Go language specification, "Rune literals".
const ESCAPE: RegExp = /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{3})|(.))/gs;
const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["a", "\u0007"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
  ["\\", "\\"],
  ["'", "'"],
  ['"', '"'],
]);

function unquote(literal: string): string {
  const inner = literal.slice(1, -1);
  if (literal.startsWith("`")) return inner;
  return inner.replace(ESCAPE, (written, byte, short, long, octal, simple) => {
    const code = Number.parseInt(byte ?? short ?? long ?? "", 16);
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    const character = Number.isNaN(code) ? SIMPLE_ESCAPES.get(simple) : characterOf(code);
    if (character === undefined) throw new TemplateFault(`bad escape ${written}`);
    return character;
  });
}

function characterOf(code: number): string | undefined {
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
