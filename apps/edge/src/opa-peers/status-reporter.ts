import { AdapterError, canonicalJson, type JsonObject, utf8 } from "@vedette/base";
import type { HttpRequester } from "@vedette/net";
import type { Log } from "@vedette/runtime";

export interface StatusReporterOptions {
  readonly service: HttpRequester;
  /** With a leading slash. */
  readonly path: string;
  readonly log: Log;
  describe(): JsonObject;
  onBug(error: unknown): void;
}

/** After a change, so that what changes together is told together. */
const PAUSE_MS = 500;

/** Tells OPA's status service what has changed; only the newest state is worth telling, and a lost one is not sent again. */
export class StatusReporter implements AsyncDisposable {
  readonly #options: StatusReporterOptions;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();
  #isFailing = false;

  constructor(options: StatusReporterOptions) {
    this.#options = options;
  }

  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#sending = this.#sending.then(() => this.#send()).catch((error) => this.#options.onBug(error));
    }, PAUSE_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort();
    await this.#sending;
  }

  async #send(): Promise<void> {
    const { service, path, describe } = this.#options;
    if (this.#stop.signal.aborted) return;
    const body = utf8(canonicalJson(describe()));
    const headers = { "content-type": "application/json" };
    try {
      const { status } = await service.request("POST", path, { headers, body, signal: this.#stop.signal });
      this.#note(status >= 200 && status <= 299 ? undefined : { status });
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      this.#note({ error });
    }
  }

  /** Told once when it changes. */
  #note(trouble: Readonly<Record<string, unknown>> | undefined): void {
    const isFailing = trouble !== undefined;
    if (isFailing && !this.#isFailing && !this.#stop.signal.aborted)
      this.#options.log("warn", "the status service does not take status", trouble);
    this.#isFailing = isFailing;
  }
}
