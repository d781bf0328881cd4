import type { Location } from "./ast.ts";

/**
 * `name` is any word: which words are keywords depends on the imports above it, so the parser decides.
 * A template string without expressions is one `template`; with them it is `template-head` (`$"…{`),
 * `template-middle` (`}…{`) for each further piece of text, and `template-tail` (`}…"`).
 */
export type TokenKind =
  | "name"
  | "number"
  | "string"
  | "template"
  | "template-head"
  | "template-middle"
  | "template-tail"
  | "symbol"
  | "illegal"
  | "eof";

export interface Token {
  readonly kind: TokenKind;
  /** A name, number or symbol as written; a string's or template's text decoded; of an illegal token what is wrong. */
  readonly text: string;
  /** How a string or template was quoted; `quoted` for any other token. */
  readonly form: "quoted" | "raw";
  /** Of an illegal token: of the character that is wrong. */
  readonly location: Location;
  /** Blanks or a comment stand before it: `a [0]` is no reference. */
  readonly hasSpaceBefore: boolean;
  readonly hasNewlineBefore: boolean;
}

/** The words that are keywords in every version. */
export const KEYWORDS: readonly string[] = [
  "package",
  "import",
  "as",
  "default",
  "else",
  "not",
  "some",
  "with",
  "null",
  "true",
  "false",
];

/** Keywords of Rego v1. In v0 each needs `import future.keywords.…`, or all of them `import rego.v1`. */
export const V1_KEYWORDS: readonly string[] = ["contains", "every", "if", "in"];

export interface InfixOperator {
  /** The builtin that it calls. */
  readonly builtin: string;
  /** Higher binds tighter; all of them associate to the left. */
  readonly binding: number;
}

/** Everything but `in`, which is a keyword and binds loosest. */
export const INFIX_OPERATORS: ReadonlyMap<string, InfixOperator> = new Map([
  ["==", { builtin: "equal", binding: 1 }],
  ["!=", { builtin: "neq", binding: 1 }],
  ["<", { builtin: "lt", binding: 1 }],
  ["<=", { builtin: "lte", binding: 1 }],
  [">", { builtin: "gt", binding: 1 }],
  [">=", { builtin: "gte", binding: 1 }],
  ["|", { builtin: "or", binding: 2 }],
  ["&", { builtin: "and", binding: 3 }],
  ["+", { builtin: "plus", binding: 4 }],
  ["-", { builtin: "minus", binding: 4 }],
  ["*", { builtin: "mul", binding: 5 }],
  ["/", { builtin: "div", binding: 5 }],
  ["%", { builtin: "rem", binding: 5 }],
]);

/** What an error message calls a token that is no keyword; operators by OPA's names, as its users know them. */
export function nameOfToken(token: Token): string {
  switch (token.kind) {
    case "name":
      return "identifier";
    case "symbol":
      if (token.text === "=") return "eq";
      if (token.text === ":=") return "assign";
      return INFIX_OPERATORS.get(token.text)?.builtin ?? token.text;
    case "template-head":
    case "template-middle":
    case "template-tail":
      return "template";
    default:
      return token.kind;
  }
}
