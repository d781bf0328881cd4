import { once } from "node:events";
import { Worker } from "node:worker_threads";

const PROFILE = "peer";

/** What OPA made of some rules: the document `answers` as JSON text, or why it refused them. */
export type PeerAnswer = { readonly answers: string } | { readonly error: string };

/**
 * OPA 0.47, the Go program compiled to WebAssembly inside an npm package: an OPA for machines that have none. Older than
 * Rego v1, so it serves for what did not change: core semantics, order, and how numbers are written.
 */
export class OpaInWasm implements AsyncDisposable {
  /** The package that the rules are in; its keywords are those of `import future.keywords`. */
  static readonly packageName = `profile_${PROFILE}`;
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async start(): Promise<OpaInWasm> {
    const worker = new Worker(new URL("./opa-in-wasm-worker.ts", import.meta.url), {
      workerData: { profileName: PROFILE },
    });
    const peer = new OpaInWasm(worker);
    const started = await peer.#next();
    if ("error" in started) throw new Error(started.error);
    return peer;
  }

  /** Rego v0 with the keywords of v1, whose rules define `answers`. One question at a time. */
  async ask(rules: string): Promise<PeerAnswer> {
    const answered = this.#next();
    this.#worker.postMessage(rules);
    return await answered;
  }

  async #next(): Promise<PeerAnswer> {
    const [answer] = (await once(this.#worker, "message")) as [PeerAnswer];
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
