import { setTimeout as sleep } from "node:timers/promises";
import {
  AdapterError,
  type Clock,
  type Crypto,
  type Duration,
  type Instant,
  instantToString,
  parseUtf8,
  type Random,
} from "@vedette/base";
import { formatNote, type NoteSignature, type NoteSigner, parseNote, verifyNote } from "@vedette/envelope";
import type { Journal } from "@vedette/journal";
import { connectTls, type HttpClient, type TlsCertificate, watch } from "@vedette/net";
import { encodeMessage, type Generations, generations, parseMessage, parseValue } from "@vedette/protocol";
import type { Log } from "@vedette/runtime";
import { afterUpload, createTreeHasher, planUpload, startUpload, type UploadState } from "@vedette/tlog";
import { certificatesToPem } from "@vedette/x509";
import type { EffectiveClock } from "./effective-clock.ts";
import type { NodeFacts } from "./node-facts.ts";
import type { PolicyHost } from "./policy-host.ts";

export interface FleetLinkOptions {
  readonly facts: NodeFacts;
  readonly host: PolicyHost;
  readonly journal: Journal;
  readonly journalSigner: NoteSigner;
  readonly wallClock: Clock;
  readonly clock: EffectiveClock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly timeout: Duration;
  identity(): TlsCertificate;
  /** Re-attests (PROTOCOLS 2.5) and returns when the next renewal is due. Throws `AdapterError` when it cannot. */
  renew(): Promise<Instant>;
  readonly firstRenewal: Instant;
}

export interface FleetLinkStatus {
  readonly isReachable: boolean;
  readonly lastContact: Instant | undefined;
  readonly mirroredSize: number;
  readonly renewals: number;
}

/** The journal is uploaded this often while there is something new. */
const UPLOAD_INTERVAL_MS = 1_000;
/** Polled when the event stream is lost, and as a second line when it is silent (PROTOCOLS 7.3). */
const POLL_INTERVAL_MS = 5_000;
/** A renewal that failed is tried again after this. */
const RENEWAL_RETRY_MS = 5_000;

/** The node's side of everything that needs the control plane. Nothing here is waited for by a decision. */
export class FleetLink implements AsyncDisposable {
  readonly #options: FleetLinkOptions;
  readonly #stop = new AbortController();
  #client: HttpClient;
  #seen: Generations = { policy: -1, trust: -1, status: -1 };
  #upload: UploadState;
  #isReachable = false;
  #lastContact: Instant | undefined;
  #renewals = 0;
  #running: Promise<unknown> = Promise.resolve();
  #following: Promise<void> = Promise.resolve();

  constructor(options: FleetLinkOptions) {
    this.#options = options;
    this.#client = this.#connect();
    this.#upload = startUpload(options.journal.cosignedCheckpoint()?.size ?? 0);
  }

  start(): void {
    this.#running = Promise.all([this.#watch(), this.#poll(), this.#uploadAlways(), this.#renewAlways()]);
  }

  status(): FleetLinkStatus {
    return {
      isReachable: this.#isReachable,
      lastContact: this.#lastContact,
      mirroredSize: this.#upload.cosignedSize,
      renewals: this.#renewals,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#client.close();
    await this.#running;
  }

  #connect(): HttpClient {
    const { facts, timeout, identity } = this.#options;
    return connectTls({
      url: facts.fleetUrl,
      anchors: { roots: [certificatesToPem([facts.root])] },
      expectedServer: { dns: `control.${facts.fleet}` },
      identity: identity(),
      limits: { connectMs: timeout, answerMs: timeout },
    });
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const client = this.#client;
      await watch(client, "/v1/watch", {
        signal: AbortSignal.any([signal, this.#untilClientChanges(client)]),
        random: this.#options.random,
        onEvent: (event) => {
          this.#contact(true);
          const current = parseValue(generations, parseJson(event.data));
          if (current.ok) this.#follow(current.value);
        },
        onLost: () => this.#contact(false),
      });
    }
  }

  /** A renewed identity means a new client; the stream of the old one ends. */
  #untilClientChanges(client: HttpClient): AbortSignal {
    const changed = new AbortController();
    const timer = setInterval(() => {
      if (this.#client !== client || this.#stop.signal.aborted) {
        clearInterval(timer);
        changed.abort();
      }
    }, UPLOAD_INTERVAL_MS);
    timer.unref();
    return changed.signal;
  }

