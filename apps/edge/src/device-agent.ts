import { setTimeout as sleep } from "node:timers/promises";
import {
  AdapterError,
  addDuration,
  type Clock,
  type Crypto,
  type Instant,
  instantToString,
  isSameBytes,
  type Random,
} from "@vedette/base";
import {
  afterFailure,
  type BackoffPolicy,
  CLIENT_LIMITS,
  chanceOf,
  connectTls,
  createRouter,
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
  listenUnix,
  RESTED,
  refusalResponse,
  route,
} from "@vedette/net";
import { type DeviceGrant, deviceGrant, type JoinFile, parseMessage } from "@vedette/protocol";
import { generateKey, type Log, type SoftwareKey } from "@vedette/runtime";
import { certificatesToPem, parseCertificate } from "@vedette/x509";
import { attest, NO_JOURNAL } from "./attester.ts";
import { GRANT_LENGTH_MAX, refusalError, renewalDue } from "./renewal.ts";
import { createTpmAccess } from "./tpm-access.ts";

export interface DeviceAgentOptions {
  readonly join: JoinFile;
  readonly tpmPath: string;
  /** Applications on the device send plain HTTP here; it goes to the gateway under the device's identity. */
  readonly socket: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly log: Log;
}

export interface RunningDevice extends AsyncDisposable {
  readonly spiffeId: string;
  readonly svidNotAfter: Instant;
  close(): Promise<void>;
}

interface Identity {
  readonly key: SoftwareKey;
  readonly grant: DeviceGrant;
  readonly notAfter: Instant;
  readonly client: HttpClient;
}

/** A request an application sends through its device; uploads of files go another way. */
const BODY_LENGTH_MAX = 1_048_576;
/** A gateway that restarts is back in a second or two; one that refuses is asked about twice a minute. */
const RENEWAL_BACKOFF: BackoffPolicy = { firstMs: 1_000, maxMs: 30_000 };
/** The device's own page, beside what it forwards. */
const STATUS_PATH = "/.vedette/status";

/**
 * The agent on a device: proves its TPM to the site's gateway, keeps a short-lived SVID, and lends it to local
 * applications through a socket. The TLS key is new at each renewal and never leaves this process.
 * Throws `AdapterError` ATTESTATION_PENDING or ATTESTATION_REFUSED when the gateway does not admit the device.
 */
export async function startDevice(options: DeviceAgentOptions): Promise<RunningDevice> {
  const { join, clock, random, log } = options;
  const stop = new AbortController();
  const standing = { renewals: 0, refusedRenewals: 0, lastRefusal: "" };
  let current = await enrol(options, "enrol");
  const spiffeId = `spiffe://${join.site}.${join.fleet}/device/${join.class}/${join.name}`;
  const status = route("GET", STATUS_PATH, async () =>
    jsonResponse(200, { spiffeId, svidNotAfter: instantToString(current.notAfter), ...standing }),
  );
  const statusHandler = createRouter([status]);
  const listener = await listenUnix({
    path: options.socket,
    random,
    handler: (request) => (request.path === STATUS_PATH ? statusHandler(request) : passOn(request, current.client)),
    onConnectionError: () => {},
    onHandlerError: (error) => log("error", "a request failed", { error }),
  });
  const renewing = renewAlways();
  const close = async (): Promise<void> => {
    stop.abort();
    await listener.close({ graceMs: 500 });
    current.client.close();
    await renewing;
  };
  return {
    spiffeId,
    get svidNotAfter() {
      return current.notAfter;
    },
    close,
    [Symbol.asyncDispose]: close,
  };

  async function renewAlways(): Promise<void> {
    let due = renewalDue(clock, current.notAfter, random);
    let failures = RESTED;
    while (!stop.signal.aborted) {
      await sleep(Math.max(due - clock.now(), 0), undefined, { signal: stop.signal }).catch(() => undefined); // an abort ends the wait
      if (stop.signal.aborted) return;
      try {
        // A gateway that was replaced does not know this device yet; it is enrolled there as at first.
        const next = await enrol(options, standing.lastRefusal === "ATTESTER_UNKNOWN" ? "enrol" : "reattest");
        const previous = current;
        current = next;
        drain(previous.client);
        standing.renewals++;
        standing.lastRefusal = "";
        failures = RESTED;
        due = renewalDue(clock, current.notAfter, random);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        standing.refusedRenewals++;
        standing.lastRefusal = error instanceof AdapterError ? reasonOf(error) : error.name;
        log("warn", "the identity could not be renewed; it is tried again", { error });
        const next = afterFailure(failures, RENEWAL_BACKOFF, chanceOf(random));
        failures = next.state;
        due = addDuration(clock.now(), next.wait);
      }
    }
  }
}

async function enrol(options: DeviceAgentOptions, purpose: "enrol" | "reattest"): Promise<Identity> {
  const { join, crypto } = options;
  const key = generateKey("ES256");
  const spiffeId = `spiffe://${join.site}.${join.fleet}/gateway`;
  const anchors = { pinnedRoot: join.root };
  using verifier = connectTls({ url: join.url, anchors, expectedServer: { spiffeId } });
  const answer = await verifier.withConnection((connection) =>
    attest(
      { post: (path, body) => connection.request("POST", path, { body }) },
      {
        tpm: createTpmAccess(options.tpmPath),
        crypto,
        tlsKey: key,
        purpose,
        site: join.site,
        class: join.class,
        name: join.name,
        claim: join.claim,
        journal: NO_JOURNAL,
      },
    ),
  );
  if (!answer.ok) throw refusalError(answer.error);
  const grant = parseMessage(deviceGrant, answer.value, GRANT_LENGTH_MAX);
  if (!grant.ok)
    throw new AdapterError("ATTESTATION_ANSWER_MALFORMED", "the gateway's grant is not well formed", {
      ...grant.error,
    });
  const leaf = parseCertificate(grant.value.svid[0] ?? new Uint8Array(0));
  if (!leaf.ok || !isSameBytes(leaf.value.spki, key.spki))
    throw new AdapterError("GRANT_REFUSED", "the gateway's SVID does not carry this device's key", {});
  const client = connectTls({
    url: grant.value.gatewayUrl,
    anchors,
    expectedServer: { spiffeId },
    identity: { chainPem: certificatesToPem(grant.value.svid), key: key.exportPkcs8() },
  });
  return { key, grant: grant.value, notAfter: leaf.value.notAfter, client };
}

async function passOn(request: HttpRequest, client: HttpClient): Promise<HttpResponse> {
  const body = await request.body(BODY_LENGTH_MAX);
  const type = request.headers["content-type"];
  try {
    const answer = await client.request(request.method, request.target, {
      ...(body.length > 0 ? { body } : {}),
      ...(type === undefined ? {} : { headers: { "content-type": type } }),
    });
    return { status: answer.status, headers: pick(answer.headers), body: answer.body };
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    return refusalResponse(502, error.code, "the gateway did not answer", { reason: reasonOf(error) });
  }
}

function pick(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept = ["content-type", "x-vedette-decision", "retry-after"];
  return Object.fromEntries(kept.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}

/** Requests under way end on the connections they began on. */
function drain(client: HttpClient): void {
  setTimeout(() => client.close(), CLIENT_LIMITS.answerMs).unref();
}

/** The other side's code where it gave one, else ours. */
function reasonOf({ code, facts }: AdapterError): string {
  const reason = facts["reason"];
  return typeof reason === "string" ? reason : code;
}
