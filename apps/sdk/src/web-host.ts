/**
 * What the SDK needs of its surroundings: a part of what every web-standard host has, so that `globalThis` fits in a
 * browser, in Node, and in a worker. Nothing is read from anywhere else.
 */
export interface WebHost {
  readonly Date: { now(): number };
  readonly crypto: {
    getRandomValues(bytes: Uint8Array<ArrayBuffer>): Uint8Array;
    readonly subtle: SubtleVerifier;
  };
  readonly DecompressionStream: new (format: "gzip") => ByteTransform;
}

/** WebCrypto, as far as signatures are checked. */
export interface SubtleVerifier {
  importKey(
    format: "spki",
    key: Uint8Array<ArrayBuffer>,
    algorithm: WebAlgorithm,
    isExtractable: boolean,
    uses: "verify"[],
  ): Promise<object>;
  verify(
    algorithm: WebAlgorithm,
    key: object,
    signature: Uint8Array<ArrayBuffer>,
    message: Uint8Array<ArrayBuffer>,
  ): Promise<boolean>;
}

export interface WebAlgorithm {
  readonly name: string;
  readonly namedCurve?: string;
  readonly hash?: string;
}

export interface ByteTransform {
  readonly writable: { getWriter(): { write(bytes: Uint8Array<ArrayBuffer>): Promise<void>; close(): Promise<void> } };
  readonly readable: {
    getReader(): { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>; cancel(): Promise<void> };
  };
}

/** Undefined when the bytes are no gzip, or unpack to more than `lengthMax`: a bomb is left before it is whole. */
export async function inflate(bytes: Uint8Array, lengthMax: number, host: WebHost): Promise<Uint8Array | undefined> {
  const { writable, readable } = new host.DecompressionStream("gzip");
  const writer = writable.getWriter();
  // Their failures come out at the reader.
  writer.write(bytes.slice()).catch(() => {});
  writer.close().catch(() => {});
  const reader = readable.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const { value = new Uint8Array(0) } = part;
      length += value.length;
      if (length > lengthMax) {
        await reader.cancel();
        return undefined;
      }
      parts.push(value);
    }
  } catch {
    // Damaged or truncated: for the caller the same refusal as too large.
    return undefined;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
