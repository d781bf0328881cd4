import { readJson, utf8 } from "@vedette/base";

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/**
 * The text over which OPA hashes a structured file of a bundle: members sorted by the UTF-8 bytes of their names, no
 * white space, strings as Go's encoder writes them without HTML escapes, numbers letter for letter as in the file.
 * Takes text that a strict parser has accepted; what it answers is such text again, and unchanged by a second pass.
 */
export function opaJson(text: string): string {
  const tokens = text.match(TOKEN) ?? [];
  return new Writer(tokens).value();
}

class Writer {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  value(): string {
    const token = this.#next();
    if (token === "[") return `[${this.#items("]", () => this.value()).join(",")}]`;
    if (token === "{") {
      const members = this.#items("}", () => this.#member());
      members.sort((a, b) => compareBytes(a.name, b.name));
      return `{${members.map((member) => member.text).join(",")}}`;
    }
    return token.startsWith('"') ? encodeString(decodeString(token)) : token;
  }

  #member(): { name: string; text: string } {
    const name = decodeString(this.#next());
    this.#next();
    return { name, text: `${encodeString(name)}:${this.value()}` };
  }

  #items<T>(close: string, read: () => T): T[] {
    const items: T[] = [];
    while (this.#tokens[this.#at] !== close) {
      items.push(read());
      if (this.#tokens[this.#at] === ",") this.#at++;
    }
    this.#at++;
    return items;
  }

  #next(): string {
    return this.#tokens[this.#at++] ?? "";
  }
}

function decodeString(token: string): string {
  return readJson(token) as string;
}

/** Go escapes the two line separators that older JavaScript did not allow in its source. */
function encodeString(text: string): string {
  return JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

/** The order of UTF-8 bytes; UTF-16 order, which `<` uses, differs beyond U+FFFF. */
function compareBytes(a: string, b: string): number {
  const left = utf8(a);
  const right = utf8(b);
  for (let i = 0; i < left.length && i < right.length; i++) if (left[i] !== right[i]) return left[i]! - right[i]!;
  return left.length - right.length;
}
