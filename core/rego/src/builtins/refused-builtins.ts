import { ANY, functionOf, objectOf, STRING, setOf } from "../types.ts";
import { RegoSet } from "../values/value.ts";
import { type Builtin, type BuiltinFailure, failure } from "./builtin.ts";
import { checkHttpRequest } from "./http-request.ts";
import { addressToText, parseAddress } from "./net-address.ts";
import { taking } from "./operands.ts";

/**
 * The builtins of OPA's policy reference that ask the world: the network, the resolver, the process. A decision must
 * come out the same offline, again and elsewhere, so they answer what needs no asking and fail for the rest. They have
 * their names and types, so that a policy which only mocks them (`with http.send as …`) compiles.
 */
export const REFUSED_BUILTINS: readonly Builtin[] = [
  {
    name: "http.send",
    type: functionOf([objectOf(STRING, ANY)], objectOf(ANY, ANY)),
    isNondeterministic: true,
    run: taking(["object"], (_, request) => checkHttpRequest(request) ?? unavailable("sending requests")),
  },
  {
    name: "net.lookup_ip_addr",
    type: functionOf([STRING], setOf(STRING)),
    isNondeterministic: true,
    run: taking(["string"], (_, name) => {
      const address = parseAddress(name);
      if (address !== undefined) return RegoSet.of([addressToText(address)]);
      return LOOPBACK_NAMES.has(name.toLowerCase()) ? RegoSet.of(LOOPBACK_ADDRESSES) : unavailable("resolving names");
    }),
  },
  // OPA tells its configuration, its environment and its version here. No policy is told ours.
  { name: "opa.runtime", type: functionOf([], objectOf(STRING, ANY)), isNondeterministic: true, run: () => ({}) },
];

// RFC 6761 §6.3: these resolve to the loopback address without asking.
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["localhost", "localhost."]);
const LOOPBACK_ADDRESSES: readonly string[] = ["127.0.0.1", "::1"];

function unavailable(what: string): BuiltinFailure {
  return failure(`${what} is not available: a policy decides from its input and data alone, also without a network`);
}
