import { AdapterError, type Clock, type Crypto, hex, parseUtf8 } from "@vedette/base";
import { BUNDLE_LENGTH_MAX } from "@vedette/policy";
import { encodeMessage, type Generations } from "@vedette/protocol";
import type { Log } from "@vedette/runtime";
import type { FleetRequest } from "./fleet-request.ts";
import type { ActivationError, PolicyHost } from "./policy-host.ts";

export interface GenerationFollowerOptions {
  readonly host: Pick<PolicyHost, "active" | "trustVersion" | "acceptTrust" | "expectPolicy" | "acceptPolicy">;
  readonly wallClock: Clock;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly ask: FleetRequest;
  onBug(error: unknown): void;
}

/** Refused now, and perhaps not in a while: nothing has to be published again for that. */
const PASSING: ReadonlySet<ActivationError["code"]> = new Set(["TRUST_MISSING", "BUNDLE_NOT_YET_VALID"]);
const NO_CONTENT = 204;

/**
 * Fetches what the control plane has announced, one at a time: trust before policy. A generation counts as seen when it
 * runs or is refused for good; whatever else happens, the next announcement or poll tries again.
 */
export class GenerationFollower {
  readonly #options: GenerationFollowerOptions;
  #wanted: Generations | undefined;
  #working: Promise<void> | undefined;
  #seenTrust: number | undefined;
  #seenPolicy: string | undefined;
  #acknowledged: string | undefined;

  constructor(options: GenerationFollowerOptions) {
    this.#options = options;
  }

  follow(current: Generations): void {
    this.#wanted = current;
    this.#working ??= this.#work();
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    while (this.#wanted) {
      const wanted = this.#wanted;
      this.#wanted = undefined;
      try {
        await this.#fetch(wanted);
      } catch (error) {
        if (error instanceof AdapterError)
          this.#options.log("warn", "what the control plane announced could not be stored; it is tried again", {
            error,
          });
        else this.#options.onBug(error);
      }
    }
    // INVARIANT: no turn of the event loop between the last look and this, or an announcement could wait for nobody.
    this.#working = undefined;
  }

  async #fetch({ trust, policy }: Generations): Promise<void> {
    if (trust !== this.#seenTrust && (await this.#fetchTrust())) this.#seenTrust = trust;
    // Another trust document may admit what the last one refused, and the other way round.
    const mark = `${policy} under ${this.#options.host.trustVersion}`;
    if (mark !== this.#seenPolicy && (await this.#fetchPolicy())) this.#seenPolicy = mark;
  }

  async #fetchTrust(): Promise<boolean> {
    const { host, log, ask } = this.#options;
    const answer = await ask("GET", "/v1/trust");
    if (answer?.status !== 200) return false;
    const text = parseUtf8(answer.body);
    const accepted = await host.acceptTrust(text.ok ? text.value : "");
    if (!accepted.ok) log("warn", "a trust document was refused; the old one stays", { ...accepted.error });
    return true;
  }

  async #fetchPolicy(): Promise<boolean> {
    const { host, log, ask, crypto } = this.#options;
    using _expected = host.expectPolicy();
    const answer = await ask("GET", "/v1/policy", { limits: { answerLengthMax: BUNDLE_LENGTH_MAX } });
    if (answer?.status === NO_CONTENT) return true;
    if (answer?.status !== 200) return false;
    const etag = answer.headers["etag"] ?? "";
    const running = host.active;
    if (running && etag === `"${running.sequence}"`) return this.#acknowledge(running.sequence, running.digest);
    const accepted = await host.acceptPolicy(answer.body);
    if (accepted.ok) {
      const { sequence, digest, revision } = accepted.value;
      log("info", "a policy bundle is active", { sequence, revision });
      return this.#acknowledge(sequence, digest);
    }
    const { code } = accepted.error;
    const offered = Number(/^"(\d{1,15})"$/.exec(etag)?.[1] ?? 0);
    const digest = hex(crypto.hash("sha256", answer.body));
    return (await this.#acknowledge(offered, digest, code)) && !PASSING.has(code);
  }

  /** Once for each bundle and verdict. */
  async #acknowledge(sequence: number, digest: string, refused?: string): Promise<boolean> {
    const { ask, wallClock, log } = this.#options;
    const verdict = `${digest} ${refused ?? ""}`;
    if (verdict === this.#acknowledged) return true;
    if (refused !== undefined) log("warn", "a policy bundle was refused", { sequence, code: refused });
    const message = { sequence, digest, at: wallClock.now(), ...(refused === undefined ? {} : { refused }) };
    const answer = await ask("POST", "/v1/policy/acknowledgements", { body: Buffer.from(encodeMessage(message)) });
    if (!answer || answer.status >= 500) return false;
    this.#acknowledged = verdict;
    return true;
  }
}
