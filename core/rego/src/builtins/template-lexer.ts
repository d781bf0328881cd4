import { TemplateFault } from "./template-syntax.ts";

type TokenKind = "identifier" | "field" | "variable" | "string" | "character" | "number" | "dot" | "symbol";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** `.a .b` are two operands, `.a.b` is one. */
  readonly hasSpaceBefore: boolean;
}

/** Text between actions, or the tokens of one action. */
export type Piece = string | readonly Token[];

const SPACES = "[ \\t\\r\\n]";
const COMMENT: RegExp = new RegExp(`^(?:-${SPACES}+)?/\\*`);
const TRIM_AFTER: RegExp = new RegExp(`^${SPACES}*`);

/** Cuts a template into text and actions, without comments and the spaces that `{{- ` and ` -}}` take away. */
export function readPieces(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (let open = text.indexOf("{{"); open >= 0; open = text.indexOf("{{", at)) {
    const trimsBefore = /^-[ \t\r\n]/.test(text.slice(open + 2, open + 4));
    const before = text.slice(at, open);
    pieces.push(trimsBefore ? trimEnd(before) : before);
    const start = open + (trimsBefore ? 4 : 2);
    const action = COMMENT.test(text.slice(open + 2)) ? readComment(text, start) : readAction(text, start);
    if (action.tokens !== undefined) pieces.push(action.tokens);
    at = action.end;
    if (action.trimsAfter) at += TRIM_AFTER.exec(text.slice(at))?.[0].length ?? 0;
  }
  pieces.push(text.slice(at));
  return pieces;
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && " \t\r\n".includes(text[end - 1] as string)) end--;
  return text.slice(0, end);
}

interface Action {
  /** Undefined for a comment. */
  readonly tokens: readonly Token[] | undefined;
  /** Behind the closing braces. */
  readonly end: number;
  readonly trimsAfter: boolean;
}

/** A comment must be all there is between the braces. */
function readComment(text: string, start: number): Action {
  const close = text.indexOf("*/", start);
  if (close < 0) throw new TemplateFault("unclosed comment");
  const end = readClose(text, close + 2);
  if (end === undefined) throw new TemplateFault("comment ends before closing delimiter");
  return { tokens: undefined, ...end };
}

function readClose(text: string, at: number): Pick<Action, "end" | "trimsAfter"> | undefined {
  if (text.startsWith("}}", at)) return { end: at + 2, trimsAfter: false };
  return /[ \t\r\n]/.test(text[at] ?? "") && text.startsWith("-}}", at + 1)
    ? { end: at + 4, trimsAfter: true }
    : undefined;
}

function readAction(text: string, start: number): Action {
  const scanner = new RegExp(TOKEN, "uy");
  const tokens: Token[] = [];
  let at = start;
  for (;;) {
    const close = readClose(text, at);
    if (close !== undefined) return { tokens, ...close };
    const spaces = TRIM_AFTER.exec(text.slice(at))?.[0].length ?? 0;
    // The last space may belong to ` -}}`.
    if (spaces > 0 && readClose(text, at + spaces - 1) !== undefined) {
      at += spaces - 1;
      continue;
    }
    at += spaces;
    if (spaces > 0 && readClose(text, at) !== undefined) continue;
    scanner.lastIndex = at;
    const found = scanner.exec(text);
    if (found === null) throw new TemplateFault(faultAt(text, at));
    tokens.push({ kind: kindOfToken(found), text: found[0], hasSpaceBefore: spaces > 0 });
    at = scanner.lastIndex;
  }
}

function faultAt(text: string, at: number): string {
  const character = text[at];
  if (character === undefined) return "unclosed action";
  if (character === '"' || character === "'") return "unterminated quoted string";
  return character === "`" ? "unterminated raw quoted string" : `unexpected ${JSON.stringify(character)} in command`;
}

const TOKEN: RegExp = new RegExp(
  [
    /(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)/,
    /(?<character>'(?:[^'\\\n]|\\.)+')/,
    /(?<number>[+-]?(?:[0-9]|\.[0-9])[0-9A-Za-z_.]*)/,
    /(?<field>\.[\p{L}_][\p{L}\p{Nd}_]*)/u,
    /(?<variable>\$[\p{L}\p{Nd}_]*)/u,
    /(?<identifier>[\p{L}_][\p{L}\p{Nd}_]*)/u,
    /(?<dot>\.)/,
    /(?<symbol>:=|[=|(),])/,
  ]
    .map((token) => token.source)
    .join("|"),
  "u",
);

function kindOfToken({ groups = {} }: RegExpExecArray): TokenKind {
  // Each alternative of the pattern is a group, and a match is one of them.
  return Object.keys(groups).find((name) => groups[name] !== undefined) as TokenKind;
}
