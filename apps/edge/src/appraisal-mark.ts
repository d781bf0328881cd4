import { type Crypto, canonicalJson, hex, type JsonObject, parseHex, type Secret, utf8 } from "@vedette/base";

/** Keeps this use of the data key apart from every other. */
const PURPOSE = utf8("vedette/appraisal-mark/1");

/**
 * The node's own mark on what it writes about a device. The journal's file has no secret, so beyond the last seal whoever
 * has the disk can write leaves; only the node can mark them. A mark does not say that a leaf is the newest.
 */
export class AppraisalMark {
  readonly #key: Uint8Array;
  readonly #crypto: Crypto;

  constructor(dataKey: Secret, crypto: Crypto) {
    this.#key = crypto.hmac("sha256", dataKey.reveal(), PURPOSE);
    this.#crypto = crypto;
  }

  put(facts: JsonObject): JsonObject {
    return { ...facts, mark: hex(this.#markOf(facts)) };
  }

  isOn({ mark, ...facts }: JsonObject): boolean {
    const claimed = typeof mark === "string" ? parseHex(mark) : undefined;
    return claimed?.ok === true && this.#crypto.isEqual(claimed.value, this.#markOf(facts));
  }

  #markOf(facts: JsonObject): Uint8Array {
    return this.#crypto.hmac("sha256", this.#key, utf8(canonicalJson(facts)));
  }
}
