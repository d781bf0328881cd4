import { assert } from "@vedette/base";
import { ALWAYS, NO_GUARD } from "./condition.ts";
import type { Frame } from "./frame.ts";
import { FALSE, TRUE, type Truth, UNKNOWN } from "./predicates.ts";
import { findPrefixes } from "./prefix-trie.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";
import {
  ANY_ID_STRIDE,
  ANY_SYMBOL,
  findBucket,
  findList,
  HAS_EXACT,
  HAS_PREFIX,
  MISSING_SYMBOL,
  type RuleIndex,
  WILD_ACTION,
  WILD_RESOURCE,
  WILD_ROLE,
  WILD_SUBJECT,
} from "./rule-index.ts";
import { CONDITION_STRIDE, type CompiledSpend, extrasOf, HAS_SPEND, type RuleTable, stateBit } from "./rule-table.ts";

/** A subject with more roles counts as one whose roles are unknown. */
const ROLES_MAX = 16;
const NOT_INTERNED = -1;
/** Greater than every rule number. */
export const NO_RULE = 0x7fff_ffff;

/** A reservation that the PEP makes durable before the effect (PROTOCOLS 4.3). */
export interface SpendReservation {
  readonly counter: string;
  readonly key: string;
  readonly amount: number;
  readonly limit: number;
  readonly window: CompiledSpend["window"];
}

export interface LimitExceeded {
  readonly counter: string;
  readonly key: string;
  readonly amount: number;
  readonly spent: number;
  readonly limit: number;
}

/**
 * Finds the rule that decides: the lowest number that holds. Keeps its working memory between decisions, so that a
 * decision allocates next to nothing; therefore it answers one question at a time.
 */
export class RuleSearch {
  readonly table: RuleTable;
  readonly #index: RuleIndex;
  readonly #roles = new Int32Array(ROLES_MAX);
  readonly #prefixes: Int32Array;
  #prefixCount = 0;
  #resourceId = NOT_INTERNED;
  #stateBit = 0;
  #offered: SpendReservation | undefined;
  #isBusy = false;
  #count = 0;
  /** The rule that decides, or `NO_RULE`, and what it spends. */
  decisive: number = NO_RULE;
  reservation: SpendReservation | undefined;
  /** The first allow rule that held but for its spend limit, and the first that held but for the attestation state. */
  limited: number = NO_RULE;
  limitExceeded: LimitExceeded | undefined;
  unfit: number = NO_RULE;

  constructor(table: RuleTable, index: RuleIndex) {
    this.table = table;
    this.#index = index;
    this.#prefixes = new Int32Array(index.prefixes.depthMax);
  }

  run(request: AccessRequest, context: DecisionContext): void {
    assert(!this.#isBusy, "one decision at a time");
    this.#isBusy = true;
    try {
      this.#begin(request, context);
      this.#visitAll({ number: ++this.#count, request, context });
    } finally {
      this.#isBusy = false;
    }
  }

  #visitAll(frame: Frame): void {
    const { request } = frame;
    const { symbols, shapes } = this.#index;
    const subject = symbols.get(request.subject.type) ?? NOT_INTERNED;
    const action = symbols.get(request.action.name) ?? NOT_INTERNED;
    const resource = symbols.get(request.resource.type) ?? NOT_INTERNED;
    const roleCount = this.#readRoles(request.subject.properties?.["roles"]);
    for (let i = 0; i < shapes.length; i++) {
      const shape = shapes[i]!;
      const s = shape & WILD_SUBJECT ? ANY_SYMBOL : subject;
      const a = shape & WILD_ACTION ? ANY_SYMBOL : action;
      const r = shape & WILD_RESOURCE ? ANY_SYMBOL : resource;
      if (s < 0 || a < 0 || r < 0) continue;
      if (shape & WILD_ROLE) this.#visit(frame, findBucket(this.#index, s, ANY_SYMBOL, a, r));
      else for (let k = 0; k < roleCount; k++) this.#visit(frame, findBucket(this.#index, s, this.#roles[k]!, a, r));
    }
  }

