import { LimitExceeded } from "../limits.ts";
import { type CommentGroup, GraphqlRefusal, NESTING_MAX, type Position } from "./graphql-ast.ts";
import { GraphqlLexer, type Token, type TokenKind } from "./graphql-lexer.ts";

/** Reads a text token by token, and keeps where each node was written. Refuses in gqlparser's words. */
export class GraphqlReader {
  readonly #lexer: GraphqlLexer;
  readonly #spend: (steps: number) => void;
  readonly #positions = new Map<object, Position>();
  #token: Token;
  #depth = 0;

  constructor(text: string, spend: (steps: number) => void) {
    this.#lexer = new GraphqlLexer(text);
    this.#spend = spend;
    this.#token = this.#lexer.next();
  }

  /** The one that is to be read next. */
  get token(): Token {
    return this.#token;
  }

  get positions(): ReadonlyMap<object, Position> {
    return this.#positions;
  }

  /** Notes where a node was written. */
  at<Node extends object>(position: Position, node: Node): Node {
    this.#positions.set(node, position);
    return node;
  }

  next(): Token {
    const token = this.#token;
    this.#spend(1 + token.comments.length);
    this.#token = this.#lexer.next();
    return token;
  }

  skip(kind: TokenKind): boolean {
    if (this.#token.kind !== kind) return false;
    this.next();
    return true;
  }

  isKeyword(keyword: string): boolean {
    return this.#token.kind === "Name" && this.#token.value === keyword;
  }

  expect(kind: TokenKind): Token {
    if (this.#token.kind !== kind) throw refusalAt(this.#token, `Expected ${kind}, found ${this.#token.kind}`);
    return this.next();
  }

  expectKeyword(keyword: string): Token {
    if (!this.isKeyword(keyword))
      throw refusalAt(this.#token, `Expected ${JSON.stringify(keyword)}, found ${describe(this.#token)}`);
    return this.next();
  }

  unexpected(token: Token = this.#token): GraphqlRefusal {
    return refusalAt(token, `Unexpected ${describe(token)}`);
  }

  name(): string {
    return this.expect("Name").value;
  }

  /** What stands between brackets, which may be nothing. */
  many<Item>(open: TokenKind, close: TokenKind, parse: () => Item): readonly Item[] {
    this.expect(open);
    const items = this.#until(close, parse);
    this.next();
    return items;
  }

  /** At least one between brackets. */
  block<Item>(open: TokenKind, close: TokenKind, parse: () => Item): Block<Item> {
    this.expect(open);
    const items = this.#until(close, parse);
    if (items.length === 0) throw refusalAt(this.#token, `expected at least one definition, found ${close}`);
    return { items, comments: commentGroup(this.next()) };
  }

  /** Nothing at all, or a block. */
  optionalBlock<Item>(open: TokenKind, close: TokenKind, parse: () => Item): Block<Item> {
    return this.#token.kind === open ? this.block(open, close, parse) : { items: [], comments: undefined };
  }

  /** The items of an optional block. */
  some<Item>(open: TokenKind, close: TokenKind, parse: () => Item): readonly Item[] {
    return this.optionalBlock(open, close, parse).items;
  }

  nest<Result>(parse: () => Result): Result {
    if (++this.#depth > NESTING_MAX) throw new LimitExceeded("nesting");
    const result = parse();
    this.#depth--;
    return result;
  }

  #until<Item>(close: TokenKind, parse: () => Item): readonly Item[] {
    return this.nest(() => {
      const items: Item[] = [];
      while (this.#token.kind !== close) items.push(parse());
      return items;
    });
  }
}

export interface Block<Item> {
  readonly items: readonly Item[];
  /** Before the closing bracket. */
  readonly comments: CommentGroup | undefined;
}

/** The comments in front of a token. */
export function commentGroup(token: Token): CommentGroup | undefined {
  return token.comments.length === 0 ? undefined : { List: token.comments.map((comment) => ({ Value: comment })) };
}

function refusalAt(token: Token, message: string): GraphqlRefusal {
  return new GraphqlRefusal(message, token.position);
}

function describe(token: Token): string {
  return token.value === "" ? token.kind : `${token.kind} ${JSON.stringify(token.value)}`;
}
