import { RegoSet } from "../values/value.ts";

export function setUnion(a: RegoSet, b: RegoSet): RegoSet {
  const union = RegoSet.of(a.elements);
  for (const element of b.elements) union.add(element);
  return union;
}

export function setIntersection(a: RegoSet, b: RegoSet): RegoSet {
  const [smaller, larger] = a.size <= b.size ? [a, b] : [b, a];
  return RegoSet.of(smaller.elements.filter((element) => larger.has(element)));
}

export function setDifference(a: RegoSet, b: RegoSet): RegoSet {
  return RegoSet.of(a.elements.filter((element) => !b.has(element)));
}
