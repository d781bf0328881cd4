import { assert } from "@vedette/base";
import { ConditionRunner, NO_LEAF, UNKNOWN_TEXT } from "./condition-code.ts";
import { Decoded, textAt } from "./flat-texts.ts";
import { IdFinder } from "./id-table.ts";
import { ownMember } from "./member-site.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";
import {
  ANY_ID_STRIDE,
  ANY_SYMBOL,
  exactId,
  findBucket,
  findList,
  HAS_EXACT,
  HAS_PREFIX,
  MISSING_SYMBOL,
  prefixId,
  type RuleIndex,
  symbolOf,
  WILD_ACTION,
  WILD_RESOURCE,
  WILD_ROLE,
  WILD_SUBJECT,
} from "./rule-index.ts";
import {
  CONDITION_STRIDE,
  type CompiledSpend,
  HAS_EXTRAS,
  HAS_SPEND,
  type RuleExtras,
  type RuleTable,
  stateBit,
} from "./rule-table.ts";
import { NO_TEXT, TextFinder } from "./text-table.ts";

/** A subject with more roles counts as one whose roles are unknown. */
export const ROLES_MAX = 16;
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
  readonly #conditions: ConditionRunner;
  readonly #extras: Decoded<RuleExtras>;
  readonly #subjects: TextFinder;
  readonly #roleNames: TextFinder;
  readonly #actions: TextFinder;
  readonly #resources: TextFinder;
  readonly #ids: IdFinder;
  readonly #roles = new Int32Array(ROLES_MAX);
  // The tables that each step looks into, one object nearer.
  readonly #denyCount: number;
  readonly #flags: Uint8Array;
  readonly #rules: Int32Array;
  readonly #shapes: Uint8Array;
  readonly #buckets: Int32Array;
  readonly #anyId: Int32Array;
  readonly #lists: Int32Array;
  readonly #postings: Int32Array;
  readonly #shorter: Int32Array;
  #stateBit = 0;
  #offered: SpendReservation | undefined;
  #isBusy = false;
  /** The rule that decides, or `NO_RULE`, and what it spends. */
  decisive: number = NO_RULE;
  reservation: SpendReservation | undefined;
  /** The first allow rule that held but for its spend limit, and the first that held but for the attestation state. */
  limited: number = NO_RULE;
  limitExceeded: LimitExceeded | undefined;
  unfit: number = NO_RULE;

  constructor(table: RuleTable, index: RuleIndex) {
    this.table = table;
    this.#conditions = new ConditionRunner(table.code);
    this.#extras = new Decoded(table.extras, (text): RuleExtras => JSON.parse(text));
    this.#subjects = new TextFinder(index.subjects);
    this.#roleNames = new TextFinder(index.roles);
    this.#actions = new TextFinder(index.actions);
    this.#resources = new TextFinder(index.resources);
    this.#ids = new IdFinder(index.ids);
    this.#denyCount = table.denyCount;
    this.#flags = table.flags;
    this.#rules = table.conditions;
    this.#shapes = index.shapes;
    this.#buckets = index.buckets;
    this.#anyId = index.anyId;
    this.#lists = index.lists;
    this.#postings = index.postings;
    this.#shorter = index.ids.shorter;
  }

  run(request: AccessRequest, context: DecisionContext): void {
    assert(!this.#isBusy, "one decision at a time");
    this.#isBusy = true;
    try {
      this.#begin(request, context);
      this.#visitAll(request);
    } finally {
      this.#isBusy = false;
    }
  }

  idOf(rule: number): string {
    return textAt(this.table.ids, rule);
  }

  extrasOf(rule: number): RuleExtras | undefined {
    return this.#flags[rule]! & HAS_EXTRAS ? this.#extras.at(rule) : undefined;
  }

  #visitAll(request: AccessRequest): void {
    const [shapes, buckets] = [this.#shapes, this.#buckets];
    const subject = symbolOf(this.#subjects.find(request.subject.type));
    const action = symbolOf(this.#actions.find(request.action.name));
    const resource = symbolOf(this.#resources.find(request.resource.type));
    const roleCount = this.#readRoles(ownMember(request.subject.properties, "roles"));
    for (let i = 0; i < shapes.length; i++) {
      const shape = shapes[i]!;
      const s = shape & WILD_SUBJECT ? ANY_SYMBOL : subject;
      const a = shape & WILD_ACTION ? ANY_SYMBOL : action;
      const r = shape & WILD_RESOURCE ? ANY_SYMBOL : resource;
      if (s < 0 || a < 0 || r < 0) continue;
      if (shape & WILD_ROLE) this.#visit(findBucket(buckets, s, ANY_SYMBOL, a, r));
      else for (let k = 0; k < roleCount; k++) this.#visit(findBucket(buckets, s, this.#roles[k]!, a, r));
    }
  }

  #begin(request: AccessRequest, context: DecisionContext): void {
    this.#conditions.begin(request, context);
    this.#ids.find(request.resource.id);
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
      this.#roles[i] = symbolOf(this.#roleNames.find(role));
    }
    return roles.length;
  }

  #missRoles(): number {
    this.#roles[0] = MISSING_SYMBOL;
    return 1;
  }

  #visit(bucket: number): void {
    if (bucket < 0) return;
    const anyId = this.#anyId;
    const at = bucket * ANY_ID_STRIDE;
    const [start, end] = [anyId[at]!, anyId[at + 1]!];
    if (start < end) this.#scan(start, end);
    const has = anyId[at + 2]!;
    const { exact, prefix } = this.#ids;
    // What is denied is mostly denied below a prefix: what comes after such a rule need not be looked at.
    if (has & HAS_PREFIX)
      for (let at = prefix; at !== NO_TEXT; at = this.#shorter[at]!) this.#scanList(bucket, prefixId(at));
    if (has & HAS_EXACT && exact !== NO_TEXT) this.#scanList(bucket, exactId(exact));
  }

  #scanList(bucket: number, id: number): void {
    const lists = this.#lists;
    const at = findList(lists, bucket, id);
    if (at >= 0) this.#scan(lists[at + 2]!, lists[at + 3]!);
  }

  #scan(start: number, end: number): void {
    const postings = this.#postings;
    for (let i = start; i < end; i++) {
      const rule = postings[i]!;
      if (rule >= this.decisive) return;
      if (this.#holds(rule) && (rule < this.#denyCount || this.#mayAllow(rule))) {
        this.decisive = rule;
        this.reservation = this.#flags[rule]! & HAS_SPEND ? this.#offered : undefined;
        return;
      }
    }
  }

  #holds(rule: number): boolean {
    const rules = this.#rules;
    const at = rule * CONDITION_STRIDE;
    const slot = rules[at]!;
    if (slot >= 0) {
      const text = this.#conditions.textOf(slot);
      // PROTOCOLS 5.1: a deny fires on true or unknown, an allow needs true.
      if (text !== rules[at + 1] && (text !== UNKNOWN_TEXT || rule >= this.#denyCount)) return false;
    }
    const first = rules[at + 2]!;
    return first === NO_LEAF || this.#conditions.holds(first);
  }

  #mayAllow(rule: number): boolean {
    const flags = this.#flags[rule]!;
    if ((flags & this.#stateBit) === 0) {
      if (rule < this.unfit) this.unfit = rule;
      return false;
    }
    if ((flags & HAS_SPEND) === 0) return true;
    const spend = this.extrasOf(rule)?.spend;
    return spend !== undefined && this.#maySpend(rule, spend);
  }

  #maySpend(rule: number, { counter, limit, window, ...slots }: CompiledSpend): boolean {
    const amount = this.#conditions.valueOf(slots.amount);
    const key = this.#conditions.valueOf(slots.per);
    // A negative amount would refill the counter.
    if (typeof amount !== "number" || amount < 0 || typeof key !== "string") return false;
    const spent = this.#conditions.context.counters.spent(counter, key, window);
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
