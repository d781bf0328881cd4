import type { CedarValueJson, EntityJson } from "@cedar-policy/cedar-wasm/nodejs";
import type { Json } from "@vedette/base";

/** One model, written once in Rego and once in Cedar over the same facts. */
export interface Scenario {
  readonly name: string;
  readonly module: string;
  /** The rule that answers, such as `app/rbac/allow`. */
  readonly entrypoint: string;
  readonly data: Readonly<Record<string, Json>>;
  readonly cedar: string;
  readonly entities: EntityJson[];
  readonly questions: readonly Question[];
}

/** As it comes from the wire, and so also the input of Rego. */
export type Question = Readonly<Record<"user" | "action" | "resource" | "type", string>>;

export interface EntityId {
  readonly type: string;
  readonly id: string;
}

export function entity(
  uid: EntityId,
  parents: readonly EntityId[],
  attrs: Record<string, CedarValueJson> = {},
): EntityJson {
  return { uid: { ...uid }, attrs, parents: parents.map((parent) => ({ ...parent })) };
}

export function referenceTo(id: EntityId): CedarValueJson {
  return { __entity: { ...id } };
}

/** The same facts in every run. */
export function createRandom(seed: number): { isLikely(share: number): boolean; below(limit: number): number } {
  let state = seed;
  const next = (): number => {
    // Numerical Recipes' linear congruential generator; its upper bits are random enough for facts.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return { isLikely: (share) => next() < share, below: (limit) => Math.floor(next() * limit) };
}

export function numbered(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}_${i}`);
}