  async #poll(): Promise<void> {
    await this.#repeat(POLL_INTERVAL_MS, async () => {
      const answer = await this.#client.request("GET", "/v1/generations");
      const current = answer.status === 200 ? parseMessage(generations, answer.body) : undefined;
      if (current?.ok) this.#follow(current.value);
    });
  }

  /** One at a time, in order. */
  #follow(current: Generations): void {
    this.#following = this.#following.then(async () => {
      try {
        if (current.trust > this.#seen.trust) await this.#fetchTrust();
        if (current.policy > this.#seen.policy) await this.#fetchPolicy();
        this.#seen = current;
      } catch (error) {
        this.#options.log("warn", "could not follow the control plane; the next event or poll tries again", { error });
      }
    });
  }

  async #fetchTrust(): Promise<void> {
    const { host, log } = this.#options;
    const answer = await this.#client.request("GET", "/v1/trust");
    const text = parseUtf8(answer.body);
    if (answer.status !== 200 || !text.ok) return;
    const accepted = await host.acceptTrust(text.value);
    if (!accepted.ok) log("warn", "a trust document was refused; the old one stays", { ...accepted.error });
  }

  async #fetchPolicy(): Promise<void> {
    const { host, log, wallClock } = this.#options;
    const answer = await this.#client.request("GET", "/v1/policy");
    if (answer.status !== 200 || answer.headers["etag"] === `"${host.active?.sequence}"`) return;
    const accepted = await host.acceptPolicy(answer.body);
    const at = wallClock.now();
    if (accepted.ok) {
      const { sequence, digest, revision } = accepted.value;
      log("info", "a policy bundle is active", { sequence, revision });
      await this.#acknowledge({ sequence, digest, at });
      return;
    }
    log("warn", "a policy bundle was refused; the old one stays", { code: accepted.error.code });
    const offered = Number(/^"(\d{1,15})"$/.exec(answer.headers["etag"] ?? "")?.[1] ?? 0);
    await this.#acknowledge({ sequence: offered, digest: "0".repeat(64), at, refused: accepted.error.code });
  }

  async #acknowledge(message: object): Promise<void> {
    const body = Buffer.from(encodeMessage(message));
    await this.#client.request("POST", "/v1/policy/acknowledgements", { body });
  }

  async #uploadAlways(): Promise<void> {
    await this.#repeat(UPLOAD_INTERVAL_MS, () => this.#uploadOnce());
  }

  /** Walk 4: what the mirror has not cosigned yet, in resumable pieces with proofs (C2SP tlog-mirror). */
  async #uploadOnce(): Promise<void> {
    const { journal, journalSigner, crypto, log } = this.#options;
    if (journal.head().size === this.#upload.cosignedSize) return;
    const hasher = createTreeHasher(crypto);
    const latest = await journal.checkpoint(journalSigner);
    while (!this.#stop.signal.aborted) {
      const planned = planUpload(this.#upload, latest, journal, hasher);
      if (!planned.ok)
        throw new AdapterError(planned.error.code, "the journal cannot be uploaded", { ...planned.error });
      const request = planned.value;
      if (!request) return;
      const answer = await this.#client.request("POST", `/v1/journal${request.path}`, {
        headers: { "content-type": request.contentType },
        body: request.body,
      });
      const body = parseUtf8(answer.body);
      const progress = afterUpload(this.#upload, request, { status: answer.status, body: body.ok ? body.value : "" });
      if (!progress.ok)
        throw new AdapterError(progress.error.code, "the mirror refused the upload", { ...progress.error });
      this.#upload = progress.value.state;
      if (progress.value.cosigned) await this.#keepCosignature(progress.value.cosigned);
      log("info", "the journal was uploaded", { size: this.#upload.cosignedSize });
    }
  }

  async #keepCosignature(cosigned: {
    readonly size: number;
    readonly signatures: readonly NoteSignature[];
  }): Promise<void> {
    const { host, journal, journalSigner, crypto, clock } = this.#options;
    const own = parseNote(journal.checkpointAt(cosigned.size, journalSigner).note);
    const keys = (host.trust?.mirrors ?? []).map(({ verifierKey }) => verifierKey);
    if (!own.ok) return;
    const note = { ...own.value, signatures: [...own.value.signatures, ...cosigned.signatures] };
    const verified = verifyNote(note, keys, crypto);
    if (!verified.ok) throw new AdapterError(verified.error.code, "the mirror's cosignature does not verify", {});
    for (const signature of verified.value)
      if (signature.cosignedAt !== undefined) clock.witnessCosignature(signature.cosignedAt);
    await journal.keepCosigned({ size: cosigned.size, note: formatNote(note) });
  }

  async #renewAlways(): Promise<void> {
    const { signal } = this.#stop;
    let due = this.#options.firstRenewal;
    while (!signal.aborted) {
      const wait = Math.max(due - this.#options.wallClock.now(), 0);
      await sleep(Math.min(wait, TIMER_MAX_MS), undefined, { signal }).catch(() => undefined); // an abort ends the wait
      if (signal.aborted || this.#options.wallClock.now() < due) continue;
      try {
        due = await this.#options.renew();
        this.#renewals++;
        const previous = this.#client;
        this.#client = this.#connect();
        previous.close();
        this.#options.log("info", "the node's identity was renewed", { nextRenewal: instantToString(due) });
      } catch (error) {
        this.#options.log("warn", "the node's identity could not be renewed; it is tried again", { error });
        due = (this.#options.wallClock.now() + RENEWAL_RETRY_MS) as Instant;
      }
    }
  }

  async #repeat(intervalMs: number, act: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await act();
        this.#contact(true);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof AdapterError)) throw error;
        this.#contact(false, error);
      }
      await sleep(intervalMs, undefined, { signal }).catch(() => undefined); // an abort ends the wait
    }
  }

  /** Told once when it changes, not at every try. */
  #contact(isReachable: boolean, error?: AdapterError): void {
    if (isReachable) this.#lastContact = this.#options.wallClock.now();
    if (isReachable !== this.#isReachable)
      this.#options.log(
        isReachable ? "info" : "warn",
        isReachable ? "the control plane answers" : "the control plane is out of reach; decisions go on",
        { error },
      );
    this.#isReachable = isReachable;
  }
}

/** Node's timers hold 31 bits. */
const TIMER_MAX_MS = 2_147_483_647;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // An event that is not JSON is no event of ours.
    return undefined;
  }
}
