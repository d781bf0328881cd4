import { ANY, anyOf, arrayOf, BOOLEAN, functionOf, objectOf, STRING, setOf, type Type, tupleOf } from "../types.ts";
import { isArray, isObject, kindOf, memberOf, RegoSet, sortedKeysOf, type Value } from "../values/value.ts";
import {
  type Builtin,
  type BuiltinContext,
  BuiltinFailure,
  type BuiltinResult,
  failure,
  operandFailure,
} from "./builtin.ts";
import {
  type Address,
  addressToText,
  isInside,
  lastOf,
  type Network,
  networkToText,
  parseAddress,
  parseNetwork,
} from "./net-address.ts";
import { mergeNetworks } from "./net-merge.ts";
import { elementsOf, taking } from "./operands.ts";

const TEXT_OR_TUPLE: Type = anyOf(STRING, arrayOf(ANY));
const MATCHED: Type = anyOf(STRING, arrayOf(TEXT_OR_TUPLE), objectOf(STRING, TEXT_OR_TUPLE), setOf(TEXT_OR_TUPLE));

/** OPA policy reference, "Net", without look-ups in the DNS. IPv4 and IPv6 addresses never contain each other. */
export const NET_BUILTINS: readonly Builtin[] = [
  { name: "net.cidr_contains", type: functionOf([STRING, STRING], BOOLEAN), run: contains },
  { name: "net.cidr_overlap", type: functionOf([STRING, STRING], BOOLEAN), run: contains },
  {
    name: "net.cidr_contains_matches",
    type: functionOf([MATCHED, MATCHED], setOf(tupleOf(ANY, ANY))),
    run: containsMatches,
  },
  { name: "net.cidr_intersects", type: functionOf([STRING, STRING], BOOLEAN), run: intersects },
  { name: "net.cidr_expand", type: functionOf([STRING], setOf(STRING)), run: expand },
  {
    name: "net.cidr_is_valid",
    type: functionOf([STRING], BOOLEAN),
    run: taking(["any"], (_, text) => typeof text === "string" && parseNetwork(text) !== undefined),
  },
  {
    name: "net.cidr_merge",
    type: functionOf([anyOf(arrayOf(anyOf(STRING)), setOf(STRING))], setOf(STRING)),
    run: merge,
  },
];

function contains(_: BuiltinContext, outer: Value, inner: Value): BuiltinResult {
  const network = networkOf(outer);
  if (network instanceof BuiltinFailure) return network;
  const target = targetOf(inner);
  return target instanceof BuiltinFailure ? target : doesContain(network, target);
}

/** OPA calls each of its operands the first. */
function networkOf(value: Value): Network | BuiltinFailure {
  if (typeof value !== "string") return operandFailure(1, "string", kindOf(value));
  return parseNetwork(value) ?? failure(`invalid CIDR address: ${value}`);
}

/** What may be contained: an address or a network. */
function targetOf(value: Value): Address | Network | BuiltinFailure {
  if (typeof value !== "string") return operandFailure(1, "string", kindOf(value));
  return (
    parseAddress(value) ??
    parseNetwork(value) ??
    failure(`not a valid textual representation of an IP address or CIDR: ${value}`)
  );
}

function doesContain(network: Network, target: Address | Network): boolean {
  if ("value" in target) return isInside(target, network);
  const { bits, first } = target;
  return isInside({ bits, value: first }, network) && isInside({ bits, value: lastOf(target) }, network);
}

function intersects(_: BuiltinContext, one: Value, other: Value): BuiltinResult {
  const a = networkOf(one);
  if (a instanceof BuiltinFailure) return a;
  const b = networkOf(other);
  if (b instanceof BuiltinFailure) return b;
  return isInside({ bits: b.bits, value: b.first }, a) || isInside({ bits: a.bits, value: a.first }, b);
}

function expand(context: BuiltinContext, cidr: Value): BuiltinResult {
  const network = networkOf(cidr);
  if (network instanceof BuiltinFailure) return network;
  const last = lastOf(network);
  context.spend(Number(last - network.first + 1n));
  const addresses = new RegoSet();
  for (let value = network.first; value <= last; value++) addresses.add(addressToText({ bits: network.bits, value }));
  return addresses;
}

/** An element that is compared, and what stands for it in the result. */
interface Candidate {
  readonly text: Value;
  readonly index: Value;
}

function containsMatches(context: BuiltinContext, outer: Value, inner: Value): BuiltinResult {
  const outers = candidatesOf(1, outer);
  if (outers instanceof BuiltinFailure) return outers;
  const inners = outers.length === 0 ? [] : candidatesOf(2, inner);
  if (inners instanceof BuiltinFailure) return inners;
  context.spend(outers.length * inners.length);
  const matches = new RegoSet();
  if (inners.length === 0) return matches;
  const networks = all(outers, ({ text }) => networkOf(text));
  if (networks instanceof BuiltinFailure) return networks;
  const targets = all(inners, ({ text }) => targetOf(text));
  if (targets instanceof BuiltinFailure) return targets;
  for (const [i, network] of networks.entries())
    for (const [j, target] of targets.entries())
      if (doesContain(network, target)) matches.add([outers[i]!.index, inners[j]!.index]);
  return matches;
}

/** The results, or the first failure among them. */
function all<From, To>(
  items: readonly From[],
  map: (item: From) => To | BuiltinFailure,
): readonly To[] | BuiltinFailure {
  const results: To[] = [];
  for (const item of items) {
    const result = map(item);
    if (result instanceof BuiltinFailure) return result;
    results.push(result);
  }
  return results;
}

/** A text, or the members of a collection that are texts or arrays which begin with one. */
function candidatesOf(position: number, value: Value): readonly Candidate[] | BuiltinFailure {
  if (typeof value === "string") return [{ text: value, index: value }];
  return all(membersOf(value), ({ text, index }) => {
    const inner = isArray(text) ? text[0] : typeof text === "string" ? text : undefined;
    if (inner === undefined) return failure(`operand ${position}: element must be string or non-empty array`);
    return { text: inner, index };
  });
}

function membersOf(value: Value): readonly Candidate[] {
  if (isArray(value)) return value.map((text, index) => ({ text, index }));
  if (isObject(value)) return sortedKeysOf(value).map((index) => ({ text: memberOf(value, index) as Value, index }));
  return (elementsOf(value) ?? []).map((text) => ({ text, index: text }));
}

function merge(context: BuiltinContext, operand: Value): BuiltinResult {
  const elements = elementsOf(operand);
  if (elements === undefined) return failure("operand must be an array");
  context.spend(elements.length);
  const written = all(elements, writtenNetworkOf);
  return written instanceof BuiltinFailure ? written : RegoSet.of(mergeNetworks(written));
}

interface WrittenNetwork extends Network {
  readonly text: string;
}

function writtenNetworkOf(element: Value): WrittenNetwork | BuiltinFailure {
  if (typeof element !== "string") return failure("element must be string");
  const address = parseAddress(element);
  if (address === undefined) {
    const network = parseNetwork(element);
    return network ? { ...network, text: networkToText(network) } : failure(`invalid CIDR address: ${element}`);
  }
  if (address.bits === 128) return failure("IPv6 invalid: needs prefix length");
  const prefix = classPrefix(address);
  const text = `${addressToText(address)}/${prefix}`;
  return { ...(parseNetwork(text) as Network), text };
}

/** A bare IPv4 address stands for its network of before CIDR (RFC 791 §3.2), as it does for OPA. */
function classPrefix({ value }: Address): number {
  const first = value >> 24n;
  return first < 0x80n ? 8 : first < 0xc0n ? 16 : 24;
}
