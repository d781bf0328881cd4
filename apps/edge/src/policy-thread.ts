import { Worker } from "node:worker_threads";
import { type Duration, err, type Result, seconds } from "@vedette/base";
import type { OpenPolicyBundle, PolicyBundleError, PolicyError, PolicyTransfer } from "@vedette/policy";
import { policyWorkerUrl } from "./policy-worker-url.ts";

/** The slowest node we know takes four seconds for a hundred thousand rules; where others are busy, the thread gives way. */
const OPEN_TIME_MAX: Duration = seconds(120);

export type OpenTerms = Omit<OpenPolicyBundle, "crypto" | "gzip">;

/** The thread ended before it answered, or did not answer in time. */
export interface ThreadFailure {
  readonly code: "POLICY_THREAD_FAILED";
  readonly reason: "ended" | "timeout";
}

/** A policy bundle opened in another thread, and the SHA-256 of its bytes, hexadecimal. */
export interface OpenedPolicy extends PolicyTransfer {
  readonly digest: string;
}

export interface OpenRequest {
  readonly bytes: Uint8Array;
  readonly terms: OpenTerms;
  /** Verification alone, or the compiled policy as well. */
  readonly wants: "verification" | "policy";
}

/** Undefined when verification alone was wanted. */
export type OpenAnswer = Result<OpenedPolicy | undefined, PolicyBundleError | PolicyError>;

type Failed<T> = Result<T, PolicyBundleError | PolicyError | ThreadFailure>;

/**
 * Opens policy bundles beside the event loop, so that decisions go on meanwhile. Made for one activation and ended after
 * it: with the thread goes all the memory that parsing took.
 */
export class PolicyThread implements Disposable {
  readonly #worker: Worker;
  readonly #timeMax: Duration;
  #settle: ((answer: Failed<OpenedPolicy | undefined>) => void) | undefined;
  #hasEnded = false;

  constructor(url: URL = policyWorkerUrl, timeMax: Duration = OPEN_TIME_MAX) {
    this.#timeMax = timeMax;
    this.#worker = new Worker(url);
    this.#worker.on("message", (answer: OpenAnswer) => this.#settle?.(answer));
    this.#worker.on("error", () => this.#end());
    this.#worker.on("exit", () => this.#end());
    // A node that stops does not wait for a policy.
    this.#worker.unref();
  }

  /** Signature, digests, site, time and sequence; nothing is compiled. */
  async verify(bytes: Uint8Array, terms: OpenTerms): Promise<Failed<undefined>> {
    const answer = await this.#ask(bytes, terms, "verification");
    return answer.ok ? { ...answer, value: undefined } : answer;
  }

  async open(bytes: Uint8Array, terms: OpenTerms): Promise<Failed<OpenedPolicy>> {
    const answer = await this.#ask(bytes, terms, "policy");
    if (!answer.ok) return answer;
    return answer.value ? { ...answer, value: answer.value } : failed("ended");
  }

  [Symbol.dispose](): void {
    this.#end();
    void this.#worker.terminate();
  }

  /** One question at a time. */
  async #ask(
    bytes: Uint8Array,
    terms: OpenTerms,
    wants: OpenRequest["wants"],
  ): Promise<Failed<OpenedPolicy | undefined>> {
    if (this.#hasEnded) return failed("ended");
    const copy = Uint8Array.from(bytes);
    const { promise, resolve } = Promise.withResolvers<Failed<OpenedPolicy | undefined>>();
    this.#settle = resolve;
    const timer = setTimeout(() => resolve(failed("timeout")), this.#timeMax);
    this.#worker.postMessage({ bytes: copy, terms, wants } satisfies OpenRequest, [copy.buffer]);
    return promise.finally(() => clearTimeout(timer));
  }

  #end(): void {
    this.#hasEnded = true;
    this.#settle?.(failed("ended"));
  }
}

function failed(reason: ThreadFailure["reason"]): Result<never, ThreadFailure> {
  return err({ code: "POLICY_THREAD_FAILED", reason });
}
