/** 128 bits as four signed words; an IPv4 address is its IPv4-mapped IPv6 address, so that one host has one value. */
export type Address = readonly [number, number, number, number];

export interface Network {
  readonly address: Address;
  readonly mask: Address;
}

const MAPPED_PREFIX = 0xffff;
const IPV4_BITS_BEFORE = 96;
/** The longest text form is an IPv6 address with embedded IPv4 (45 characters). */
const ADDRESS_LENGTH_MAX = 45;
const DIGIT_0 = 0x30;
const DOT = 0x2e;

/** RFC 4291 §2.2 and dotted-quad IPv4 without leading zeros; zone identifiers are refused. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > ADDRESS_LENGTH_MAX) return undefined;
  const word = parseIpv4(text);
  if (word === undefined) return text.includes(":") ? parseIpv6(text) : undefined;
  return [0, 0, MAPPED_PREFIX, word];
}

/** RFC 4632 §3.1 notation: an address, a slash and a prefix length, with no bits set beyond it. */
export function parseNetwork(text: string): Network | undefined {
  // Literals of conditions are asked for whether they are one, and few have a slash.
  if (!text.includes("/")) return undefined;
  const match = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(text);
  const address = match?.[1] === undefined ? undefined : parseAddress(match[1]);
  if (!address || match?.[1] === undefined) return undefined;
  const isIpv4 = !match[1].includes(":");
  const length = Number(match[2]);
  if (length > (isIpv4 ? 32 : 128)) return undefined;
  const mask = maskOf(isIpv4 ? length + IPV4_BITS_BEFORE : length);
  const network: Network = { address, mask };
  const hasHostBits = address.some((word, i) => (word & ~mask[i]!) !== 0);
  return hasHostBits ? undefined : network;
}

/** What `parseNetwork` reads as the same network. */
export function networkToText({ address, mask }: Network): string {
  const length = mask.reduce((sum, word) => sum + Math.clz32(~word), 0);
  const groups = address.flatMap((word) => [word >>> 16, word & 0xffff]);
  if (length >= IPV4_BITS_BEFORE && address[0] === 0 && address[1] === 0 && address[2] === MAPPED_PREFIX) {
    const bytes = groups.slice(6).flatMap((group) => [group >> 8, group & 0xff]);
    return `${bytes.join(".")}/${length - IPV4_BITS_BEFORE}`;
  }
  const written = groups.slice(0, groups.findLastIndex((group) => group !== 0) + 1).map((group) => group.toString(16));
  return `${written.join(":")}${written.length === groups.length ? "" : "::"}/${length}`;
}

/** Networks side by side, eight words each: address, then mask. */
export type FlatNetworks = Int32Array;

const NETWORK_STRIDE = 8;

export function flattenNetworks(networks: readonly Network[]): FlatNetworks {
  return Int32Array.from(networks.flatMap(({ address, mask }) => [...address, ...mask]));
}

export function isInSome(address: Address, networks: FlatNetworks): boolean {
  for (let at = 0; at < networks.length; at += NETWORK_STRIDE)
    if (
      // The last word first: in it all IPv4 addresses differ.
      (address[3] & networks[at + 7]!) === networks[at + 3] &&
      (address[2] & networks[at + 6]!) === networks[at + 2] &&
      (address[1] & networks[at + 5]!) === networks[at + 1] &&
      (address[0] & networks[at + 4]!) === networks[at]
    )
      return true;
  return false;
}

function maskOf(length: number): Address {
  const word = (index: number) => {
    const bits = Math.min(32, Math.max(0, length - 32 * index));
    return bits === 0 ? 0 : (-1 << (32 - bits)) | 0;
  };
  return [word(0), word(1), word(2), word(3)];
}

/** By hand: an address is read in every decision that a `cidr` rule may concern. Never reads past the end, which V8 punishes. */
function parseIpv4(text: string): number | undefined {
  let word = 0;
  let at = 0;
  for (let parts = 1; parts <= 4; parts++) {
    const start = at;
    let part = 0;
    for (; at < text.length && at < start + 3; at++) {
      const digit = text.charCodeAt(at) - DIGIT_0;
      if (digit < 0 || digit > 9) break;
      part = part * 10 + digit;
    }
    // "010" is ten for some readers and eight for others.
    const isPadded = at > start + 1 && text.charCodeAt(start) === DIGIT_0;
    if (at === start || part > 255 || isPadded) return undefined;
    word = (word << 8) | part;
    if (parts < 4 && (at >= text.length || text.charCodeAt(at++) !== DOT)) return undefined;
  }
  return at === text.length ? word : undefined;
}

function parseIpv6(text: string): Address | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const left = parseGroups(halves[0] ?? "", halves.length === 1);
  const right = parseGroups(halves[1] ?? "", true);
  if (!left || !right) return undefined;
  const missing = 8 - left.length - right.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...left, ...new Array<number>(missing).fill(0), ...right];
  const word = (index: number) => (groups[2 * index]! << 16) | groups[2 * index + 1]!;
  return [word(0), word(1), word(2), word(3)];
}

/** Groups of 16 bits; only the end of an address may be written as IPv4. */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const word = isEnd && index === parts.length - 1 ? parseIpv4(part) : undefined;
      if (word === undefined) return undefined;
      groups.push(word >>> 16, word & 0xffff);
    }
  }
  return groups;
}
