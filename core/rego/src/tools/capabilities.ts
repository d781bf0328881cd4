import type { Builtin } from "../builtins/builtin.ts";
import { ANY, arrayOf, BOOLEAN, type FunctionType, functionOf, type Type } from "../types.ts";
import type { Value } from "../values/value.ts";

/**
 * Where policy runs. `edge`: a node, which decides the same again, offline and elsewhere. `gate`: a check before
 * something ships, where a policy may also ask about its surroundings.
 */
export type PolicyTier = "edge" | "gate";

export interface RefusedCall {
  readonly name: string;
  readonly tiers: readonly PolicyTier[];
  readonly reason: string;
}

/** Builtins that may be mentioned, so that tests can put something in their place, and not called. */
export const REFUSED_CALLS: readonly RefusedCall[] = [
  {
    name: "http.send",
    tiers: ["edge", "gate"],
    reason: "it asks the network: hand the answer over in the input or as data",
  },
  {
    name: "net.lookup_ip_addr",
    tiers: ["edge", "gate"],
    reason: "it asks a resolver: hand the addresses over in the input or as data",
  },
  {
    name: "opa.runtime",
    tiers: ["edge"],
    reason: "it tells of the process around a decision, and decisions must come out the same elsewhere",
  },
  {
    name: "providers.aws.sign_req",
    tiers: ["edge"],
    reason: "it signs requests that an edge node never sends, with a secret that no policy should hold",
  },
];

/** Language features in OPA's words, such as this compiler has them. */
const FEATURES: readonly string[] = ["keywords_in_refs", "rego_v1", "template_strings"];
/** What a module without `import rego.v1` could import before OPA 1.0. */
const FUTURE_KEYWORDS_V0: readonly string[] = ["contains", "every", "if", "in"];
/** Builtins to who writes policy, and to this compiler a part of the language. */
const COMPILED_AWAY: readonly Builtin[] = [
  { name: "assign", infix: ":=", type: functionOf([ANY, ANY], BOOLEAN), run: () => true },
  { name: "eq", infix: "=", type: functionOf([ANY, ANY], BOOLEAN), run: () => true },
  { name: "rego.metadata.chain", type: functionOf([], arrayOf(ANY)), run: () => [] },
  { name: "rego.metadata.rule", type: functionOf([], ANY), run: () => true },
];

export function refusedCall(name: string, tier: PolicyTier): RefusedCall | undefined {
  return REFUSED_CALLS.find((refused) => refused.name === name && refused.tiers.includes(tier));
}

/** What there is, in the form of OPA's capabilities files; of a tier, without what it refuses. */
export function capabilitiesToValue(
  builtins: readonly Builtin[],
  options: { readonly tier?: PolicyTier | undefined; readonly regoVersion?: 0 | 1 } = {},
): Value {
  const { tier, regoVersion = 1 } = options;
  const names = new Set(builtins.map(({ name }) => name));
  const all = [...builtins, ...COMPILED_AWAY.filter(({ name }) => !names.has(name))];
  const left = all.filter(({ name }) => tier === undefined || refusedCall(name, tier) === undefined);
  return {
    builtins: left.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(builtinToValue),
    future_keywords: regoVersion === 0 ? FUTURE_KEYWORDS_V0 : [],
    features: FEATURES,
    wasm_abi_versions: [],
  };
}

export function builtinToValue({ name, infix, type, isNondeterministic, isRelation }: Builtin): Value {
  return {
    name,
    decl: functionToValue(type),
    ...(infix !== undefined && { infix }),
    ...(isRelation === true && { relation: true }),
    ...(isNondeterministic === true && { nondeterministic: true }),
  };
}

function functionToValue({ args, result, variadic }: FunctionType): Value {
  return {
    ...(args.length > 0 && { args: args.map(typeToValue) }),
    ...(result !== undefined && { result: typeToValue(result) }),
    type: "function",
    ...(variadic !== undefined && { variadic: typeToValue(variadic) }),
  };
}

/** What is not known is anything. */
function typeToValue(type: Type | undefined): Value {
  if (type === undefined) return { type: "any" };
  switch (type.type) {
    case "any":
      return { type: "any", ...(type.of !== undefined && { of: type.of.map(typeToValue) }) };
    case "set":
      return { type: "set", ...(type.of !== undefined && { of: typeToValue(type.of) }) };
    case "array":
      return {
        type: "array",
        ...(type.static !== undefined && { static: type.static.map(typeToValue) }),
        ...(type.dynamic !== undefined && { dynamic: typeToValue(type.dynamic) }),
      };
    case "object":
      return {
        type: "object",
        ...(type.static !== undefined && {
          static: type.static.map(({ key, value }) => ({ key, value: typeToValue(value) })),
        }),
        ...(type.dynamic !== undefined && {
          dynamic: { key: typeToValue(type.dynamic.key), value: typeToValue(type.dynamic.value) },
        }),
      };
    default:
      return { type: type.type };
  }
}
