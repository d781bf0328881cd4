import { type LocatedJsonError, ok, parseLocatedJson, type Result } from "@vedette/base";

const LENGTH_MAX = 134_217_728;
const DEPTH_MAX = 64;
/** A list of names or numbers up to this long stays on its line. */
const LINE_LENGTH_MAX = 100;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/**
 * JSON with two spaces for each level: members in their order, strings and numbers letter for letter as they were,
 * lists without lists or objects in them on one line where they fit. What it gives is laid out already.
 */
export function layOutJson(text: string): Result<string, LocatedJsonError> {
  const parsed = parseLocatedJson(text, { length: LENGTH_MAX, depth: DEPTH_MAX });
  if (!parsed.ok) return parsed;
  return ok(`${new Layout(text.match(TOKEN) ?? []).value("")}\n`);
}

class Layout {
  readonly #tokens: readonly string[];
  #at = 0;

  /** Of a text that is known to be JSON. */
  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  value(indent: string): string {
    const token = this.#next();
    if (token === "[") return this.#list(indent);
    return token === "{" ? this.#object(indent) : token;
  }

  #list(indent: string): string {
    const items: string[] = [];
    const start = this.#at;
    while (this.#tokens[this.#at] !== "]") {
      items.push(this.value(`${indent}  `));
      if (this.#tokens[this.#at] === ",") this.#at++;
    }
    const isFlat = this.#tokens.slice(start, this.#at).every((token) => token !== "[" && token !== "{");
    this.#at++;
    const line = `[${items.join(", ")}]`;
    return items.length === 0 || (isFlat && indent.length + line.length <= LINE_LENGTH_MAX)
      ? line
      : enclose("[", items, "]", indent);
  }

  #object(indent: string): string {
    const members: string[] = [];
    while (this.#tokens[this.#at] !== "}") {
      const name = this.#next();
      this.#at++;
      members.push(`${name}: ${this.value(`${indent}  `)}`);
      if (this.#tokens[this.#at] === ",") this.#at++;
    }
    this.#at++;
    return members.length === 0 ? "{}" : enclose("{", members, "}", indent);
  }

  #next(): string {
    return this.#tokens[this.#at++] ?? "";
  }
}

function enclose(open: string, parts: readonly string[], close: string, indent: string): string {
  return `${open}\n${parts.map((part) => `${indent}  ${part}`).join(",\n")}\n${indent}${close}`;
}
