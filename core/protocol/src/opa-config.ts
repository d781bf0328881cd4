import type { Duration } from "@vedette/base";
import * as v from "valibot";
import { count, digest, domain, durationField, filePath, httpsUrl, label } from "./fields.ts";

// What a node shares with the OPA ecosystem (docs/howto/work-beside-opa.md). Names follow ours, meanings OPA's.

const SERVICES_MAX = 16;
const BUNDLES_MAX = 32;
const KEYS_MAX = 64;
const CLIENTS_MAX = 1_000;
const PEM_LENGTH_MAX = 65_536;
/** A mebibyte: what a receiver takes in one request, packed. */
const CHUNK_MAX = 1_048_576;
const CHUNK_MIN = 1_024;
const BUNDLE_SIZE_MAX = 134_217_728;

/** Whom to ask: a server over TLS 1.3, or a Unix socket. */
export type OpaService =
  | {
      readonly url: string;
      /** Its certificate authorities, PEM. */
      readonly roots: string;
      /** The name in its certificate; the host of `url` when absent. */
      readonly serverName?: string | undefined;
      /** A file with a bearer token, read before each use. */
      readonly tokenFile?: string | undefined;
    }
  | { readonly socketPath: string };

/** A key that signs bundles. */
export interface OpaBundleKey {
  readonly algorithm: string;
  /** PEM or JWK; for HS256 and its like the secret. */
  readonly key: string;
  readonly scope?: string | undefined;
  /** Without it HS256 and its like are refused: whoever can check can sign. */
  readonly allowShared: boolean;
}

/** How long to wait between tries: drawn evenly from here to there. */
export interface Spread {
  readonly min: Duration;
  readonly max: Duration;
}

export interface PulledBundle {
  readonly service: string;
  /** Path on the service; `bundles/<name>` when absent. */
  readonly resource?: string | undefined;
  readonly polling: Spread & { readonly longPoll?: Duration | undefined };
  /** Kept on disk, and verified again at each start. */
  readonly persist: boolean;
  readonly sizeMax: number;
  /** `unsigned` takes whatever the service sends, and refuses what is signed. */
  readonly signing: "unsigned" | { readonly keyId?: string | undefined; readonly scope?: string | undefined };
}

export interface DecisionLogTarget {
  readonly service: string;
  readonly resource: string;
  readonly reporting: Spread;
  /** Bytes of one request, packed (OPA: `upload_size_limit_bytes`). */
  readonly chunkMax: number;
}

/** Other people's OPA services that a node talks to. */
export interface OpaPeers {
  readonly services: Readonly<Record<string, OpaService>>;
  readonly keys: Readonly<Record<string, OpaBundleKey>>;
  readonly bundles: Readonly<Record<string, PulledBundle>>;
  readonly decisionLogs?: DecisionLogTarget | undefined;
  /** Where `POST /status` goes. */
  readonly status?: { readonly service: string; readonly resource: string } | undefined;
}

const resource: v.GenericSchema<string, string> = v.pipe(
  v.string(),
  v.maxLength(1_024),
  v.regex(/^[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+)*$/, "a path such as bundles/authz, without a leading slash"),
);

const service: v.GenericSchema<unknown, OpaService> = v.union(
  [
    v.strictObject({
      url: httpsUrl,
      roots: v.pipe(v.string(), v.minLength(1), v.maxLength(PEM_LENGTH_MAX)),
      serverName: v.optional(domain),
      tokenFile: v.optional(filePath),
    }),
    v.strictObject({ socketPath: filePath }),
  ],
  'a service {"url", "roots"} or {"socketPath"}',
);

/** At most an hour: what nobody has asked about for longer is not followed, but forgotten. */
const DELAY_MAX = 3_600_000;
const delay: v.GenericSchema<string, Duration> = v.pipe(
  durationField,
  v.check((length) => length <= DELAY_MAX, "at most PT1H"),
);

function spreadOf<T extends v.ObjectEntries>(min: string, max: string, others: T) {
  return v.strictObject({ min: v.optional(delay, min), max: v.optional(delay, max), ...others });
}

function isOrdered({ min, max }: Spread): boolean {
  return min <= max;
}

