import type { RegoErrorCode } from "../errors.ts";
import type { Location, Term } from "./ast.ts";
import { KEYWORDS, nameOfToken, type Token, V1_KEYWORDS } from "./tokens.ts";

/**
 * Terms and bodies inside each other, and operators in one chain (`1 + 1 + …` nests to the left). Far more than
 * people write, far less than would overflow the stack of whoever walks the tree.
 */
export const NESTING_MAX = 250;

/** Why a text is no Rego. Thrown inside the parser alone; its door catches it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly location: Location;
  readonly code: RegoErrorCode;
  constructor(message: string, location: Location, code: RegoErrorCode = "rego_parse_error") {
    super(message);
    this.location = location;
    this.code = code;
  }
}

interface Remembered {
  readonly term: Term;
  readonly next: number;
  readonly height: number;
}

/** The tokens in front of a parser, and what bounds its work: nesting, and memory of what was read on trial. */
export class TokenReader {
  protected readonly tokens: readonly Token[];
  /** The version asked for. `import rego.v1` adds keywords, and does not change it. */
  protected readonly version: 0 | 1;
  readonly #keywords: Set<string>;
  #position = 0;
  /** The keyword at this position is the name that begins a reference: `input.x == 1; if.foo`. */
  #nameAt = -1;
  /** What is open around the current token. */
  #depth = 0;
  /** The tallest term that was finished inside the innermost open one. */
  #height = 0;
  #trials = 0;
  readonly #remembered = new Map<number, Remembered | Refusal>();

  constructor(tokens: readonly Token[], version: 0 | 1) {
    this.tokens = tokens;
    this.version = version;
    this.#keywords = new Set(version === 1 ? [...KEYWORDS, ...V1_KEYWORDS] : KEYWORDS);
  }

  protected get position(): number {
    return this.#position;
  }

  protected get token(): Token {
    return this.tokens[this.#position] as Token;
  }

  /** Takes the current token; the last one, `eof`, stays. */
  protected advance(): Token {
    const token = this.token;
    if (token.kind !== "eof") this.#position++;
    return token;
  }

  protected rewind(position: number): void {
    this.#position = position;
  }

  /** Begins a rule or a query: nothing is open, and nothing need be remembered. */
  protected begin(): void {
    this.#depth = 0;
    this.#height = 0;
    this.#trials = 0;
    this.#nameAt = -1;
    this.#remembered.clear();
  }

  protected isAtEnd(): boolean {
    return this.token.kind === "eof";
  }

  protected at(symbol: string): boolean {
    const token = this.token;
    return token.kind === "symbol" && token.text === symbol;
  }

  protected take(symbol: string): boolean {
    if (!this.at(symbol)) return false;
    this.#position++;
    return true;
  }

  protected addKeywords(words: Iterable<string>): void {
    for (const word of words) this.#keywords.add(word);
    // `every x in xs` needs both.
    if (this.#keywords.has("every")) this.#keywords.add("in");
  }

  protected atKeyword(word: string): boolean {
    return this.token.text === word && this.isAtKeyword();
  }

  protected isAtKeyword(): boolean {
    const token = this.token;
    return token.kind === "name" && this.#keywords.has(token.text) && this.#position !== this.#nameAt;
  }

  protected isAtName(): boolean {
    return this.token.kind === "name" && !this.isAtKeyword();
  }

  /** A keyword directly before `.` or `[` may be a name (OPA's feature `keywords_in_refs`): `if.foo`, `not["x"]`. */
  protected isAtKeywordReference(): boolean {
    if (!this.isAtKeyword()) return false;
    const next = this.tokens[this.#position + 1] as Token;
    return next.kind === "symbol" && (next.text === "." || next.text === "[") && !next.hasSpaceBefore;
  }

  /** A keyword behind a term, where one directly before `.` or `[` begins the next statement. */
  protected follows(word: string): boolean {
    return this.atKeyword(word) && !this.isAtKeywordReference();
  }

  protected readAsName(): void {
    this.#nameAt = this.#position;
    // It may have been tried, and refused, as a keyword.
    this.#remembered.delete(this.#position);
  }

  /** From a token to the last one taken. */
  protected spanFrom(start: Location): Location {
    const last = this.tokens[this.#position - 1] as Token;
    return { file: start.file, row: start.row, col: start.col, start: start.start, end: last.location.end };
  }

  protected refuse(message: string, location: Location = this.token.location): never {
    throw new Refusal(message, location);
  }

  /** The current token cannot stand here; `note` says what could. */
  protected unexpected(note?: string): never {
    const token = this.token;
    if (token.kind === "illegal") this.refuse(token.text);
    const what = this.isAtKeyword() ? `${token.text} keyword` : `${nameOfToken(token)} token`;
    this.refuse(`unexpected ${what}${note === undefined ? "" : `: ${note}`}${this.#hint(token)}`);
  }

  #hint(token: Token): string {
    if (token.kind !== "name" || this.#keywords.has(token.text) || !V1_KEYWORDS.includes(token.text)) return "";
    return ` (hint: \`import rego.v1\` makes ${token.text} a keyword)`;
  }

  /** Reads what stands inside brackets. */
  protected nest<T>(read: () => T): T {
    return this.measure(() => {
      const node = this.descend(read);
      this.grow();
      return node;
    });
  }

  /** Reads one level deeper; the stack is bounded by this. */
  protected descend<T>(read: () => T): T {
    if (++this.#depth > NESTING_MAX) this.refuse(TOO_DEEP);
    const node = read();
    this.#depth--;
    return node;
  }

  /** Reads one of several neighbours: the tallest counts, not their sum. */
  protected measure<T>(read: () => T): T {
    const tallest = this.#height;
    this.#height = 0;
    const node = read();
    if (this.#height < tallest) this.#height = tallest;
    return node;
  }

  /** The term in hand becomes part of another one. */
  protected grow(): void {
    if (++this.#height > NESTING_MAX) this.refuse(TOO_DEEP);
  }

  /** Reads what may have to be read again as something else. */
  protected tryOut<T>(read: () => T): T {
    this.#trials++;
    const result = read();
    this.#trials--;
    return result;
  }

  /** The same, where a refusal means something else as well: then undefined, and nothing is taken. */
  protected attempt<T>(read: () => T | undefined): T | undefined {
    const position = this.#position;
    const depth = this.#depth;
    const height = this.#height;
    const trials = this.#trials;
    let result: T | undefined;
    try {
      result = this.tryOut(read);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
    }
    if (result === undefined) {
      this.#position = position;
      this.#depth = depth;
      this.#height = height;
      this.#trials = trials;
    }
    return result;
  }

  /**
   * Reads a term that a trial may have read already. INVARIANT: a term depends on nothing but where it begins (and
   * `readAsName`), so that trials inside trials, each read twice, still cost one reading of the text.
   */
  protected remember(read: () => Term): Term {
    const start = this.#position;
    const known = this.#remembered.get(start);
    if (known instanceof Refusal) throw known;
    if (known !== undefined) {
      this.#position = known.next;
      if (this.#height < known.height) this.#height = known.height;
      return known.term;
    }
    return this.#trials === 0 ? read() : this.#readAndRemember(start, read);
  }

  #readAndRemember(start: number, read: () => Term): Term {
    try {
      return this.measure(() => {
        const term = read();
        this.#remembered.set(start, { term, next: this.#position, height: this.#height });
        return term;
      });
    } catch (refusal) {
      if (refusal instanceof Refusal) this.#remembered.set(start, refusal);
      throw refusal;
    }
  }
}

const TOO_DEEP = `nesting too deep: at most ${NESTING_MAX} terms inside each other`;
