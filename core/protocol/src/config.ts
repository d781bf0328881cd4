import type { Duration } from "@vedette/base";
import * as v from "valibot";
import { count, digest, domain, durationField, filePath, httpsUrl, label } from "./fields.ts";
import { type BundleListener, bundleListenerOf, type OpaPeers, opaPeers } from "./opa-config.ts";

const PCR_INDEX_MAX = 23;
/** Beyond this the registry belongs in the control plane's store, not in a file. */
const REGISTERED_MAX = 100_000;
const ROUTES_MAX = 1_000;
const CLASSES_MAX = 200;
/** Each may have a listener of its own. */
const PEPS_MAX = 64;
const CLAIMED_TYPES_MAX = 64;

/** `host:port`; port 0 lets the system choose. */
const address: v.GenericSchema<string, string> = v.pipe(
  v.string(),
  v.regex(/^(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]+\]):\d{1,5}$/, "host:port, such as 0.0.0.0:8443 (port 0: any free one)"),
);

/** Golden PCR values: for each index the SHA-256 values that are good, hexadecimal. */
export type ReferenceValues = Readonly<Record<string, readonly string[]>>;

const referenceValues: v.GenericSchema<unknown, ReferenceValues> = v.record(
  v.pipe(v.string(), v.regex(/^(?:[0-9]|1[0-9]|2[0-3])$/, "a PCR index from 0 to 23")),
  v.pipe(v.array(digest), v.minLength(1), v.maxLength(64)),
);

const pcrs: v.GenericSchema<unknown, readonly number[]> = v.pipe(
  v.array(v.pipe(count, v.maxValue(PCR_INDEX_MAX, "a PCR index from 0 to 23"))),
  v.minLength(1),
  v.maxLength(PCR_INDEX_MAX + 1),
  v.check((list) => new Set(list).size === list.length, "each PCR once"),
);

/** How a class of nodes or devices proves itself, and how long each proof lasts. */
export interface ClassProfile {
  readonly pcrs: readonly number[];
  readonly referenceValues: ReferenceValues;
  readonly svidLifetime: Duration;
  /** Age of the last good appraisal at which verbs shrink (`stale`) and end (`expired`), PROTOCOLS 2.6. */
  readonly staleAfter: Duration;
  readonly expiredAfter: Duration;
}

const classFields = {
  pcrs: v.optional(pcrs, [0, 1, 2, 3, 4, 5, 6, 7]),
  referenceValues: v.optional(referenceValues, {}),
  svidLifetime: v.optional(durationField, "PT24H"),
  staleAfter: v.optional(durationField, "PT24H"),
  expiredAfter: v.optional(durationField, "PT72H"),
};

export interface NodeClass extends ClassProfile {
  /** PEM files with the EK certificate authorities of this class. */
  readonly anchors: readonly string[];
}

/** The control plane's configuration file. Relative paths are relative to the file. */
export interface ControlConfig {
  readonly kind: "vedette/control/v1";
  readonly fleet: string;
  readonly data: string;
  readonly operatorSocket: string;
  readonly listen: { readonly enrol: string; readonly fleet: string };
  /** How nodes reach the control plane when that is not the address it listens on. */
  readonly advertise?: { readonly enrol: string; readonly fleet: string } | undefined;
  /** Where stock OPAs pull policy bundles; nothing listens without it. */
  readonly bundles?: BundleListener | undefined;
  /** Names and addresses in the server certificate, for nodes that dial by name. */
  readonly serverNames: readonly string[];
  readonly siteCaLifetime: Duration;
  readonly claimLifetime: Duration;
  readonly classes: Readonly<Record<string, NodeClass>>;
  readonly nodes: readonly RegisteredNode[];
}

export interface RegisteredNode {
  readonly site: string;
  readonly name: string;
  readonly class: string;
  /** SHA-256 of the EK public key (SubjectPublicKeyInfo), hexadecimal. */
  readonly ek: string;
}

export const controlConfig: v.GenericSchema<unknown, ControlConfig> = v.strictObject({
  kind: v.literal("vedette/control/v1"),
  fleet: domain,
  data: filePath,
  operatorSocket: filePath,
  listen: v.strictObject({ enrol: address, fleet: address }),
  advertise: v.optional(v.strictObject({ enrol: httpsUrl, fleet: httpsUrl })),
  bundles: v.optional(bundleListenerOf(address)),
  serverNames: v.optional(v.pipe(v.array(domain), v.maxLength(16)), []),
  siteCaLifetime: v.optional(durationField, "P30D"),
  claimLifetime: v.optional(durationField, "PT1H"),
  classes: v.pipe(
    v.record(
      label,
      v.strictObject({ anchors: v.pipe(v.array(filePath), v.minLength(1), v.maxLength(64)), ...classFields }),
    ),
    v.check((classes) => Object.keys(classes).length <= CLASSES_MAX, `at most ${CLASSES_MAX} classes`),
  ),
  nodes: v.optional(
    v.pipe(
      v.array(v.strictObject({ site: label, name: label, class: label, ek: digest })),
      v.maxLength(REGISTERED_MAX, `at most ${REGISTERED_MAX} registered nodes`),
    ),
    [],
  ),
});

