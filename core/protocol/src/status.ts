import { isJsonObject, type JsonObject } from "@vedette/base";
import * as v from "valibot";
import { count } from "./fields.ts";

// Status documents are read by people and by tools of another version: unknown members are ignored, unlike in messages.

/** RFC 3339. */
const time: v.GenericSchema<unknown, string> = v.string();
const timeOrNever: v.GenericSchema<unknown, string | null> = v.nullable(v.string());
const counts: v.GenericSchema<unknown, Readonly<Record<string, number>>> = v.record(v.string(), count);

/** What one registered PEP has asked since the start. */
export type DecisionPointStatus = {
  readonly allowed: number;
  readonly denied: number;
  /** Documents and queries: what they mean is the PEP's business. */
  readonly queried: number;
  /** Not understood, or claimed what this PEP may not claim. */
  readonly refused: number;
  /** No policy, or the record could not be written. */
  readonly unavailable: number;
};

/** `GET /v1/status` of an edge node's own socket: what works, until when, and what waits. */
export interface EdgeStatus {
  readonly node: string;
  /** The site's name, and the fleet's trust domain above it. */
  readonly site: string;
  readonly fleetDomain: string;
  /** SHA-256 of the fleet root certificate, hexadecimal: what join files pin. */
  readonly root: string;
  readonly enrolUrl: string;
  readonly gatewayUrl: string;
  /** Effective time (PROTOCOLS 3.1). */
  readonly now: string;
  readonly fleet: {
    /** `refused`: it answers, and does not accept this node or its journal at the moment. */
    readonly contact: "answering" | "refused" | "unreachable";
    readonly lastContact: string | null;
    readonly svidNotAfter: string;
    readonly siteCaNotAfter: string;
    readonly renewals: number;
  };
  readonly policy: { readonly sequence: number; readonly revision: string; readonly notAfter: string } | null;
  readonly trust: { readonly version: number; readonly notAfter: string } | null;
  readonly state: { readonly epoch: number; readonly sealedJournalSize: number };
  /** Leaves; `waiting` are those that the mirror has not cosigned yet. */
  readonly journal: { readonly size: number; readonly mirrored: number; readonly waiting: number };
  readonly decisions: {
    readonly allowed: number;
    readonly denied: number;
    readonly unavailable: number;
    readonly deniedByReason: Readonly<Record<string, number>>;
    readonly decideP50Ns: number | null;
    readonly decideP99Ns: number | null;
    /** Of all of them, those for registered PEPs included: given by this node alone, taken to another tier, and not answered there (PL5). */
    readonly local: number;
    readonly escalated: number;
    readonly unanswered: number;
  };
  /** What registered PEPs asked, by name. */
  readonly decisionPoints: Readonly<Record<string, DecisionPointStatus>>;
  /** Bundles that the node pulls, in the form of OPA's status, and how far its decision log has come. */
  readonly opa: JsonObject | null;
  readonly enrolment: {
    readonly issued: number;
    readonly refused: number;
    readonly contraindicated: number;
    readonly pending: number;
  };
  readonly connections: { readonly open: number; readonly cut: Readonly<Record<string, number>> };
  readonly devices: readonly {
    readonly name: string;
    readonly class: string;
    readonly verdict: string;
    readonly attestedAt: string;
    readonly state: string;
  }[];
}

export const edgeStatus: v.GenericSchema<unknown, EdgeStatus> = v.object({
  node: v.string(),
  site: v.string(),
  fleetDomain: v.string(),
  root: v.string(),
  enrolUrl: v.string(),
  gatewayUrl: v.string(),
  now: time,
  fleet: v.object({
    contact: v.picklist(["answering", "refused", "unreachable"]),
    lastContact: timeOrNever,
    svidNotAfter: time,
    siteCaNotAfter: time,
    renewals: count,
  }),
  policy: v.nullable(v.object({ sequence: count, revision: v.string(), notAfter: time })),
  trust: v.nullable(v.object({ version: count, notAfter: time })),
  state: v.object({ epoch: count, sealedJournalSize: count }),
  journal: v.object({ size: count, mirrored: count, waiting: count }),
  decisions: v.object({
    allowed: count,
    denied: count,
    unavailable: count,
    deniedByReason: counts,
    decideP50Ns: v.nullable(v.number()),
    decideP99Ns: v.nullable(v.number()),
    local: v.optional(count, 0),
    escalated: v.optional(count, 0),
    unanswered: v.optional(count, 0),
  }),
  decisionPoints: v.optional(
    v.record(
      v.string(),
      v.object({ allowed: count, denied: count, queried: count, refused: count, unavailable: count }),
    ),
    {},
  ),
  opa: v.optional(v.nullable(v.custom<JsonObject>(isJsonObject)), null),
  enrolment: v.object({ issued: count, refused: count, contraindicated: count, pending: count }),
  connections: v.object({ open: count, cut: counts }),
  devices: v.array(
    v.object({ name: v.string(), class: v.string(), verdict: v.string(), attestedAt: time, state: v.string() }),
  ),
});

