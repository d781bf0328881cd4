import { type PreparedQuery, type QueryFailure, type QueryOptions, type Value, valueToJson } from "@vedette/rego";

/** What a query said, and whether it missed something of the input. */
export interface CachedAnswer {
  readonly value: Value | undefined;
  readonly failure: QueryFailure | undefined;
  readonly hasMissed: boolean;
  /** It was not evaluated for this request, but for an equal one before. */
  readonly isHit: boolean;
}

/**
 * Below this many steps an evaluation is faster than finding its answer: a key of a few members takes about as long as
 * a microsecond of evaluation.
 */
const STEPS_MIN = 200;
/** Answers kept for one query; the oldest gives way. About a megabyte with keys of the length below. */
const ENTRIES_MAX = 4_096;
/** A longer key costs more than it saves. */
const KEY_LENGTH_MAX = 256;

/**
 * Keeps answers of one query of one policy generation (PROTOCOLS 5.3). The key is the whole projection of the input that
 * the compiled rules read, in full, not a hash of it. Queries that ask the clock or draw numbers are not kept, nor those
 * that read the whole input; nor are failures.
 */
export class AnswerCache {
  readonly #query: PreparedQuery;
  readonly #projection: readonly (readonly string[])[] | undefined;
  #answers = new Map<string, CachedAnswer>();
  #costs: number[] = [];

  constructor(query: PreparedQuery, projection: readonly (readonly string[])[] | undefined) {
    this.#query = query;
    this.#projection = projection?.some((path) => path.length === 0) ? undefined : projection;
  }

  /** Forgets everything at once: a revocation or a quarantine may have changed what is true. */
  flush(): void {
    this.#answers = new Map();
  }

  ask(options: QueryOptions): CachedAnswer {
    const key = this.#isWorthIt ? this.#keyOf(options.input) : undefined;
    const known = key === undefined ? undefined : this.#answers.get(key);
    if (known !== undefined) return { ...known, isHit: true };
    const answer = this.#evaluate(options);
    if (key !== undefined && answer.failure === undefined) this.#keep(key, answer);
    return answer;
  }

  /** Judged by the first evaluations; deterministic, as steps are. */
  get #isWorthIt(): boolean {
    if (this.#projection === undefined) return false;
    return this.#costs.length > 0 && Math.max(...this.#costs) >= STEPS_MIN;
  }

  #evaluate(options: QueryOptions): CachedAnswer {
    let hasMissed = false;
    const missed = () => {
      hasMissed = true;
    };
    const rows = this.#query.evaluate({ ...options, observer: { missed } });
    this.#costs = [...this.#costs.slice(-7), this.#query.steps];
    const value = rows.ok ? rows.value[0]?.[0] : undefined;
    return { value, failure: rows.ok ? undefined : rows.error, hasMissed, isHit: false };
  }

  #keep(key: string, answer: CachedAnswer): void {
    const [oldest] = this.#answers.keys();
    if (this.#answers.size >= ENTRIES_MAX && oldest !== undefined) this.#answers.delete(oldest);
    this.#answers.set(key, answer);
  }

  /** Undefined when it would be too long. JSON texts between marks that JSON never has outside of strings. */
  #keyOf(input: Value | undefined): string | undefined {
    let key = "";
    for (const path of this.#projection ?? []) {
      const part = memberAt(input, path);
      key +=
        part === undefined ? "\u0000-" : `\u0000${typeof part === "string" ? JSON.stringify(part) : valueToJson(part)}`;
      if (key.length > KEY_LENGTH_MAX) return undefined;
    }
    return key;
  }
}

function memberAt(input: Value | undefined, path: readonly string[]): Value | undefined {
  let value = input;
  for (const name of path) {
    if (value === null || typeof value !== "object" || Array.isArray(value) || !Object.hasOwn(value, name))
      return undefined;
    value = (value as { readonly [key: string]: Value })[name];
  }
  return value;
}
