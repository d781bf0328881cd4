import { lastOf, type Network, networkToText } from "./net-address.ts";

/** Addresses from `first` to `last`. `text` is there as long as it is the one network that somebody wrote. */
interface Range {
  readonly bits: 32 | 128;
  readonly first: bigint;
  readonly last: bigint;
  readonly text?: string;
}

/**
 * The fewest networks that have the same addresses. One that nothing is merged with keeps its text. IPv4 and IPv6 are
 * kept apart.
 */
export function mergeNetworks(networks: readonly (Network & { readonly text: string })[]): readonly string[] {
  const ranges = networks
    .map((network): Range => ({ bits: network.bits, first: network.first, last: lastOf(network), text: network.text }))
    .sort((a, b) => a.bits - b.bits || order(a.first, b.first) || order(a.last, b.last));
  const merged: Range[] = [];
  for (const range of ranges) {
    const before = merged.at(-1);
    if (before === undefined || before.bits !== range.bits || before.last + 1n < range.first) merged.push(range);
    else merged[merged.length - 1] = union(before, range);
  }
  return merged.flatMap((range) => range.text ?? networksOf(range).map(networkToText));
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function union(a: Range, b: Range): Range {
  return { bits: a.bits, first: a.first, last: order(a.last, b.last) < 0 ? b.last : a.last };
}

/** From below, always the largest network that begins at an address and does not go beyond the last. */
function networksOf({ bits, first, last }: Range): readonly Network[] {
  const networks: Network[] = [];
  for (let at = first; at <= last; ) {
    let hostBits = 0;
    while (hostBits < bits && ((at >> BigInt(hostBits)) & 1n) === 0n && at + (1n << BigInt(hostBits + 1)) - 1n <= last)
      hostBits++;
    networks.push({ bits, first: at, prefix: bits - hostBits });
    at += 1n << BigInt(hostBits);
  }
  return networks;
}
