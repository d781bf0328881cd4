import { readBase64 } from "./base64-text.ts";

/** One block of RFC 7468. */
export interface PemBlock {
  /** `CERTIFICATE`, `RSA PRIVATE KEY` … */
  readonly label: string;
  readonly bytes: Uint8Array;
  /** What stands behind the block. */
  readonly rest: string;
}

const BEGIN = "-----BEGIN ";
const END = "-----END ";
const DASHES = "-----";

/**
 * The first whole block in a text, after anything; its headers (RFC 1421 §4.6) are skipped. Each line is looked at once
 * for each of begin and end, however many begin and never end.
 */
export function nextPemBlock(text: string): PemBlock | undefined {
  for (let from = 0; ; ) {
    const end = lineStart(text, END, from);
    if (end < 0) return undefined;
    const last = lineAt(text, end);
    // A block with another beginning inside is none: dashes are no base64.
    const begin = lastLineStart(text.slice(from, end), BEGIN);
    const block = begin < 0 ? undefined : readBlock(text.slice(from + begin, end), last.text);
    if (block !== undefined) return { ...block, rest: text.slice(last.next) };
    from = last.next;
  }
}

function readBlock(text: string, lastLine: string): Omit<PemBlock, "rest"> | undefined {
  const first = lineAt(text, 0);
  const label = first.text.slice(BEGIN.length, -DASHES.length);
  if (!first.text.endsWith(DASHES) || lastLine !== `${END}${label}${DASHES}`) return undefined;
  const bytes = readBase64(withoutHeaders(text.slice(first.next)).replace(/[ \t]/g, ""), "standard");
  return bytes.ok ? { label, bytes: bytes.value } : undefined;
}

/** All blocks of a text. */
export function pemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  for (let block = nextPemBlock(text); block !== undefined; block = nextPemBlock(block.rest)) blocks.push(block);
  return blocks;
}

/** Where a line begins with a text; -1 if none does. */
function lineStart(text: string, prefix: string, from: number): number {
  if (text.startsWith(prefix, from)) return from;
  const at = text.indexOf(`\n${prefix}`, Math.max(from - 1, 0));
  return at < 0 ? -1 : at + 1;
}

function lastLineStart(text: string, prefix: string): number {
  const at = text.lastIndexOf(`\n${prefix}`);
  return at >= 0 ? at + 1 : text.startsWith(prefix) ? 0 : -1;
}

function lineAt(text: string, start: number): { readonly text: string; readonly next: number } {
  const end = text.indexOf("\n", start);
  const line = end < 0 ? text.slice(start) : text.slice(start, end);
  return { text: line.trimEnd(), next: end < 0 ? text.length : end + 1 };
}

function withoutHeaders(body: string): string {
  let from = 0;
  for (let line = lineAt(body, from); line.text.includes(":"); line = lineAt(body, from)) from = line.next;
  return body.slice(from);
}
