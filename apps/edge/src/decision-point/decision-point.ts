import type { Random } from "@vedette/base";
import {
  type ConnectionProblem,
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  listenSocket,
  listenUnix,
  refusalResponse,
} from "@vedette/net";
import type { RegisteredPep } from "@vedette/protocol";
import type { Log } from "@vedette/runtime";
import { Callers, type CallersOptions } from "../callers.ts";
import type { DeviceRegistry } from "../device-registry.ts";
import type { EvidenceLog } from "../evidence-log.ts";
import type { PolicyHost } from "../policy-host.ts";
import type { StateKeeper } from "../state-keeper.ts";
import type { TierDesk } from "../tier-desk.ts";
import { AccessDesk } from "./access-desk.ts";
import { createAuthzenApi } from "./authzen-api.ts";
import { AccessSearch } from "./authzen-search.ts";
import { DecisionCounts } from "./decision-counts.ts";
import { serveDecisionSocket } from "./decision-socket.ts";
import { DocumentDesk } from "./document-desk.ts";
import { DECISIONS_IN_FLIGHT_MAX, InFlight } from "./in-flight.ts";
import { createOpaApi } from "./opa-api.ts";
import { localPep, mayClaimAnything, type Pep, remotePep } from "./pep.ts";
import { PolicyContents } from "./policy-contents.ts";

export interface DecisionPointOptions extends CallersOptions {
  readonly peps: readonly RegisteredPep[];
  readonly site: string;
  readonly node: string;
  readonly host: Pick<PolicyHost, "active" | "readActiveFiles">;
  readonly registry: Pick<DeviceRegistry, "find" | "freshnessOf">;
  readonly state: Pick<StateKeeper, "spent" | "reserve" | "confirm" | "release">;
  readonly evidence: Pick<EvidenceLog, "writeAllowed" | "writeDenied" | "queried" | "unauthenticated">;
  readonly random: Random;
  readonly log: Log;
  readonly tiers: TierDesk;
  /** OPA's bundle service; undefined for a request that is for somebody else. */
  readonly bundles: (http: HttpRequest) => Promise<HttpResponse> | undefined;
}

/** Where registered PEPs ask. Sockets are open from `open` to the disposal; the mTLS listener is the site service's. */
export class DecisionPoint implements AsyncDisposable {
  readonly counts: DecisionCounts = new DecisionCounts();
  readonly #options: DecisionPointOptions;
  readonly #callers: Callers;
  readonly desks: { readonly access: AccessDesk; readonly documents: DocumentDesk };
  readonly #answer: (pep: Pep, http: HttpRequest) => Promise<HttpResponse>;
  readonly #listeners = new AsyncDisposableStack();

  private constructor(options: DecisionPointOptions) {
    this.#options = options;
    this.#callers = new Callers(options);
    const { host } = options;
    const policy = () => host.active;
    const inFlight = new InFlight(DECISIONS_IN_FLIGHT_MAX);
    const sources = { ...options, counts: this.counts, inFlight, policy };
    this.desks = { access: new AccessDesk(sources), documents: new DocumentDesk(sources) };
    const contents = new PolicyContents(host);
    const shared = { ...this.desks, policy };
    const opa = createOpaApi({ ...shared, modules: () => contents.modules() });
    const search = new AccessSearch({ ...options, ...shared, vocabulary: () => contents.vocabulary() });
    const authzen = createAuthzenApi({ ...shared, search });
    const bundles = (pep: Pep, http: HttpRequest) => {
      if (!http.path.startsWith(BUNDLES) || mayClaimAnything(pep)) return options.bundles(http);
      this.counts.of(pep).refused++;
      return Promise.resolve(BUNDLE_REFUSED);
    };
    this.#answer = async (pep, http) =>
      (await (opa(pep, http) ?? bundles(pep, http) ?? authzen(pep, http))) ?? NOT_FOUND;
  }

  /** Throws `AdapterError` as `listenUnix` does when a socket cannot be had. */
  static async open(options: DecisionPointOptions): Promise<DecisionPoint> {
    const point = new DecisionPoint(options);
    try {
      for (const pep of options.peps) await point.#openSockets(pep);
      return point;
    } catch (error) {
      await point[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** For PEPs that come over mTLS: who is not registered is told nothing (PROTOCOLS 5.5). */
  readonly serveRemote: HttpHandler = async (http) => {
    const { evidence, peps } = this.#options;
    const caller = this.#callers.recognise(http);
    if (!caller.ok) {
      evidence.unauthenticated(caller.error);
      const message = "the certificate is not, or no longer, a principal of this site";
      return refusalResponse(401, caller.error, message, {}, { connection: "close" });
    }
    const { kind: type, id } = caller.value.principal;
    const registered = peps.find(({ spiffeId }) => spiffeId === id);
    if (registered) return this.#answer(remotePep(registered, { type, id }), http);
    evidence.unauthenticated("pep_unregistered");
    return refusalResponse(403, "PEP_UNREGISTERED", "this principal is not registered as a decision point", {});
  };

  [Symbol.asyncDispose](): Promise<void> {
    return this.#listeners.disposeAsync();
  }

  async #openSockets(registered: RegisteredPep): Promise<void> {
    const { random, evidence, log } = this.#options;
    const pep = localPep(registered);
    const onProblem = (code: string) => evidence.unauthenticated(code.toLowerCase());
    const onBug = (error: unknown) => log("error", "a question of a decision point failed", { pep: pep.name, error });
    if (registered.socket !== undefined)
      this.#listeners.use(
        await listenUnix({
          path: registered.socket,
          handler: (http) => this.#answer(pep, http),
          random,
          onConnectionError: ({ code }: ConnectionProblem) => onProblem(code),
          onHandlerError: onBug,
        }),
      );
    if (registered.frames !== undefined)
      this.#listeners.use(
        await listenSocket({
          path: registered.frames,
          connectionsMax: CONNECTIONS_MAX,
          onConnection: (socket) => serveDecisionSocket(socket, pep, { ...this.desks, onProblem, onBug }),
          onDropped: () => onProblem("CONNECTIONS_FULL"),
        }),
      );
  }
}

/** One PEP is one process or a few; each connection may hold some megabytes. */
const CONNECTIONS_MAX = 64;
const BUNDLES = "/bundles/";
const BUNDLE_REFUSED = refusalResponse(
  403,
  "BUNDLE_REFUSED",
  'a policy bundle names every device of the site, and this decision point may not: "mayClaimSubject": ["*"]',
);
const NOT_FOUND = refusalResponse(404, "HTTP_NOT_FOUND", "nothing is served at this path");