/** One listed upstream: what the gateway asks the policy, and where an allowed request goes. */
export interface Route {
  readonly name: string;
  /** Path prefix, with leading and trailing slash, or an exact path without a trailing one. */
  readonly path: string;
  readonly methods: readonly string[];
  /** The action's name for the policy; the HTTP method when absent. */
  readonly action?: string | undefined;
  readonly resourceType: string;
  readonly upstream: { readonly host: string; readonly port: number } | { readonly socketPath: string };
  /** The query string is not judged; `forward` says that it decides nothing at this upstream. */
  readonly query: "refuse" | "forward";
  /** Context attributes read from a JSON request body: name → JSON pointer (RFC 6901). */
  readonly attributes: Readonly<Record<string, string>>;
}

/** The gateway itself says what `context.ip` is. */
const attributeName: v.GenericSchema<string, string> = v.pipe(
  label,
  v.check((name) => name !== "ip", "another name: `ip` is the address that the gateway sees"),
);

const upstream: v.GenericSchema<unknown, Route["upstream"]> = v.union(
  [
    v.strictObject({
      host: v.pipe(v.string(), v.regex(/^[a-z0-9.:-]{1,253}$/)),
      port: v.pipe(count, v.minValue(1), v.maxValue(65_535)),
    }),
    v.strictObject({ socketPath: filePath }),
  ],
  'an upstream {"host", "port"} or {"socketPath"}',
);

/** A PEP that may ask this node for decisions (PROTOCOLS 5.5): by a socket of its own, or as a principal of the site. */
export interface RegisteredPep {
  readonly name: string;
  /** Unix socket for HTTP: OPA's REST API and AuthZEN. */
  readonly socket?: string | undefined;
  /** Unix socket for frames (docs/reference/decision-socket.md). */
  readonly frames?: string | undefined;
  /** Whom it shows by mTLS on `listen.decisions`. */
  readonly spiffeId?: string | undefined;
  /** Types of subjects about whom its word is taken; `*` for any, named in any way. */
  readonly mayClaimSubject: readonly string[];
  /** Each of its decisions is a line of the node's log too, not only a leaf of the journal. */
  readonly log: boolean;
}

/** AuthZEN leaves the names of types to us; these are the ones rules can name. */
const subjectType: v.GenericSchema<string, string> = v.pipe(
  v.string(),
  v.regex(/^(?:\*|[A-Za-z0-9._:/-]{1,128})$/, "a subject type, or * for any"),
);

const spiffeId: v.GenericSchema<string, string> = v.pipe(
  v.string(),
  v.maxLength(2_048),
  v.regex(
    /^spiffe:\/\/[a-z0-9.-]+(?:\/[A-Za-z0-9._-]+)+$/,
    "a SPIFFE ID such as spiffe://store-17.example.org/workload/till",
  ),
);

const registeredPeps: v.GenericSchema<unknown, readonly RegisteredPep[]> = v.pipe(
  v.array(
    v.pipe(
      v.strictObject({
        name: label,
        socket: v.optional(filePath),
        frames: v.optional(filePath),
        spiffeId: v.optional(spiffeId),
        mayClaimSubject: v.optional(v.pipe(v.array(subjectType), v.maxLength(CLAIMED_TYPES_MAX)), []),
        log: v.optional(v.boolean(), false),
      }),
      v.check(
        ({ socket, frames, spiffeId: id }) => (socket ?? frames ?? id) !== undefined,
        "a way in: socket, frames or spiffeId",
      ),
    ),
  ),
  v.maxLength(PEPS_MAX, `at most ${PEPS_MAX} decision points`),
  v.check((peps) => isEachOnce(peps.map(({ name }) => name)), "each name once"),
  v.check(
    (peps) => isEachOnce(peps.flatMap(({ socket = [], frames = [] }) => [socket, frames].flat())),
    "each socket once: it is the identity of whoever asks there",
  ),
  v.check((peps) => isEachOnce(peps.flatMap(({ spiffeId: id = [] }) => id)), "each SPIFFE ID once"),
);

function isEachOnce(texts: readonly string[]): boolean {
  return new Set(texts).size === texts.length;
}