  #begin(request: AccessRequest, context: DecisionContext): void {
    this.#resourceId = this.#index.symbols.get(request.resource.id) ?? NOT_INTERNED;
    this.#prefixCount = findPrefixes(this.#index.prefixes, request.resource.id, this.#prefixes);
    this.#stateBit = stateBit(context.attestation.state);
    this.decisive = NO_RULE;
    this.reservation = undefined;
    this.limited = NO_RULE;
    this.limitExceeded = undefined;
    this.unfit = NO_RULE;
  }

  /** Writes the symbols of the roles to `#roles`; roles that are missing or no short list of texts are one symbol. */
  #readRoles(roles: unknown): number {
    if (!Array.isArray(roles) || roles.length > ROLES_MAX) return this.#missRoles();
    for (let i = 0; i < roles.length; i++) {
      const role: unknown = roles[i];
      if (typeof role !== "string") return this.#missRoles();
      this.#roles[i] = this.#index.symbols.get(role) ?? NOT_INTERNED;
    }
    return roles.length;
  }

  #missRoles(): number {
    this.#roles[0] = MISSING_SYMBOL;
    return 1;
  }

  #visit(frame: Frame, bucket: number): void {
    if (bucket < 0) return;
    const { anyId } = this.#index;
    const at = bucket * ANY_ID_STRIDE;
    this.#scan(frame, anyId[at]!, anyId[at + 1]!);
    const has = anyId[at + 2]!;
    if (has & HAS_EXACT && this.#resourceId >= 0) this.#scanList(frame, bucket, this.#resourceId);
    if (has & HAS_PREFIX)
      for (let i = 0; i < this.#prefixCount; i++) this.#scanList(frame, bucket, -1 - this.#prefixes[i]!);
  }

  #scanList(frame: Frame, bucket: number, id: number): void {
    const at = findList(this.#index, bucket, id);
    if (at >= 0) this.#scan(frame, this.#index.lists[at + 2]!, this.#index.lists[at + 3]!);
  }

  #scan(frame: Frame, start: number, end: number): void {
    const { postings } = this.#index;
    const { flags, denyCount } = this.table;
    for (let i = start; i < end; i++) {
      const rule = postings[i]!;
      if (rule >= this.decisive) return;
      const truth = this.#truthOf(frame, rule);
      // PROTOCOLS 5.1: a deny fires on true or unknown, an allow needs true.
      if (rule < denyCount ? truth !== FALSE : truth === TRUE && this.#mayAllow(frame, rule)) {
        this.decisive = rule;
        this.reservation = flags[rule]! & HAS_SPEND ? this.#offered : undefined;
        return;
      }
    }
  }

  /** The guard, and only when that is not false, the test. */
  #truthOf(frame: Frame, rule: number): Truth {
    const { conditions, texts, values, tests } = this.table;
    const at = rule * CONDITION_STRIDE;
    const slot = conditions[at]!;
    let guard: Truth = TRUE;
    if (slot !== NO_GUARD) {
      const value = values.read(frame, slot);
      if (typeof value !== "string") guard = UNKNOWN;
      else if (value !== texts[conditions[at + 1]!]) return FALSE;
    }
    const shape = conditions[at + 2]!;
    if (shape === ALWAYS) return guard;
    const truth = tests[shape]!(frame, conditions[at + 3]!);
    return truth === TRUE ? guard : truth;
  }

  #mayAllow(frame: Frame, rule: number): boolean {
    const flags = this.table.flags[rule]!;
    if ((flags & this.#stateBit) === 0) {
      if (rule < this.unfit) this.unfit = rule;
      return false;
    }
    if ((flags & HAS_SPEND) === 0) return true;
    const spend = extrasOf(this.table, rule)?.spend;
    return spend !== undefined && this.#maySpend(frame, rule, spend);
  }

  #maySpend(frame: Frame, rule: number, { counter, limit, window, amount: amountOf, per }: CompiledSpend): boolean {
    const amount = amountOf.slots.read(frame, amountOf.slot);
    const key = per.slots.read(frame, per.slot);
    // A negative amount would refill the counter.
    if (typeof amount !== "number" || amount < 0 || typeof key !== "string") return false;
    const spent = frame.context.counters.spent(counter, key, window);
    if (spent >= 0 && spent + amount <= limit) {
      this.#offered = { counter, key, amount, limit, window };
      return true;
    }
    if (rule < this.limited) {
      this.limited = rule;
      this.limitExceeded = { counter, key, amount, spent, limit };
    }
    return false;
  }
}
