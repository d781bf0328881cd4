import { type Value, ValueIndex } from "../values/value.ts";
import type { Local, ResolvedTerm } from "./resolved.ts";

/** Finds the member that an object literal has under the same variable or an equal constant; of several, the first. */
export function entriesByKey(
  entries: readonly (readonly [ResolvedTerm, ResolvedTerm])[],
): (key: ResolvedTerm) => ResolvedTerm | undefined {
  const byLocal = new Map<Local, ResolvedTerm>();
  const keys: Value[] = [];
  const members: ResolvedTerm[] = [];
  const index = new ValueIndex(keys);
  for (const [key, member] of entries) {
    if (key.type === "local" && !byLocal.has(key.local)) byLocal.set(key.local, member);
    if (key.type !== "constant" || index.find(key.value) >= 0) continue;
    keys.push(key.value);
    members.push(member);
    index.added();
  }
  return (key) => {
    if (key.type === "local") return byLocal.get(key.local);
    const position = key.type === "constant" ? index.find(key.value) : -1;
    return position < 0 ? undefined : members[position];
  };
}
