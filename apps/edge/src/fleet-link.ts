import { setTimeout as sleep } from "node:timers/promises";
import {
  AdapterError,
  type Clock,
  type Crypto,
  type Duration,
  type Instant,
  instantToString,
  type Random,
  readJson,
} from "@vedette/base";
import type { NoteSigner } from "@vedette/envelope";
import {
  afterFailure,
  BACKOFF_POLICY,
  type ClientAnswer,
  chanceOf,
  connectTls,
  type HttpClient,
  RESTED,
  type RequestExtras,
  type TlsCertificate,
  watch,
} from "@vedette/net";
import { generations, parseMessage, parseValue } from "@vedette/protocol";
import type { Log } from "@vedette/runtime";
import { certificatesToPem } from "@vedette/x509";
import type { EffectiveClock } from "./effective-clock.ts";
import { type FleetRequest, standingRefusal } from "./fleet-request.ts";
import { GenerationFollower } from "./generation-follower.ts";
import { JournalUpload, type JournalUploadOptions } from "./journal-upload.ts";
import type { NodeFacts } from "./node-facts.ts";
import type { PolicyHost } from "./policy-host.ts";
import { RenewalSchedule } from "./renewal-schedule.ts";

export interface FleetLinkOptions {
  readonly facts: Pick<NodeFacts, "fleet" | "fleetUrl" | "root">;
  readonly host: Pick<
    PolicyHost,
    "trust" | "trustVersion" | "active" | "acceptTrust" | "expectPolicy" | "acceptPolicy"
  >;
  readonly journal: JournalUploadOptions["journal"];
  readonly journalSigner: NoteSigner;
  readonly wallClock: Clock;
  readonly clock: Pick<EffectiveClock, "witnessCosignature">;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly timeout: Duration;
  identity(): TlsCertificate;
  /** Re-attests (PROTOCOLS 2.5) and returns when the next renewal is due. Throws `AdapterError` when it cannot. */
  renew(): Promise<Instant>;
  readonly firstRenewal: Instant;
  /** In place of mTLS to `facts.fleetUrl`. */
  readonly connect?: () => HttpClient;
  /** Told what is no `AdapterError`. Without it such an error ends the process: a node that silently stopped reporting would look whole. */
  readonly onBug?: (error: unknown) => void;
}

/** `refused`: the control plane answers, and wants this node to re-attest first. */
export type FleetContact = "answering" | "refused" | "unreachable";

export interface FleetLinkStatus {
  /** There was an answer, be it a refusal. */
  readonly isReachable: boolean;
  readonly contact: FleetContact;
  readonly lastContact: Instant | undefined;
  readonly mirroredSize: number;
  readonly renewals: number;
}

/** The journal is uploaded this often while there is something new. */
const UPLOAD_INTERVAL_MS = 1_000;
/** Polled when the event stream is lost, and as a second line when it is silent (PROTOCOLS 7.3). */
const POLL_INTERVAL_MS = 5_000;
/** Node's timers hold 31 bits. */
const TIMER_MAX_MS = 2_147_483_647;

