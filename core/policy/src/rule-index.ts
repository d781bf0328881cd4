import { TextNumbers } from "./flat-texts.ts";
import { parseGlob } from "./glob.ts";
import { buildIdTable, type IdTable } from "./id-table.ts";
import { ANY, type Rule } from "./rules.ts";
import { buildTextTable, type TextTable } from "./text-table.ts";

/**
 * From a request's mandatory attributes to the rules that may concern it, in flat arrays.
 * A bucket stands for (subject type, role, action, resource type), each a symbol or `ANY_SYMBOL`; inside a bucket, a list
 * stands for the resource id: any, one exact id, or one prefix. Lists hold rule numbers in ascending order.
 *
 * INVARIANT: roles are not mandatory, so a deny rule that names roles stands under `MISSING_SYMBOL` as well: a subject
 * without roles is unknown to it, and it fires (PROTOCOLS 5.1). What else a selector names is part of the condition.
 */
export interface RuleIndex {
  /** The names that rules have in each position; what is not there concerns no rule that names one. */
  readonly subjects: TextTable;
  readonly roles: TextTable;
  readonly actions: TextTable;
  readonly resources: TextTable;
  readonly ids: IdTable;
  /** Which of the four positions are `ANY_SYMBOL`, as bits `WILD_*`: one entry for each combination that occurs. */
  readonly shapes: Uint8Array;
  /** Slots of [subject type, role, action, resource type, bucket + 1]. */
  readonly buckets: Int32Array;
  /** Per bucket: start and end in `postings` of its rules for any id, and `HAS_*` bits. */
  readonly anyId: Int32Array;
  /** Slots of [bucket + 1, id, start, end], where id is `exactId` or `prefixId` of what `ids` finds. */
  readonly lists: Int32Array;
  readonly postings: Int32Array;
}

export const ANY_SYMBOL = 0;
export const MISSING_SYMBOL = 1;
const FIRST_SYMBOL = 2;
export const WILD_SUBJECT = 1;
export const WILD_ROLE = 2;
export const WILD_ACTION = 4;
export const WILD_RESOURCE = 8;
export const HAS_EXACT = 1;
export const HAS_PREFIX = 2;
export const ANY_ID_STRIDE = 3;
const BUCKET_STRIDE = 5;
const LIST_STRIDE = 4;
/** Far beyond the names that fit into a policy; two symbols make one exact number. */
const SYMBOLS_MAX = 2 ** 26;

/** `rules` in the order of their numbers: all deny rules first. */
export function buildRuleIndex(rules: readonly Rule[]): RuleIndex {
  const builder = new IndexBuilder();
  for (const [number, rule] of rules.entries()) builder.add(rule, number);
  return builder.build();
}

/** The symbol of the name that was found, or -1 for `NO_TEXT`. */
export function symbolOf(name: number): number {
  return name < 0 ? -1 : FIRST_SYMBOL + name;
}

/** The bucket's number, or -1. */
export function findBucket(
  buckets: Int32Array,
  subject: number,
  role: number,
  action: number,
  resource: number,
): number {
  const mask = buckets.length / BUCKET_STRIDE - 1;
  for (let slot = mix(subject, role, action, resource) & mask; ; slot = (slot + 1) & mask) {
    const at = slot * BUCKET_STRIDE;
    const bucket = buckets[at + 4]! - 1;
    if (bucket === -1) return -1;
    if (
      buckets[at] === subject &&
      buckets[at + 1] === role &&
      buckets[at + 2] === action &&
      buckets[at + 3] === resource
    )
      return bucket;
  }
}

/** Where the list's entry begins in `lists`, or -1; `lists[at + 2]` and `lists[at + 3]` are its start and end. */
export function findList(lists: Int32Array, bucket: number, id: number): number {
  const mask = lists.length / LIST_STRIDE - 1;
  for (let slot = mixTwo(bucket, id) & mask; ; slot = (slot + 1) & mask) {
    const at = slot * LIST_STRIDE;
    const owner = lists[at]! - 1;
    if (owner === -1) return -1;
    if (owner === bucket && lists[at + 1] === id) return at;
  }
}

function mix(a: number, b: number, c: number, d: number): number {
  const mixed =
    Math.imul(a, 0x9e3779b1) ^
    Math.imul(b + 1, 0x85ebca6b) ^
    Math.imul(c + 2, 0xc2b2ae35) ^
    Math.imul(d + 3, 0x27d4eb2f);
  return mixed ^ (mixed >>> 15);
}

