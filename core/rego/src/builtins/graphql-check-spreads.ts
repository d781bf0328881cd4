import { LimitExceeded } from "../limits.ts";
import type { Field, Fragment, FragmentSpread, Operation, SelectionSet } from "./graphql-ast.ts";
import { CHAIN_MAX, type CheckContext } from "./graphql-schema.ts";

type FragmentByName = ReadonlyMap<string, Fragment>;

/** GraphQL §5.5.2.2 "Fragment Spreads Must Not Form Cycles". `checked` keeps what has been followed already. */
export function checkFragmentCycles(
  context: CheckContext,
  fragment: Fragment,
  fragmentByName: FragmentByName,
  checked: Set<string>,
): void {
  const path: string[] = [];
  const depthByName = new Map<string, number>();
  const check = ({ Name: name, SelectionSet: set }: Fragment): void => {
    if (checked.has(name)) return;
    checked.add(name);
    if (path.length > CHAIN_MAX) throw new LimitExceeded("nesting");
    depthByName.set(name, path.length);
    for (const spread of spreadsIn(context, set ?? [])) {
      const begin = depthByName.get(spread.Name);
      if (begin !== undefined) {
        const names = path.slice(begin).map((each) => `"${each}"`);
        const via = names.length === 0 ? "" : ` via ${names.join(", ")}`;
        throw context.refusal(`Cannot spread fragment "${spread.Name}" within itself${via}.`, spread);
      }
      const next = fragmentByName.get(spread.Name);
      path.push(spread.Name);
      if (next !== undefined) check(next);
      path.pop();
    }
    depthByName.delete(name);
  };
  check(fragment);
}

/** All spreads in a selection set, those of its fields as well. */
function spreadsIn(context: CheckContext, set: SelectionSet): readonly FragmentSpread[] {
  const spreads: FragmentSpread[] = [];
  const pending = [set];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    context.spend(next.length);
    for (const selection of next) {
      if ("Alias" in selection || "TypeCondition" in selection) pending.push(selection.SelectionSet ?? []);
      else spreads.push(selection);
    }
  }
  return spreads;
}

const INTROSPECTION_LISTS: ReadonlySet<string> = new Set(["fields", "interfaces", "possibleTypes", "inputFields"]);
const INTROSPECTION_DEPTH_MAX = 3;

/** Whether an introspection lists the fields of types within each other, each level many times the one before. */
export function isIntrospectionTooDeep(context: CheckContext, field: Field, fragmentByName: FragmentByName): boolean {
  const inside = new Set<string>();
  const isTooDeep = (set: SelectionSet, depth: number): boolean =>
    set.some((selection) => {
      context.spend(1);
      if ("Alias" in selection) {
        const inner = INTROSPECTION_LISTS.has(selection.Name) ? depth + 1 : depth;
        return inner >= INTROSPECTION_DEPTH_MAX || isTooDeep(selection.SelectionSet ?? [], inner);
      }
      if ("TypeCondition" in selection) return isTooDeep(selection.SelectionSet ?? [], depth);
      const fragment = fragmentByName.get(selection.Name);
      if (fragment === undefined || inside.has(fragment.Name)) return false;
      if (inside.size > CHAIN_MAX) throw new LimitExceeded("nesting");
      inside.add(fragment.Name);
      const isDeeper = isTooDeep(fragment.SelectionSet ?? [], depth);
      inside.delete(fragment.Name);
      return isDeeper;
    });
  return isTooDeep([field], 0);
}

/** GraphQL §5.2.3.1 "Single Root Field" of a subscription. */
export function checkSubscription(context: CheckContext, operation: Operation, fragmentByName: FragmentByName): void {
  const what = operation.Name === "" ? "Anonymous Subscription" : `Subscription ${JSON.stringify(operation.Name)}`;
  const fields = topFieldsOf(context, operation.SelectionSet ?? [], fragmentByName);
  const second = [...fields.values()][1];
  if (second !== undefined) throw context.refusal(`${what} must select only one top level field.`, second);
  for (const [name, field] of fields)
    if (name.startsWith("__"))
      throw context.refusal(`${what} must not select an introspection top level field.`, field);
}

/** The fields that a selection set asks for with all its fragments, the first of each name. */
function topFieldsOf(
  context: CheckContext,
  set: SelectionSet,
  fragmentByName: FragmentByName,
): ReadonlyMap<string, Field> {
  const fields = new Map<string, Field>();
  const followed = new Set<string>();
  const add = (selections: SelectionSet): void => {
    context.spend(selections.length);
    for (const selection of selections) {
      if ("Alias" in selection) {
        if (!fields.has(selection.Name)) fields.set(selection.Name, selection);
      } else if ("TypeCondition" in selection) add(selection.SelectionSet ?? []);
      else if (!followed.has(selection.Name)) {
        followed.add(selection.Name);
        if (followed.size > CHAIN_MAX) throw new LimitExceeded("nesting");
        add(fragmentByName.get(selection.Name)?.SelectionSet ?? []);
      }
    }
  };
  add(set);
  return fields;
}
