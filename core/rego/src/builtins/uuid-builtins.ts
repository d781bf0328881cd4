import { hex, parseHex } from "@vedette/base";
import { ANY, functionOf, objectOf, STRING } from "../types.ts";
import { numberOfInteger } from "../values/big-number.ts";
import { ObjectBuilder, type Value } from "../values/value.ts";
import type { Builtin, BuiltinContext, BuiltinResult } from "./builtin.ts";
import { taking } from "./operands.ts";

/** OPA policy reference, "UUID" (RFC 9562). */
export const UUID_BUILTINS: readonly Builtin[] = [
  { name: "uuid.parse", type: functionOf([STRING], objectOf(STRING, ANY)), run: taking(["string"], parse) },
  {
    name: "uuid.rfc4122",
    type: functionOf([STRING], STRING),
    isNondeterministic: true,
    run: taking(["any"], (context, key) => randomUuid(context, key)),
  },
];

/** The same key, the same UUID, as long as the query lasts. */
function randomUuid(context: BuiltinContext, key: Value): BuiltinResult {
  const drawn = drawnUuids(context);
  const known = drawn.get(key);
  if (known !== undefined) return known;
  const octets = context.random.bytes(16).slice();
  // RFC 9562 §5.4: version 4, variant 10.
  octets[6] = ((octets[6] ?? 0) & 0x0f) | 0x40;
  octets[8] = ((octets[8] ?? 0) & 0x3f) | 0x80;
  const uuid = [
    octets.subarray(0, 4),
    octets.subarray(4, 6),
    octets.subarray(6, 8),
    octets.subarray(8, 10),
    octets.subarray(10),
  ]
    .map(hex)
    .join("-");
  drawn.set(key, uuid);
  return uuid;
}

function drawnUuids({ memo }: BuiltinContext): ObjectBuilder {
  const known = memo.get("uuid.rfc4122");
  if (known instanceof ObjectBuilder) return known;
  const drawn = new ObjectBuilder();
  memo.set("uuid.rfc4122", drawn);
  return drawn;
}

/** Undefined, and no failure, for a text that is no UUID. */
function parse(_: BuiltinContext, text: string): BuiltinResult {
  const octets = parseUuid(text);
  if (octets === undefined) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const version = octets[6]! >> 4;
  const fields = { version, variant: variantOf(octets[8]!) };
  if (version !== 1 && version !== 2) return fields;
  const node = octets.subarray(10);
  const timed = {
    ...fields,
    time: numberOfInteger(unixNanoseconds(view)),
    nodeid: Array.from(node, (octet) => hex(Uint8Array.of(octet))).join("-"),
    macvariables: `${node[0]! & 2 ? "local" : "global"}:${node[0]! & 1 ? "multicast" : "unicast"}`,
    clocksequence: view.getUint16(8) & 0x3fff,
  };
  // DCE 1.1 security version: an identifier of the host in the place of the low time.
  return version === 1 ? timed : { ...timed, id: view.getUint32(0), domain: domainOf(octets[9]!) };
}

const HYPHENATED = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const BARE = /^[0-9a-fA-F]{32}$/;
const PREFIX_LENGTH = "urn:uuid:".length;

/** With hyphens, as a URN, in braces (any two characters, as OPA takes them), or as 32 digits. */
function parseUuid(text: string): Uint8Array | undefined {
  const isUrn = text.slice(0, PREFIX_LENGTH).toLowerCase() === "urn:uuid:";
  const inner = isUrn ? text.slice(PREFIX_LENGTH) : text.length === 38 ? text.slice(1, -1) : text;
  if (!HYPHENATED.test(inner) && !BARE.test(text)) return undefined;
  const octets = parseHex(inner.replaceAll("-", ""));
  return octets.ok ? octets.value : undefined;
}

function variantOf(octet: number): string {
  if ((octet & 0xc0) === 0x80) return "RFC4122";
  if ((octet & 0xe0) === 0xc0) return "Microsoft";
  return (octet & 0xe0) === 0xe0 ? "Future" : "Reserved";
}

function domainOf(octet: number): string {
  return ["Person", "Group", "Org"][octet] ?? `Domain${octet}`;
}

/** From 15 October 1582, when the Gregorian calendar began, to 1970, in steps of 100 ns. */
const GREGORIAN_EPOCH = 122_192_928_000_000_000n;

function unixNanoseconds(view: DataView): bigint {
  const low = BigInt(view.getUint32(0));
  const middle = BigInt(view.getUint16(4));
  const high = BigInt(view.getUint16(6) & 0x0fff);
  return BigInt.asIntN(64, ((high << 48n) + (middle << 32n) + low - GREGORIAN_EPOCH) * 100n);
}