/** `GET /v1/status` of the operator API. */
export interface ControlStatus {
  readonly fleet: string;
  readonly enrolUrl: string;
  readonly fleetUrl: string;
  /** SHA-256 of the fleet root certificate, hexadecimal: what join files pin. */
  readonly root: string;
  readonly trustVersion: number;
  readonly nodes: readonly {
    readonly id: string;
    readonly site: string;
    readonly class: string;
    readonly state: string;
    readonly attestedAt: string;
    readonly svidNotAfter: string | null;
    readonly policySequence: number | null;
    readonly mirrored: number;
  }[];
  readonly pending: readonly {
    readonly ek: string;
    readonly site: string;
    readonly class: string;
    readonly attempts: number;
    readonly lastSeenAt: string;
  }[];
}

export const controlStatus: v.GenericSchema<unknown, ControlStatus> = v.object({
  fleet: v.string(),
  enrolUrl: v.string(),
  fleetUrl: v.string(),
  root: v.string(),
  trustVersion: count,
  nodes: v.array(
    v.object({
      id: v.string(),
      site: v.string(),
      class: v.string(),
      state: v.string(),
      attestedAt: time,
      svidNotAfter: timeOrNever,
      policySequence: v.nullable(count),
      mirrored: count,
    }),
  ),
  pending: v.array(
    v.object({ ek: v.string(), site: v.string(), class: v.string(), attempts: count, lastSeenAt: time }),
  ),
});

/** `GET /.vedette/status` of a device's socket. */
export interface DeviceStatus {
  readonly spiffeId: string;
  readonly svidNotAfter: string;
  readonly renewals: number;
  readonly refusedRenewals: number;
  /** The code of the last refusal, empty when there was none. */
  readonly lastRefusal: string;
}

export const deviceStatus: v.GenericSchema<unknown, DeviceStatus> = v.object({
  spiffeId: v.string(),
  svidNotAfter: time,
  renewals: count,
  refusedRenewals: count,
  lastRefusal: v.string(),
});

/** `POST /v1/policies` of the operator API: what was published. */
export interface PublishedPolicyAnswer {
  readonly site: string;
  readonly sequence: number;
  readonly revision: string;
}

export const publishedPolicy: v.GenericSchema<unknown, PublishedPolicyAnswer> = v.object({
  site: v.string(),
  sequence: count,
  revision: v.string(),
});

/** `GET /v1/trust` of the operator API: the document in force, a JWS. */
export interface TrustAnswer {
  readonly document: string;
}

export const trustAnswer: v.GenericSchema<unknown, TrustAnswer> = v.object({ document: v.string() });

/** `POST /v1/trust`: the version now in force. */
export interface PublishedTrust {
  readonly version: number;
}

export const publishedTrust: v.GenericSchema<unknown, PublishedTrust> = v.object({ version: count });

/** The body of every refusal we send: a code, a sentence, and the facts. */
export interface RefusalBody {
  readonly error: { readonly code: string; readonly message: string; readonly [fact: string]: unknown };
}

export const refusalBody: v.GenericSchema<unknown, RefusalBody> = v.object({
  error: v.looseObject({ code: v.string(), message: v.string() }),
});

/** `vedette audit trust`: the keys an auditor believes, from another source than the export. */
export interface AuditTrustFile {
  readonly kind: "vedette/audit-trust/v1";
  readonly fleet: string;
  readonly madeAt: string;
  /** Verifier keys as C2SP signed-note writes them. */
  readonly logs: readonly { readonly node: string; readonly origin: string; readonly verifierKey: string }[];
  readonly mirrors: readonly { readonly name: string; readonly verifierKey: string }[];
}

export const auditTrustFile: v.GenericSchema<unknown, AuditTrustFile> = v.strictObject({
  kind: v.literal("vedette/audit-trust/v1"),
  fleet: v.string(),
  madeAt: time,
  logs: v.array(v.strictObject({ node: v.string(), origin: v.string(), verifierKey: v.string() })),
  // Without a cosigner a log could be rewritten by whoever holds its key.
  mirrors: v.pipe(
    v.array(v.strictObject({ name: v.string(), verifierKey: v.string() })),
    v.minLength(1, "at least one mirror"),
  ),
});

/** Any JSON object, for what is only passed on to a file. */
export const anyDocument: v.GenericSchema<unknown, Readonly<Record<string, unknown>>> = v.record(
  v.string(),
  v.unknown(),
);