function namedOf<T>(
  schema: v.GenericSchema<unknown, T>,
  most: number,
  name: v.GenericSchema<string, string> = label,
): v.GenericSchema<unknown, Record<string, T>> {
  return v.pipe(
    v.record(name, schema),
    v.check((named) => Object.keys(named).length <= most, `at most ${most}`),
  );
}

/** As tokens name it (`kid`). */
const keyId: v.GenericSchema<string, string> = v.pipe(v.string(), v.minLength(1), v.maxLength(256));

const bundleKey: v.GenericSchema<unknown, OpaBundleKey> = v.strictObject({
  algorithm: v.pipe(v.string(), v.regex(/^[A-Za-z0-9]{1,16}$/, "an algorithm such as RS256 or ES256")),
  key: v.pipe(v.string(), v.minLength(1), v.maxLength(PEM_LENGTH_MAX)),
  scope: v.optional(v.string()),
  allowShared: v.optional(v.boolean(), false),
});

const pulledBundle: v.GenericSchema<unknown, PulledBundle> = v.strictObject({
  service: label,
  resource: v.optional(resource),
  polling: v.optional(
    v.pipe(spreadOf("PT1M", "PT2M", { longPoll: v.optional(delay) }), v.check(isOrdered, "min before max")),
    {},
  ),
  persist: v.optional(v.boolean(), true),
  sizeMax: v.optional(v.pipe(count, v.minValue(1), v.maxValue(BUNDLE_SIZE_MAX)), 16_777_216),
  signing: v.union(
    [v.literal("unsigned"), v.strictObject({ keyId: v.optional(keyId), scope: v.optional(v.string()) })],
    '"unsigned", or {} with keyId and scope as far as they are fixed',
  ),
});

const decisionLogTarget: v.GenericSchema<unknown, DecisionLogTarget> = v.strictObject({
  service: label,
  resource: v.optional(resource, "logs"),
  reporting: v.optional(v.pipe(spreadOf("PT5M", "PT10M", {}), v.check(isOrdered, "min before max")), {}),
  chunkMax: v.optional(v.pipe(count, v.minValue(CHUNK_MIN), v.maxValue(CHUNK_MAX)), 32_768),
});

export const opaPeers: v.GenericSchema<unknown, OpaPeers> = v.pipe(
  v.strictObject({
    services: namedOf(service, SERVICES_MAX),
    keys: v.optional(namedOf(bundleKey, KEYS_MAX, keyId), {}),
    bundles: v.optional(namedOf(pulledBundle, BUNDLES_MAX), {}),
    decisionLogs: v.optional(decisionLogTarget),
    status: v.optional(v.strictObject({ service: label, resource: v.optional(resource, "status") })),
  }),
  v.check(({ services, bundles, decisionLogs, status }) => {
    const used = [...Object.values(bundles), ...[decisionLogs ?? []].flat(), ...[status ?? []].flat()];
    return used.every((each) => Object.hasOwn(services, each.service));
  }, "each service that is used among `services`"),
);

/** A stock OPA that may pull policy bundles from the control plane, by the key it shows. */
export interface BundleClient {
  readonly name: string;
  /** SHA-256 of its public key (SubjectPublicKeyInfo), hexadecimal. */
  readonly key: string;
  readonly sites: readonly string[];
}

export interface BundleListener {
  /** `host:port`. */
  readonly address: string;
  /** PEM: the self-signed root, and CAs below it, under which the clients' certificates are. */
  readonly clientRoots: string;
  readonly clients: readonly BundleClient[];
}

/** `address` is a schema of the file that this is a member of. */
export function bundleListenerOf(address: v.GenericSchema<string, string>): v.GenericSchema<unknown, BundleListener> {
  return v.strictObject({
    address,
    clientRoots: v.pipe(v.string(), v.minLength(1), v.maxLength(PEM_LENGTH_MAX)),
    clients: v.pipe(
      v.array(
        v.strictObject({
          name: label,
          key: digest,
          sites: v.pipe(v.array(label), v.minLength(1), v.maxLength(CLIENTS_MAX)),
        }),
      ),
      v.maxLength(CLIENTS_MAX),
      v.check((list) => new Set(list.map(({ key }) => key)).size === list.length, "each key once"),
    ),
  });
}