/** The edge node's configuration file. */
export interface EdgeConfig {
  readonly kind: "vedette/edge/v1";
  /** `/dev/tpmrm0`, or the Unix socket of a swtpm. */
  readonly tpm: string;
  /** NV index of the state epoch counter (PROTOCOLS 4.2), in the owner's range. */
  readonly epochCounter: number;
  /** `decisions`: where PEPs with an identity of the site ask over mTLS; nothing listens without it. */
  readonly listen: { readonly enrol: string; readonly gateway: string; readonly decisions?: string | undefined };
  /** How devices reach the gateway when that is not the address it listens on. */
  readonly advertise?: { readonly gateway: string } | undefined;
  readonly statusSocket: string;
  readonly routes: readonly Route[];
  /** Who may ask for decisions; nobody else is answered. */
  readonly decisionPoints: readonly RegisteredPep[];
  /** Bundle servers, receivers of decision logs and of status, as stock OPA knows them. */
  readonly opa?: OpaPeers | undefined;
  readonly gatewaySvidLifetime: Duration;
  /** Denials of one principal within the window that are journaled whole; the rest become one summary (PROTOCOLS 6.3). */
  readonly denialBudget: { readonly whole: number; readonly window: Duration };
  /** The control plane counts as out of reach when it has not answered for this long. */
  readonly fleetTimeout: Duration;
}

const NV_OWNER_FIRST = 0x0150_0000;
const NV_OWNER_LAST = 0x0150_ffff;

const edgeMembers: v.GenericSchema<unknown, EdgeConfig> = v.strictObject({
  kind: v.literal("vedette/edge/v1"),
  tpm: filePath,
  epochCounter: v.optional(
    v.pipe(count, v.minValue(NV_OWNER_FIRST), v.maxValue(NV_OWNER_LAST, "an NV index of the owner's range")),
    NV_OWNER_FIRST + 0x16,
  ),
  listen: v.strictObject({ enrol: address, gateway: address, decisions: v.optional(address) }),
  advertise: v.optional(v.strictObject({ gateway: httpsUrl })),
  statusSocket: filePath,
  routes: v.pipe(
    v.array(
      v.strictObject({
        name: label,
        path: v.pipe(v.string(), v.maxLength(1_024), v.regex(/^\/[A-Za-z0-9/_.~-]*$/, "a path that begins with /")),
        methods: v.pipe(
          v.array(v.picklist(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])),
          v.minLength(1),
          v.maxLength(6),
        ),
        action: v.optional(label),
        resourceType: label,
        upstream,
        query: v.optional(v.picklist(["refuse", "forward"]), "refuse"),
        attributes: v.optional(
          v.record(
            attributeName,
            v.pipe(v.string(), v.maxLength(256), v.regex(/^(\/[^/]+)+$/, "a JSON pointer such as /amount")),
          ),
          {},
        ),
      }),
    ),
    v.maxLength(ROUTES_MAX),
  ),
  decisionPoints: v.optional(registeredPeps, []),
  opa: v.optional(opaPeers),
  gatewaySvidLifetime: v.optional(durationField, "PT24H"),
  denialBudget: v.optional(
    v.strictObject({ whole: v.pipe(count, v.minValue(1), v.maxValue(10_000)), window: durationField }),
    { whole: 20, window: "PT1M" },
  ),
  fleetTimeout: v.optional(durationField, "PT10S"),
});

export const edgeConfig: v.GenericSchema<unknown, EdgeConfig> = v.pipe(
  edgeMembers,
  v.check(
    ({ listen, decisionPoints }) => listen.decisions !== undefined || decisionPoints.every((pep) => !pep.spiffeId),
    "listen.decisions, for the decision points that come with a spiffeId",
  ),
);

/**
 * The site's devices, carried as data of the policy bundle (`vedette/inventory/data.json`): signed, versioned and
 * protected against rollback like the rules, and known to the gateway while it is cut off.
 */
export interface Inventory {
  readonly kind: "vedette/inventory/v1";
  readonly classes: Readonly<Record<string, DeviceClass>>;
  readonly devices: readonly RegisteredDevice[];
}

export interface DeviceClass extends ClassProfile {
  readonly roles: readonly string[];
}

export interface RegisteredDevice {
  readonly name: string;
  readonly class: string;
  readonly ek: string;
}

/** Where it stands in the policy bundle. */
export const INVENTORY_FILE = "vedette/inventory/data.json";

export const inventory: v.GenericSchema<unknown, Inventory> = v.strictObject({
  kind: v.literal("vedette/inventory/v1"),
  classes: v.pipe(
    v.record(label, v.strictObject({ roles: v.pipe(v.array(label), v.maxLength(16)), ...classFields })),
    v.check((classes) => Object.keys(classes).length <= CLASSES_MAX, `at most ${CLASSES_MAX} classes`),
  ),
  devices: v.pipe(
    v.array(v.strictObject({ name: label, class: label, ek: digest })),
    v.maxLength(REGISTERED_MAX, `at most ${REGISTERED_MAX} devices at one site`),
    v.check((list) => new Set(list.map((device) => device.name)).size === list.length, "each device name once"),
  ),
});
