import { setTimeout as sleep } from "node:timers/promises";
import { AdapterError, type Clock, type Duration, ok, type Random, type Result } from "@vedette/base";
import { CLIENT_LIMITS, type ClientAnswer, chanceOf, type HttpRequester } from "@vedette/net";
import {
  applyDelta,
  type BundleStatus,
  type BundleTrouble,
  DELTAS_MAX,
  encodePulledFile,
  type OpaBundle,
  type OpaBundleError,
  type OpaSnapshot,
  type PullEffect,
  type PullEvent,
  type PulledFile,
  type PullPolicy,
  type PullState,
  parsePulledFile,
  startPull,
  stepPull,
} from "@vedette/policy";
import { type Log, readFileIfExists, writeFileDurably } from "@vedette/runtime";
import { type PulledBundles, troubleOf } from "./pulled-bundles.ts";

export interface BundleClientOptions {
  readonly name: string;
  readonly policy: PullPolicy;
  readonly service: HttpRequester;
  /** With a leading slash. */
  readonly path: string;
  readonly sizeMax: number;
  /** Where it is kept; undefined for a bundle that is fetched anew after each start. */
  readonly file: string | undefined;
  readonly bundles: PulledBundles;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  open(bytes: Uint8Array): Result<OpaBundle, OpaBundleError>;
  onStatus(): void;
}

/** A snapshot, its deltas, and the tag of the last of them. */
const KEPT_PARTS_MAX = DELTAS_MAX + 2;
const NOTHING: PulledFile = { etag: "", snapshot: new Uint8Array(0), deltas: [] };

/** Follows one bundle on a bundle service. Whatever goes wrong, the one that is active stays. */
export class BundleClient implements AsyncDisposable {
  readonly #options: BundleClientOptions;
  readonly #stop = new AbortController();
  #state: PullState;
  #kept: PulledFile = NOTHING;
  #running: Promise<void> = Promise.resolve();

  constructor(options: BundleClientOptions) {
    this.#options = options;
    this.#state = startPull(options.name, options.policy);
  }

  get status(): BundleStatus {
    return this.#state.status;
  }

  /** What lies on disk, verified as if it had just arrived. False when there is nothing, or nothing that may run. */
  loadFromDisk(): boolean {
    const { name, file, policy, sizeMax, clock, log } = this.#options;
    const bytes = file === undefined ? undefined : readFileIfExists(file, sizeMax * KEPT_PARTS_MAX);
    if (!bytes) return false;
    const kept = parsePulledFile(bytes);
    const activated = kept.ok ? this.#activateAll(kept.value) : kept;
    if (!kept.ok || !activated.ok) {
      log("warn", "a bundle on disk is refused and does not run", {
        bundle: name,
        ...(!activated.ok && activated.error),
      });
      return false;
    }
    this.#kept = kept.value;
    const { revision } = activated.value.manifest;
    this.#state = startPull(name, policy, { etag: kept.value.etag, revision, at: clock.now() });
    return true;
  }

  start(onBug: (error: unknown) => void): void {
    this.#running = this.#run().catch(onBug);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let effect = this.#step({ type: "due" });
    let arrived: Uint8Array = NOTHING.snapshot;
    while (!signal.aborted) {
      switch (effect.type) {
        case "wait":
          await pause(effect.delay, signal);
          effect = this.#step({ type: "due" });
          break;
        case "request": {
          const answer = await this.#ask(effect);
          if (signal.aborted) return;
          arrived = "body" in answer ? answer.body : NOTHING.snapshot;
          effect = this.#step("body" in answer ? answered(answer) : { type: "unreachable", message: answer.message });
          break;
        }
        case "judge":
          effect = this.#step(this.#judge(arrived));
          arrived = NOTHING.snapshot;
          break;
      }
    }
  }

