import { assert, ByteWriter, parseUtf8, utf8 } from "@vedette/base";

// Rego's strings are bytes that are mostly UTF-8: `base64.decode` of a key gives any bytes, and what takes them next
// (`hex.encode`, `crypto.hmac.sha256`) must see the same. Ours are UTF-16, so a byte that is no part of UTF-8 is kept
// as the unpaired surrogate U+DC00 + byte, as Python's `surrogateescape` (PEP 383) does.
const ESCAPE = 0xdc00;
const ESCAPED_MIN = ESCAPE + 0x80;
const ESCAPED_MAX = ESCAPE + 0xff;

/** Any bytes as a text that `textToBytes` turns into the same bytes. */
export function bytesToText(bytes: Uint8Array): string {
  const whole = parseUtf8(bytes);
  if (whole.ok) return whole.value;
  let text = "";
  let start = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length > 0) at += length;
    else {
      text += validText(bytes.subarray(start, at)) + String.fromCharCode(ESCAPE + (bytes[at++] as number));
      start = at;
    }
  }
  return text + validText(bytes.subarray(start));
}

/** UTF-8, but for what `bytesToText` kept aside. Any other unpaired surrogate becomes U+FFFD. */
export function textToBytes(text: string): Uint8Array {
  if (text.isWellFormed()) return utf8(text);
  const writer = new ByteWriter();
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (character.length === 1 && code >= ESCAPED_MIN && code <= ESCAPED_MAX) writer.u8(code - ESCAPE);
    else writer.raw(utf8(character));
  }
  return writer.finish();
}

function validText(bytes: Uint8Array): string {
  const text = parseUtf8(bytes);
  assert(text.ok, "a run of UTF-8 sequences is UTF-8");
  return text.value;
}

/** How many bytes the UTF-8 sequence at a place has (RFC 3629 §4); 0 where there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  for (let i = 1; i < length; i++) {
    const next = bytes[at + i] ?? 0;
    const min = i > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const max = i > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (next < min || next > max) return 0;
  }
  return length;
}
