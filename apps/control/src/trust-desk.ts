import { type Clock, type Crypto, err, ok, type Result } from "@vedette/base";
import type { VerificationKey } from "@vedette/envelope";
import { openTrustDocument, type TrustDocument, type TrustDocumentError } from "@vedette/identity";
import { writeFileDurably } from "@vedette/runtime";
import type { ControlStore, StoreConflict } from "@vedette/store";
import type { ControlFiles } from "./files.ts";

/** The trust document in force, as signed and as read. */
export interface Trust {
  readonly text: string;
  readonly document: TrustDocument;
}

/** Holds the trust document and takes the next one. The key that signs it is not here (PROTOCOLS §1). */
export class TrustDesk {
  readonly key: VerificationKey;
  readonly #files: ControlFiles;
  readonly #store: ControlStore;
  readonly #deps: { readonly clock: Clock; readonly crypto: Crypto };
  #current: Trust;

  constructor(
    current: Trust & { readonly trustKey: VerificationKey },
    files: ControlFiles,
    store: ControlStore,
    deps: { readonly clock: Clock; readonly crypto: Crypto },
  ) {
    this.key = current.trustKey;
    this.#files = files;
    this.#store = store;
    this.#deps = deps;
    this.#current = current;
  }

  get current(): Trust {
    return this.#current;
  }

  /** Once after a start: the store's generation tells nodes that there is a document. */
  async announce(): Promise<void> {
    const { text, document } = this.#current;
    const stored = await this.#store.trustDocuments.current();
    if ((stored?.version ?? 0) < document.version)
      await this.#store.trustDocuments.publish({ version: document.version, text });
  }

  /** Takes a document of a higher version, signed by the same key. A refusal leaves the one in force. */
  async publish(text: string): Promise<Result<Trust, TrustDocumentError | StoreConflict>> {
    const { clock, crypto } = this.#deps;
    const versionAtLeast = this.#current.document.version + 1;
    const opened = openTrustDocument(text, [this.key], { now: clock.now(), versionAtLeast, crypto });
    if (!opened.ok) return opened;
    writeFileDurably(this.#files.trustDocument, text);
    const published = await this.#store.trustDocuments.publish({ version: opened.value.version, text });
    if (!published.ok) return err(published.error);
    this.#current = { text, document: opened.value };
    return ok(this.#current);
  }
}