function mixTwo(a: number, b: number): number {
  const mixed = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

interface Bucket {
  readonly key: readonly [subject: number, role: number, action: number, resource: number];
  /** Rules by resource id; `ANY_ID` for rules that take any. */
  readonly lists: Map<number, number[]>;
}

/** A resource id in `lists`: positive for an exact one, negative for a prefix. */
const ANY_ID = 0;
export function exactId(text: number): number {
  return text + 1;
}
export function prefixId(text: number): number {
  return -1 - text;
}

class IndexBuilder {
  readonly #subjects = new TextNumbers();
  readonly #roles = new TextNumbers();
  readonly #actions = new TextNumbers();
  readonly #resources = new TextNumbers();
  readonly #exactIds = new TextNumbers();
  readonly #prefixes = new TextNumbers();
  readonly #buckets = new Map<number, Map<number, Bucket>>();
  readonly #shapes = new Set<number>();

  add(rule: Rule, number: number): void {
    const subject = symbolIn(this.#subjects, rule.subject.type);
    const resource = symbolIn(this.#resources, rule.resource.type);
    const roles = rule.subject.roles?.map((role) => symbolIn(this.#roles, role)) ?? [ANY_SYMBOL];
    if (rule.effect === "deny" && rule.subject.roles) roles.push(MISSING_SYMBOL);
    const id = this.#idOf(rule);
    for (const action of rule.actions)
      for (const role of roles)
        this.#post(this.#bucket(subject, role, symbolIn(this.#actions, action), resource), id, number);
  }

  #idOf({ resource: { id } }: Rule): number {
    if (!id) return ANY_ID;
    if (id.kind === "exact") return exactId(this.#exactIds.add(id.text));
    const prefix = id.kind === "glob" ? (parseGlob(id.text)?.head ?? "") : id.text;
    return prefix === "" ? ANY_ID : prefixId(this.#prefixes.add(prefix));
  }

  #bucket(subject: number, role: number, action: number, resource: number): Bucket {
    const [outer, inner] = [subject * SYMBOLS_MAX + role, action * SYMBOLS_MAX + resource];
    const byInner = this.#buckets.get(outer) ?? new Map<number, Bucket>();
    this.#buckets.set(outer, byInner);
    const known = byInner.get(inner);
    if (known) return known;
    const bucket: Bucket = { key: [subject, role, action, resource], lists: new Map() };
    byInner.set(inner, bucket);
    this.#shapes.add(bucket.key.reduce((shape, symbol, i) => (symbol === ANY_SYMBOL ? shape | (1 << i) : shape), 0));
    return bucket;
  }

  #post({ lists }: Bucket, id: number, rule: number): void {
    const list = lists.get(id);
    if (!list) lists.set(id, [rule]);
    // An action listed twice under one role is one entry.
    else if (list.at(-1) !== rule) list.push(rule);
  }

  build(): RuleIndex {
    const all = Array.from(this.#buckets.values()).flatMap((byInner) => Array.from(byInner.values()));
    const buckets = emptyTable(all.length, BUCKET_STRIDE);
    const anyId = new Int32Array(all.length * ANY_ID_STRIDE);
    const lists = emptyTable(
      all.reduce((sum, bucket) => sum + bucket.lists.size, 0),
      LIST_STRIDE,
    );
    const postings: number[] = [];
    for (const [number, bucket] of all.entries()) {
      const [subject, role, action, resource] = bucket.key;
      fill(buckets, BUCKET_STRIDE, mix(subject, role, action, resource), 4, [...bucket.key, number + 1]);
      for (const [id, rules] of bucket.lists) {
        const start = postings.length;
        for (const rule of rules) postings.push(rule);
        if (id === ANY_ID) anyId.set([start, postings.length], number * ANY_ID_STRIDE);
        else fill(lists, LIST_STRIDE, mixTwo(number, id), 0, [number + 1, id, start, postings.length]);
        const bit = id === ANY_ID ? 0 : id > 0 ? HAS_EXACT : HAS_PREFIX;
        anyId[number * ANY_ID_STRIDE + 2]! |= bit;
      }
    }
    return {
      subjects: buildTextTable(this.#subjects.texts),
      roles: buildTextTable(this.#roles.texts),
      actions: buildTextTable(this.#actions.texts),
      resources: buildTextTable(this.#resources.texts),
      ids: buildIdTable(this.#exactIds.texts, this.#prefixes.texts),
      shapes: Uint8Array.from(this.#shapes),
      buckets,
      anyId,
      lists,
      postings: Int32Array.from(postings),
    };
  }
}

function symbolIn(names: TextNumbers, name: string): number {
  return name === ANY ? ANY_SYMBOL : symbolOf(names.add(name));
}

/** Twice as many slots as entries, a power of two, so that a probe is short and always ends. */
function emptyTable(entries: number, stride: number): Int32Array {
  let slots = 2;
  while (slots < entries * 2) slots *= 2;
  return new Int32Array(slots * stride);
}

/** `used` is the position that is never zero in a filled slot. */
function fill(table: Int32Array, stride: number, hash: number, used: number, entry: readonly number[]): void {
  const mask = table.length / stride - 1;
  let slot = hash & mask;
  while (table[slot * stride + used] !== 0) slot = (slot + 1) & mask;
  table.set(entry, slot * stride);
}
