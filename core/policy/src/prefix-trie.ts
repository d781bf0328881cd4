/**
 * Finds which of many prefixes a text begins with, in one walk along the text. A radix tree in flat arrays: node 0 is
 * the root, the children of a node are found by their first character in an open-addressing table.
 */
export interface PrefixTrie {
  /** Per node: start and length of its label in `labels`, and the prefix that ends there, or -1. */
  readonly nodes: Int32Array;
  readonly labels: Uint16Array;
  /** Slots of [parent, first character, child]; child 0 marks an empty slot. */
  readonly children: Int32Array;
  readonly depthMax: number;
}

const NODE_STRIDE = 3;
const CHILD_STRIDE = 3;

interface Node {
  label: string;
  prefix: number;
  readonly children: Map<number, Node>;
}

/** `prefixes[i]` is found as `i`; each prefix occurs once. */
export function buildPrefixTrie(prefixes: readonly string[]): PrefixTrie {
  const root: Node = { label: "", prefix: -1, children: new Map() };
  for (const [i, prefix] of prefixes.entries()) insert(root, prefix, i);
  return flatten(root);
}

/** Writes the numbers of all prefixes of `text` into `found` (room for `depthMax`) and answers how many there are. */
export function findPrefixes(trie: PrefixTrie, text: string, found: Int32Array): number {
  const { nodes, labels } = trie;
  let node = 0;
  let at = 0;
  let count = 0;
  for (;;) {
    const prefix = nodes[node * NODE_STRIDE + 2]!;
    if (prefix >= 0) found[count++] = prefix;
    if (at >= text.length) return count;
    node = childOf(trie, node, text.charCodeAt(at));
    if (node === 0) return count;
    const start = nodes[node * NODE_STRIDE]!;
    const length = nodes[node * NODE_STRIDE + 1]!;
    if (length > text.length - at) return count;
    for (let i = 1; i < length; i++) if (labels[start + i] !== text.charCodeAt(at + i)) return count;
    at += length;
  }
}

function childOf({ children }: PrefixTrie, parent: number, code: number): number {
  const mask = children.length / CHILD_STRIDE - 1;
  for (let slot = slotOf(parent, code) & mask; ; slot = (slot + 1) & mask) {
    const at = slot * CHILD_STRIDE;
    const child = children[at + 2]!;
    if (child === 0 || (children[at] === parent && children[at + 1] === code)) return child;
  }
}

function slotOf(parent: number, code: number): number {
  const mixed = Math.imul(parent, 0x9e3779b1) ^ Math.imul(code, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

function insert(root: Node, prefix: string, number: number): void {
  let node = root;
  let at = 0;
  while (at < prefix.length) {
    const child = node.children.get(prefix.charCodeAt(at));
    if (!child) {
      node.children.set(prefix.charCodeAt(at), { label: prefix.slice(at), prefix: number, children: new Map() });
      return;
    }
    const shared = sharedLength(child.label, prefix, at);
    node = shared === child.label.length ? child : split(node, child, shared);
    at += shared;
  }
  node.prefix = number;
}

function sharedLength(label: string, text: string, at: number): number {
  let length = 0;
  while (length < label.length && label.charCodeAt(length) === text.charCodeAt(at + length)) length++;
  return length;
}

function split(parent: Node, child: Node, length: number): Node {
  const upper: Node = { label: child.label.slice(0, length), prefix: -1, children: new Map() };
  parent.children.set(child.label.charCodeAt(0), upper);
  child.label = child.label.slice(length);
  upper.children.set(child.label.charCodeAt(0), child);
  return upper;
}

function flatten(root: Node): PrefixTrie {
  const nodes: Node[] = [root];
  const parents: number[] = [0];
  const depths: number[] = [1];
  for (let i = 0; i < nodes.length; i++)
    for (const child of nodes[i]!.children.values()) {
      nodes.push(child);
      parents.push(i);
      depths.push(depths[i]! + 1);
    }
  const text = nodes.map((node) => node.label).join("");
  let start = 0;
  const starts = nodes.map(({ label }) => {
    start += label.length;
    return start - label.length;
  });
  return {
    nodes: Int32Array.from(nodes.flatMap(({ label, prefix }, i) => [starts[i]!, label.length, prefix])),
    labels: Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)),
    children: childTable(nodes, parents),
    depthMax: depths.reduce((most, depth) => Math.max(most, depth), 1),
  };
}

function childTable(nodes: readonly Node[], parents: readonly number[]): Int32Array {
  let slots = 2;
  while (slots < nodes.length * 2) slots *= 2;
  const children = new Int32Array(slots * CHILD_STRIDE);
  for (const [i, node] of nodes.entries()) {
    if (i === 0) continue;
    const code = node.label.charCodeAt(0);
    let slot = slotOf(parents[i]!, code) & (slots - 1);
    while (children[slot * CHILD_STRIDE + 2] !== 0) slot = (slot + 1) & (slots - 1);
    children.set([parents[i]!, code, i], slot * CHILD_STRIDE);
  }
  return children;
}