/** The node's side of everything that needs the control plane. Nothing here is waited for by a decision. */
export class FleetLink implements AsyncDisposable {
  readonly #options: FleetLinkOptions;
  readonly #stop = new AbortController();
  readonly #follower: GenerationFollower;
  readonly #upload: JournalUpload;
  readonly #renewal: RenewalSchedule;
  #connection: Connection;
  #contact: FleetContact = "unreachable";
  #lastContact: Instant | undefined;
  #renewals = 0;
  #renewSooner = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: FleetLinkOptions) {
    this.#options = options;
    this.#connection = this.#connect();
    const ask: FleetRequest = (method, path, extras) => this.#ask(method, path, extras);
    this.#follower = new GenerationFollower({ ...options, ask, onBug: (error) => this.#reportBug(error) });
    this.#upload = new JournalUpload({ ...options, ask });
    this.#renewal = new RenewalSchedule(options.firstRenewal, options.random);
  }

  start(): void {
    const loops = [this.#watch(), this.#poll(), this.#uploadAlways(), this.#renewAlways()];
    this.#running = Promise.all(loops.map((loop) => loop.catch((error) => this.#reportBug(error))));
  }

  status(): FleetLinkStatus {
    return {
      isReachable: this.#contact !== "unreachable",
      contact: this.#contact,
      lastContact: this.#lastContact,
      mirroredSize: this.#upload.mirroredSize,
      renewals: this.#renewals,
    };
  }

  /** Waits for a renewal or an activation that is under way: each writes what the next start relies on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#connection.client.close();
    await this.#running;
    await this.#follower.settled();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const connection = this.#connection;
      await watch(connection.client, "/v1/watch", {
        signal: AbortSignal.any([signal, connection.retired.signal]),
        random: this.#options.random,
        onEvent: (event) => {
          this.#noteAccepted();
          const current = parseValue(generations, parseJson(event.data));
          if (current.ok) this.#follower.follow(current.value);
        },
        onLost: (error) => {
          // With a status it was an answer; what it means is for the poll to find out.
          if (error.facts["status"] === undefined) this.#noteUnreachable(connection, error);
        },
      });
    }
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const answer = await this.#ask("GET", "/v1/generations");
      const current = answer?.status === 200 ? parseMessage(generations, answer.body) : undefined;
      if (current?.ok) this.#follower.follow(current.value);
      await pause(POLL_INTERVAL_MS, signal);
    }
  }

  async #uploadAlways(): Promise<void> {
    const { log, random } = this.#options;
    const { signal } = this.#stop;
    let backoff = RESTED;
    while (!signal.aborted) {
      let outcome: Awaited<ReturnType<JournalUpload["uploadAll"]>> = "refused";
      try {
        outcome = await this.#upload.uploadAll(signal);
      } catch (error) {
        if (!(error instanceof AdapterError)) throw error;
        log("warn", "the journal could not be read for its upload; it is tried again", { error });
      }
      const failed = afterFailure(backoff, BACKOFF_POLICY, chanceOf(random));
      backoff = outcome === "refused" ? failed.state : RESTED;
      await pause(outcome === "refused" ? Math.max(failed.wait, UPLOAD_INTERVAL_MS) : UPLOAD_INTERVAL_MS, signal);
    }
  }

  async #renewAlways(): Promise<void> {
    const { renew, log, wallClock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#renewSooner = new AbortController();
      const wait = Math.max(this.#renewal.due - wallClock.now(), 0);
      await pause(Math.min(wait, TIMER_MAX_MS), AbortSignal.any([signal, this.#renewSooner.signal]));
      if (signal.aborted || wallClock.now() < this.#renewal.due) continue;
      try {
        const due = await renew();
        this.#renewals++;
        this.#renewal.onRenewed(due);
        log("info", "the node's identity was renewed", { nextRenewal: instantToString(due) });
        if (!signal.aborted) this.#reconnect();
      } catch (error) {
        if (!(error instanceof AdapterError)) throw error;
        this.#renewal.onFailed(wallClock.now());
        const again = instantToString(this.#renewal.due);
        log("warn", "the node's identity could not be renewed; it is tried again", { again, error });
      }
    }
  }

  async #ask(method: string, path: string, extras?: RequestExtras): Promise<ClientAnswer | undefined> {
    const connection = this.#connection;
    try {
      const answer = await connection.client.request(method, path, extras);
      const refusal = standingRefusal(answer);
      if (refusal !== undefined) {
        this.#noteRefused(connection, refusal);
        return undefined;
      }
      this.#noteAccepted();
      return answer;
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      this.#noteUnreachable(connection, error);
      return undefined;
    }
  }

  #noteAccepted(): void {
    this.#lastContact = this.#options.wallClock.now();
    this.#renewal.onAccepted();
    this.#turn("answering", "info", "the control plane answers", {});
  }

  #noteRefused(connection: Connection, code: string): void {
    // Said of an identity that is renewed already.
    if (connection !== this.#connection) return;
    const now = this.#options.wallClock.now();
    this.#lastContact = now;
    this.#renewal.onRefused(now);
    this.#renewSooner.abort();
    this.#turn("refused", "warn", "the control plane refuses this node; it re-attests, and decisions go on", { code });
  }

  #noteUnreachable(connection: Connection, error: AdapterError): void {
    // We closed it ourselves.
    if (connection !== this.#connection || this.#stop.signal.aborted) return;
    this.#turn("unreachable", "warn", "the control plane is out of reach; decisions go on", { error });
  }

  /** Told once when it changes, not at every try. */
  #turn(
    contact: FleetContact,
    level: "info" | "warn",
    message: string,
    facts: Readonly<Record<string, unknown>>,
  ): void {
    if (contact !== this.#contact) this.#options.log(level, message, facts);
    this.#contact = contact;
  }

  #reportBug(error: unknown): void {
    const { onBug } = this.#options;
    if (onBug) onBug(error);
    else
      queueMicrotask(() => {
        throw error;
      });
  }

  #connect(): Connection {
    const { facts, timeout, identity, connect } = this.#options;
    const client =
      connect?.() ??
      connectTls({
        url: facts.fleetUrl,
        anchors: { roots: [certificatesToPem([facts.root])] },
        expectedServer: { dns: `control.${facts.fleet}` },
        identity: identity(),
        limits: { connectMs: timeout, answerMs: timeout },
      });
    return { client, retired: new AbortController() };
  }

  /** A renewed identity means a new client; what travels under the old one ends. */
  #reconnect(): void {
    const previous = this.#connection;
    this.#connection = this.#connect();
    previous.retired.abort();
    previous.client.close();
  }
}

interface Connection {
  readonly client: HttpClient;
  /** Aborted when another one has taken its place. */
  readonly retired: AbortController;
}

/** An abort ends the wait; whoever waits looks at the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

function parseJson(text: string): unknown {
  try {
    return readJson(text);
  } catch {
    // An event that is not JSON is no event of ours.
    return undefined;
  }
}
