import { type Duration, err, type Instant, isJsonObject, type JsonObject, ok, type Result } from "@vedette/base";
import type { RequestError } from "./errors.ts";

/**
 * What is asked, in the shape of AuthZEN 1.0 §5. The members without `?` are mandatory, and only these may key an
 * index (PROTOCOLS 5.1). Rules read properties without the word: `subject.roles` is `subject.properties.roles`.
 */
export interface AccessRequest {
  readonly subject: Entity;
  readonly action: { readonly name: string; readonly properties?: JsonObject };
  readonly resource: Entity;
  readonly context?: JsonObject;
}

export interface Entity {
  readonly type: string;
  readonly id: string;
  readonly properties?: JsonObject;
}

export type AttestationState = "fresh" | "stale" | "expired" | "contraindicated";

/** What the node itself knows at this moment; a caller never supplies it. */
export interface DecisionContext {
  /** Effective time (PROTOCOLS 3.1). */
  readonly now: Instant;
  /** The subject's last appraisal: `subject.attestation.state` and `subject.attestation.at` in rules. */
  readonly attestation: { readonly state: AttestationState; readonly at?: Instant };
  readonly counters: SpendCounters;
  /** OPA's labels: which node decided, for example `{ site, node }`. */
  readonly labels: Readonly<Record<string, string>>;
  /** The PEP that asks (PROTOCOLS 5.5). */
  readonly requestedBy: string;
}

export interface SpendCounters {
  /** What is already reserved or spent under the key within the window; never less than zero. */
  spent(counter: string, key: string, window: Duration): number;
}

/** A resource id is a path or a name; the limit bounds glob and prefix matching. */
export const RESOURCE_ID_LENGTH_MAX = 2_048;
const NAME_LENGTH_MAX = 512;

/** Reads an AuthZEN evaluation request. Unknown members are ignored, as AuthZEN 1.0 §5 requires. */
export function parseAccessRequest(value: unknown): Result<AccessRequest, RequestError> {
  if (!isJsonObject(value)) return err({ code: "REQUEST_INVALID", member: "", expected: "an object" });
  const subject = parseEntity(value["subject"]);
  if (!subject) return err({ code: "REQUEST_INVALID", member: "subject", expected: ENTITY });
  const action = parseAction(value["action"]);
  if (!action) return err({ code: "REQUEST_INVALID", member: "action", expected: ACTION });
  const resource = parseEntity(value["resource"]);
  if (!resource) return err({ code: "REQUEST_INVALID", member: "resource", expected: ENTITY });
  const { context } = value;
  if (context === undefined) return ok({ subject, action, resource });
  if (!isJsonObject(context)) return err({ code: "REQUEST_INVALID", member: "context", expected: "an object" });
  return ok({ subject, action, resource, context });
}

const ENTITY = "an object with the strings type and id, and maybe the object properties";
const ACTION = "an object with the string name, and maybe the object properties";

function parseEntity(value: unknown): Entity | undefined {
  if (!isJsonObject(value)) return undefined;
  const { type, id, properties } = value;
  if (!isName(type) || !isResourceId(id)) return undefined;
  if (properties === undefined) return { type, id };
  return isJsonObject(properties) ? { type, id, properties } : undefined;
}

function parseAction(value: unknown): AccessRequest["action"] | undefined {
  if (!isJsonObject(value)) return undefined;
  const { name, properties } = value;
  if (!isName(name)) return undefined;
  if (properties === undefined) return { name };
  return isJsonObject(properties) ? { name, properties } : undefined;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= NAME_LENGTH_MAX;
}

export function isResourceId(value: unknown): value is string {
  return typeof value === "string" && value.length <= RESOURCE_ID_LENGTH_MAX;
}
