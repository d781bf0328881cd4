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

/** RFC 4291 §2.2 and dotted-quad IPv4 without leading zeros; zone identifiers are refused. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > ADDRESS_LENGTH_MAX) return undefined;
  if (text.includes(":")) return parseIpv6(text);
  const word = parseIpv4(text);
  return word === undefined ? undefined : [0, 0, MAPPED_PREFIX, word];
}

/** RFC 4632 §3.1 notation: an address, a slash and a prefix length, with no bits set beyond it. */
export function parseNetwork(text: string): Network | undefined {
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

export function isInNetwork(address: Address, { address: base, mask }: Network): boolean {
  return (
    (address[0] & mask[0]) === base[0] &&
    (address[1] & mask[1]) === base[1] &&
    (address[2] & mask[2]) === base[2] &&
    (address[3] & mask[3]) === base[3]
  );
}

function maskOf(length: number): Address {
  const word = (index: number) => {
    const bits = Math.min(32, Math.max(0, length - 32 * index));
    return bits === 0 ? 0 : (-1 << (32 - bits)) | 0;
  };
  return [word(0), word(1), word(2), word(3)];
}

function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  let word = 0;
  for (const part of match.slice(1)) {
    // "010" is ten for some readers and eight for others.
    if (Number(part) > 255 || (part.length > 1 && part.startsWith("0"))) return undefined;
    word = (word << 8) | Number(part);
  }
  return word;
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