  #step(event: PullEvent): PullEffect {
    const { policy, clock, random, log, name, onStatus } = this.#options;
    const before = this.#state.status;
    const { state, effect } = stepPull(this.#state, event, { policy, now: clock.now(), chance: chanceOf(random) });
    this.#state = state;
    const { trouble, activeRevision } = state.status;
    // Told once when it changes, not at every try.
    if (trouble && trouble.message !== before.trouble?.message)
      log("warn", "a bundle could not be brought up to date; the active one stays", { bundle: name, ...trouble });
    if (event.type === "activated") log("info", "a pulled bundle is active", { bundle: name, activeRevision });
    if (event.type !== "due") onStatus();
    return effect;
  }

  async #ask({ headers, held }: Extract<PullEffect, { type: "request" }>): Promise<ClientAnswer | AdapterError> {
    const { service, path, sizeMax } = this.#options;
    const limits = { answerLengthMax: sizeMax, answerMs: CLIENT_LIMITS.answerMs + held };
    try {
      return await service.request("GET", path, { headers, limits, signal: this.#stop.signal });
    } catch (error) {
      if (error instanceof AdapterError) return error;
      throw error;
    }
  }

  #judge(bytes: Uint8Array): PullEvent {
    const { bundles, name, file } = this.#options;
    const opened = this.#options.open(bytes);
    if (!opened.ok) return { type: "refused", trouble: troubleOf(opened.error), isBaseLost: false };
    const { type: kind } = opened.value;
    const deltas = kind === "delta" ? [...this.#kept.deltas, bytes] : [];
    // Each start applies them all again: a whole bundle now and then keeps that short.
    if (deltas.length > DELTAS_MAX && file !== undefined)
      return { type: "refused", trouble: { message: "too many deltas on one bundle" }, isBaseLost: true };
    const snapshot = kind === "delta" ? applyDelta(bundles.snapshotOf(name), opened.value) : ok(opened.value);
    if (!snapshot.ok) return { type: "refused", trouble: troubleOf(snapshot.error), isBaseLost: true };
    const activated = bundles.activate(name, snapshot.value);
    if (!activated.ok) return { type: "refused", trouble: activated.error, isBaseLost: kind === "delta" };
    const etag = this.#state.offered?.etag ?? "";
    this.#keep({ etag, snapshot: kind === "delta" ? this.#kept.snapshot : bytes, deltas });
    return { type: "activated", revision: snapshot.value.manifest.revision, kind };
  }

  #keep(kept: PulledFile): void {
    const { file, log, name } = this.#options;
    if (file === undefined) return;
    this.#kept = kept;
    try {
      writeFileDurably(file, encodePulledFile(kept));
    } catch (error) {
      // It runs all the same; only the next start will look for it on the network.
      if (!(error instanceof AdapterError)) throw error;
      log("warn", "a pulled bundle could not be kept on disk", { bundle: name, error });
    }
  }

  #activateAll({ snapshot, deltas }: PulledFile): Result<OpaSnapshot, BundleTrouble> {
    const { bundles, name } = this.#options;
    let whole: Result<OpaSnapshot, BundleTrouble> = refuse("it is no bundle");
    for (const part of [snapshot, ...deltas]) {
      const opened = this.#options.open(part);
      if (!opened.ok) return { ok: false, error: troubleOf(opened.error) };
      const base: OpaSnapshot | undefined = whole.ok ? whole.value : undefined;
      const next = opened.value.type === "delta" ? applyDelta(base, opened.value) : ok(opened.value);
      if (!next.ok) return { ok: false, error: troubleOf(next.error) };
      whole = next;
    }
    if (!whole.ok) return whole;
    const activated = bundles.activate(name, whole.value);
    return activated.ok ? whole : activated;
  }
}

function refuse(message: string): Result<never, BundleTrouble> {
  return { ok: false, error: { message } };
}

function answered({ status, headers, body }: ClientAnswer): PullEvent {
  return { type: "answered", status, headers, length: body.length };
}

/** An abort ends the wait; whoever waits looks at the signal. */
async function pause(delay: Duration, signal: AbortSignal): Promise<void> {
  await sleep(delay, undefined, { signal }).catch(() => undefined);
}
