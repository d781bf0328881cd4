import assert from "node:assert/strict";
import { type JsonObject, utf8 } from "@vedette/base";
import { mintServerCertificate } from "@vedette/identity";
import {
  bytesResponse,
  createEventHub,
  emptyResponse,
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
  listenTls,
  refusalResponse,
} from "@vedette/net";
import { createNodeCrypto, generateKey, systemClock, systemRandom } from "@vedette/runtime";
import { certificatesToPem } from "@vedette/x509";
import { FLEET, type Fleet, SITE, until } from "./fleet.ts";
import { issuingCaOf } from "./fleet-authorities.ts";

/** What the node acknowledged: what it runs, or why it refused. */
interface Acknowledged {
  readonly sequence: number;
  readonly refused?: string;
}

/** A control plane in the hands of an attacker: it has the issuing CA and its address, but neither trust key nor policy key. */
export interface LyingControl extends AsyncDisposable {
  /** Serves these bytes as the newest policy bundle, and waits for what the node says to it. */
  offerPolicy(bytes: Uint8Array): Promise<Acknowledged>;
  /** Serves this text as the newest trust document; resolves when the node has fetched it. */
  offerTrust(text: string): Promise<void>;
}

/** Takes the place of the fleet's control plane, which must have stopped, at the address that the node knows. */
export async function startLyingControl(fleet: Fleet, fleetUrl: string): Promise<LyingControl> {
  const events = createEventHub();
  const acknowledged: Acknowledged[] = [];
  let generation = 1_000;
  let trustFetched = 0;
  let policy: Uint8Array | undefined;
  let trust = "";
  const current = () => ({ policy: generation, trust: generation, status: 0 });
  const event = () => ({ id: `${generation}`, type: "generations", data: current() });
  const handler = async (http: HttpRequest): Promise<HttpResponse> => {
    switch (`${http.method} ${http.path}`) {
      case "GET /v1/watch":
        return events.subscribe(http, SITE, event());
      case "GET /v1/generations":
        return jsonResponse(200, current());
      case "GET /v1/policy":
        return policy
          ? bytesResponse(200, "application/gzip", policy, { etag: `"${generation}"` })
          : emptyResponse(204);
      case "GET /v1/trust":
        trustFetched++;
        return bytesResponse(200, "application/jose", utf8(trust));
      case "POST /v1/policy/acknowledgements":
        acknowledged.push(acknowledgedIn(await http.body(4_096)));
        return emptyResponse(204);
      default:
        return refusalResponse(503, "UNAVAILABLE", "not today");
    }
  };
  const listener = await listenTls({
    certificate: serverCertificate(fleet),
    clientCa: { pems: [certificatesToPem(issuingCaOf(fleet).chain), fleet.rootPem], required: true },
    host: "127.0.0.1",
    port: Number(new URL(fleetUrl).port),
    handler,
    random: systemRandom,
    onConnectionError: () => {},
    onHandlerError: (error) => assert.fail(String(error)),
  });
  const publish = () => {
    generation++;
    events.publish(event());
  };
  return {
    async offerPolicy(bytes) {
      const before = acknowledged.length;
      policy = bytes;
      publish();
      await until("the node's answer to a policy", () => acknowledged.length > before);
      return acknowledged.at(-1) ?? { sequence: -1 };
    },
    async offerTrust(text) {
      const before = trustFetched;
      policy = undefined;
      trust = text;
      publish();
      await until("the node fetches the trust document", () => trustFetched > before);
    },
    async [Symbol.asyncDispose]() {
      events.close();
      await listener.close({ graceMs: 0 });
    },
  };
}

function acknowledgedIn(body: Uint8Array): Acknowledged {
  const { sequence, refused }: JsonObject = JSON.parse(new TextDecoder().decode(body));
  return { sequence: Number(sequence), ...(typeof refused === "string" ? { refused } : {}) };
}

function serverCertificate(fleet: Fleet) {
  const issuing = issuingCaOf(fleet);
  const key = generateKey("ES256");
  const request = { dnsNames: [`control.${FLEET}`], spki: key.spki };
  const issuance = { now: systemClock.now(), random: systemRandom, crypto: createNodeCrypto() };
  const leaf = mintServerCertificate(request, issuing, issuance);
  assert.ok(leaf.ok);
  return { chainPem: certificatesToPem([leaf.value, ...issuing.chain]), key: key.exportPkcs8() };
}
