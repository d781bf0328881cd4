import type { Body, Term } from "./ast.ts";
import { tokenize } from "./lexer.ts";
import { StatementReader } from "./statement-reader.ts";
import { Refusal } from "./token-reader.ts";

/** A text that is one query or one term. */
class QueryReader extends StatementReader {
  parseQuery(): Body {
    return this.parseBody("eof");
  }

  parseOnlyTerm(): Term {
    const term = this.parseTerm();
    if (!this.isAtEnd()) this.unexpected("expected the end of the term");
    return term;
  }
}

export function readQuery(text: string, file: string, version: 0 | 1): Body | Refusal {
  return orRefusal(() => new QueryReader(tokenize(text, file).tokens, version).parseQuery());
}

export function readTerm(text: string, file: string): Term | Refusal {
  return orRefusal(() => new QueryReader(tokenize(text, file).tokens, 1).parseOnlyTerm());
}

function orRefusal<T>(read: () => T): T | Refusal {
  try {
    return read();
  } catch (refusal) {
    if (refusal instanceof Refusal) return refusal;
    throw refusal;
  }
}
