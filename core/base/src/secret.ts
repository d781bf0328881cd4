/**
 * Bytes that redact themselves in JSON, logs and string templates; a debugger's print shows no private field either.
 * Ask with `reveal()` where they are used.
 */
export class Secret {
  readonly #bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  reveal(): Uint8Array {
    return this.#bytes;
  }
  toJSON(): string {
    return "[redacted]";
  }
  toString(): string {
    return "[redacted]";
  }
}
