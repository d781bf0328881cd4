/** Tags (X.690 §8.1.2) that certificates use; context tags are made with `contextTag`. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** `[number]` of a context class; constructed when it holds other elements. */
export function contextTag(number: number, form: "primitive" | "constructed"): number {
  return (form === "constructed" ? 0xa0 : 0x80) | number;
}

/** A certificate nests about ten deep; more is an attack on the stack. */
const DEPTH_MAX = 16;
/** Lengths of four octets would already exceed every size limit we have. */
const LENGTH_OCTETS_MAX = 3;
/** The longest registered identifiers are below 40 octets. */
const OID_OCTETS_MAX = 64;
const NOTHING = new Uint8Array(0);

export interface DerElement {
  readonly tag: number;
  readonly contents: Uint8Array;
  /** Tag, length and contents. */
  readonly whole: Uint8Array;
}

interface Frame {
  readonly end: number;
  readonly depth: number;
  /** Shared by all readers over the same bytes. */
  readonly fault: { offset: number | undefined };
}

/**
 * Reads DER (X.690 §10): definite minimal lengths, low tag numbers only. The first fault is remembered and every later
 * read yields empty values at once, so that a parser is written straight down and asks for `faultOffset` at the end.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #frame: Frame;
  #at: number;

  constructor(
    bytes: Uint8Array,
    start = 0,
    frame: Frame = { end: bytes.length, depth: 0, fault: { offset: undefined } },
  ) {
    this.#bytes = bytes;
    this.#at = start;
    this.#frame = frame;
  }

  /** Where the bytes stopped being what was asked for; undefined while all is well. */
  get faultOffset(): number | undefined {
    return this.#frame.fault.offset;
  }
  get hasMore(): boolean {
    return this.faultOffset === undefined && this.#at < this.#frame.end;
  }
  isNext(tag: number): boolean {
    return this.hasMore && this.#bytes[this.#at] === tag;
  }
  /** Records a fault at the current position: for parsers that find the contents wrong. */
  fail(): void {
    this.#frame.fault.offset ??= this.#at;
  }
  /** Anything left over is a fault. */
  finish(): void {
    if (this.hasMore) this.fail();
  }

  /** The next element, whatever its tag. The arrays are views. */
  element(): DerElement {
    const start = this.#at;
    const tag = this.#octet();
    if ((tag & 0x1f) === 0x1f) this.fail();
    const length = this.#length();
    const from = this.#at;
    if (this.faultOffset === undefined && length > this.#frame.end - from) this.fail();
    if (this.faultOffset !== undefined) return { tag: 0, contents: NOTHING, whole: NOTHING };
    this.#at = from + length;
    return { tag, contents: this.#bytes.subarray(from, this.#at), whole: this.#bytes.subarray(start, this.#at) };
  }
  /** The contents of the next element, which must have this tag. */
  read(tag: number): Uint8Array {
    if (!this.isNext(tag)) this.fail();
    return this.element().contents;
  }
  /** The next element with its header, which must have this tag. */
  whole(tag: number): Uint8Array {
    if (!this.isNext(tag)) this.fail();
    return this.element().whole;
  }
  /** Like `whole`, and stays where it is. */
  peekWhole(tag: number): Uint8Array {
    const start = this.#at;
    const whole = this.whole(tag);
    this.#at = start;
    return whole;
  }
  /** Reads inside the next element; what `body` leaves unread is a fault. */
  within<T>(tag: number, body: (inner: DerReader) => T): T {
    const length = this.read(tag).length;
    const depth = this.#frame.depth + 1;
    if (depth > DEPTH_MAX) this.fail();
    const end = this.#at;
    const inner = new DerReader(this.#bytes, end - length, { end, depth, fault: this.#frame.fault });
    const value = body(inner);
    inner.finish();
    return value;
  }
  /** Elements until the end, each read by `item`; `countMax` bounds them. */
  list<T>(countMax: number, item: (reader: DerReader) => T): T[] {
    const items: T[] = [];
    while (this.hasMore) {
      if (items.length === countMax) this.fail();
      else items.push(item(this));
    }
    return items;
  }

  boolean(): boolean {
    const octets = this.read(TAG.boolean);
    if (octets.length !== 1 || (octets[0] !== 0 && octets[0] !== 0xff)) this.fail();
    return octets[0] === 0xff;
  }
  /** Two's complement octets, minimal (X.690 §8.3.2). */
  integer(): Uint8Array {
    const octets = this.read(TAG.integer);
    const [first = 0, second = 0] = octets;
    const isPadded = octets.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
    if (octets.length === 0 || isPadded) this.fail();
    return octets;
  }
  /** An integer from 0 to 32,767: versions and path lengths. */
  smallInteger(): number {
    const octets = this.integer();
    const [first = 0, second = 0] = octets;
    if (octets.length > 2 || first >= 0x80) this.fail();
    return octets.length === 2 ? first * 0x100 + second : first;
  }
  oid(): string {
    const text = oidToString(this.read(TAG.oid));
    if (text === undefined) this.fail();
    return text ?? "";
  }
  /** The octets of a bit string that has no unused bits, as keys and signatures are. */
  octetsOfBitString(): Uint8Array {
    const octets = this.read(TAG.bitString);
    if (octets[0] !== 0) this.fail();
    return octets.subarray(1);
  }

  #octet(): number {
    if (!this.hasMore) {
      this.fail();
      return 0;
    }
    return this.#bytes[this.#at++] ?? 0;
  }
  #length(): number {
    const first = this.#octet();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > LENGTH_OCTETS_MAX) this.fail();
    let length = 0;
    for (let i = 0; i < count && this.faultOffset === undefined; i++) length = length * 0x100 + this.#octet();
    // X.690 §10.1: the fewest octets that hold the length.
    if (length < 0x80 || length < 0x100 ** (count - 1)) this.fail();
    return length;
  }
}

/** Dotted decimal; undefined when the octets are no minimal object identifier (X.690 §8.19). */
function oidToString(octets: Uint8Array): string | undefined {
  if (octets.length === 0 || octets.length > OID_OCTETS_MAX || octets[octets.length - 1]! >= 0x80) return undefined;
  const arcs: bigint[] = [];
  let arc = 0n;
  let isFirstOctet = true;
  for (const octet of octets) {
    if (isFirstOctet && octet === 0x80) return undefined;
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    isFirstOctet = octet < 0x80;
    if (!isFirstOctet) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [joined = 0n, ...rest] = arcs;
  const root = joined < 80n ? joined / 40n : 2n;
  return [root, joined - root * 40n, ...rest].join(".");
}
