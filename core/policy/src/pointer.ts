/** Where something stands in a document. It becomes a JSON pointer (RFC 6901) when there is something to report there. */
export class Pointer {
  static readonly root: Pointer = new Pointer(undefined, "");

  readonly #above: Pointer | undefined;
  readonly #token: string | number;

  private constructor(above: Pointer | undefined, token: string | number) {
    this.#above = above;
    this.#token = token;
  }

  below(token: string | number): Pointer {
    return new Pointer(this, token);
  }

  toString(): string {
    if (this.#above === undefined) return "";
    const token = String(this.#token).replaceAll("~", "~0").replaceAll("/", "~1");
    return `${this.#above.toString()}/${token}`;
  }
}
