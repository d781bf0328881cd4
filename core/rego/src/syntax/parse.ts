import { err, ok, type Result } from "@vedette/base";
import type { RegoError } from "../errors.ts";
import { annotate } from "./annotations.ts";
import type { Body, Location, Module, Term } from "./ast.ts";
import { tokenize } from "./lexer.ts";
import { ERRORS_MAX, ModuleReader } from "./module-reader.ts";
import { readQuery, readTerm } from "./query-reader.ts";
import { Refusal } from "./token-reader.ts";

/** UTF-16 code units. Policies that people write stay far below a megabyte; what is generated should be data. */
export const TEXT_LENGTH_MAX: number = 16 << 20;

export interface ParseOptions {
  readonly file: string;
  /** 0 is the syntax before OPA 1.0; `import rego.v1` asks for 1 from within. 1 when not given. */
  readonly regoVersion?: 0 | 1;
}

/**
 * Reads a module as OPA does (policy language and grammar of its reference). Its errors are `rego_parse_error`s (metadata
 * declared twice is a `rego_type_error`), ten at most, the first of them where OPA would stop. Total: no text makes it throw, recurse too deep, or take
 * more than time proportional to its length.
 */
export function parseModule(text: string, options: ParseOptions): Result<Module, readonly RegoError[]> {
  const { file, regoVersion = 1 } = options;
  if (text.length > TEXT_LENGTH_MAX) return refused([tooLong(file)]);
  const { tokens, comments } = tokenize(text, file);
  const read = new ModuleReader(tokens, regoVersion).parseModule();
  if (!("rules" in read)) return refused(read);
  const annotated = annotate(comments, read);
  if (!("rules" in annotated)) return refused(annotated);
  return ok({ file, text, ...read, ...annotated, comments });
}

/** Reads statements separated by newlines or `;`: `x := 1; data.foo[y]`. */
export function parseQuery(text: string, options?: Partial<ParseOptions>): Result<Body, readonly RegoError[]> {
  const { file = "", regoVersion = 1 } = options ?? {};
  if (text.length > TEXT_LENGTH_MAX) return refused([tooLong(file)]);
  const body = readQuery(text, file, regoVersion);
  return body instanceof Refusal ? refused([body]) : ok(body);
}

/** Reads one term, whether or not it has variables. */
export function parseTerm(text: string): Result<Term, readonly RegoError[]> {
  if (text.length > TEXT_LENGTH_MAX) return refused([tooLong("")]);
  const term = readTerm(text, "");
  return term instanceof Refusal ? refused([term]) : ok(term);
}

function refused(refusals: readonly Refusal[]): Result<never, readonly RegoError[]> {
  return err(
    refusals.slice(0, ERRORS_MAX).map(({ code, message, location }): RegoError => ({ code, message, location })),
  );
}

function tooLong(file: string): Refusal {
  const location: Location = { file, row: 1, col: 1, start: 0, end: 0 };
  return new Refusal(`text too long: at most ${TEXT_LENGTH_MAX} characters`, location);
}
