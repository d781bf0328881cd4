/** An IP address as a number. IPv4 and the IPv6 form of it (`::ffff:1.2.3.4`) are both of 32 bits, as in Go's `net`. */
export interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** All addresses that begin with the same `prefix` bits. `first` has zeros behind them. */
export interface Network {
  readonly bits: 32 | 128;
  readonly first: bigint;
  readonly prefix: number;
}

const MAPPED_PREFIX = 0xffffn;

/** An address in text (RFC 4291 §2.2, dotted decimal without leading zeros); no zone. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > ADDRESS_LENGTH_MAX) return undefined;
  const address = parseWritten(text);
  if (address?.bits !== 128 || address.value >> 32n !== MAPPED_PREFIX) return address;
  return { bits: 32, value: address.value & 0xffff_ffffn };
}
/** `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255` is the longest. */
const ADDRESS_LENGTH_MAX = 45;

/** `10.0.0.0/8`. Bits behind the prefix are cleared. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 || slash > ADDRESS_LENGTH_MAX ? undefined : parseWritten(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === undefined || !/^[0-9]+$/.test(digits) || Number(digits) > address.bits) return undefined;
  const prefix = Number(digits);
  const first = address.value & ~hostMask(address.bits, prefix);
  // A network inside ::ffff:0:0/96 contains IPv4 addresses only; a shorter prefix makes it IPv6.
  return address.bits === 128 && first >> 32n === MAPPED_PREFIX && prefix >= 96
    ? { bits: 32, first: first & 0xffff_ffffn, prefix: prefix - 96 }
    : { bits: address.bits, first, prefix };
}

export function lastOf(network: Network): bigint {
  return network.first | hostMask(network.bits, network.prefix);
}

export function isInside(address: Address, network: Network): boolean {
  return address.bits === network.bits && address.value >= network.first && address.value <= lastOf(network);
}

export function networkToText(network: Network): string {
  return `${addressToText({ bits: network.bits, value: network.first })}/${network.prefix}`;
}

/** RFC 5952 for IPv6. */
export function addressToText({ bits, value }: Address): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
  const groups = Array.from({ length: GROUPS }, (_, i) => Number((value >> BigInt(16 * (GROUPS - 1 - i))) & 0xffffn));
  const zeros = longestZeros(groups);
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  if (zeros.length < 2) return text(groups);
  return `${text(groups.slice(0, zeros.start))}::${text(groups.slice(zeros.start + zeros.length))}`;
}

const GROUPS = 8;

function hostMask(bits: number, prefix: number): bigint {
  return (1n << BigInt(bits - prefix)) - 1n;
}

function parseWritten(text: string): Address | undefined {
  const value = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  return value === undefined ? undefined : { bits: text.includes(":") ? 128 : 32, value };
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => OCTET.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":")));
  if (head === undefined || halves.length > 2) return undefined;
  const written = [...head, ...(tail ?? [])];
  // The last 32 bits may be written as IPv4, but not in front of the `::`.
  const ipv4 = text.endsWith("::") ? undefined : parseIpv4(written.at(-1) ?? "");
  const groups =
    ipv4 === undefined ? written : [...written.slice(0, -1), (ipv4 >> 16n).toString(16), (ipv4 & 0xffffn).toString(16)];
  const missing = GROUPS - groups.length;
  if (!groups.every((group) => GROUP.test(group)) || (tail === undefined ? missing !== 0 : missing < 1))
    return undefined;
  const filled = [...groups.slice(0, head.length), ...Array<string>(missing).fill("0"), ...groups.slice(head.length)];
  return filled.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** The first of the longest runs (RFC 5952 §4.2.3). */
function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let longest = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > longest.length) longest = { start, length: end - start };
  }
  return longest;
}
