import { type Instant, instantToString, type JsonObject } from "@vedette/base";
import type { DecisionContext, Entity } from "@vedette/policy";
import { isPlainObject, type Value } from "@vedette/rego";
import type { DeviceList, DeviceRegistry } from "../device-registry.ts";

/** What the node itself knows about the subjects of requests. */
export interface SubjectSources {
  readonly siteDomain: string;
  readonly registry: Pick<DeviceRegistry, "find" | "freshnessOf">;
}

type Attestation = DecisionContext["attestation"];

interface Facts {
  readonly attestation: Attestation;
  /** Undefined where the node is no authority on the subject's properties. */
  readonly properties:
    | { readonly name?: string; readonly class?: string; readonly roles?: readonly string[] }
    | undefined;
}

const DEVICE = "device";
/** Whoever has never attested here is no fresher than one who attested long ago (PROTOCOLS 2.6). */
const NEVER_ATTESTED: Attestation = { state: "expired" };

/** A subject as decisions see it: what a PEP said, corrected by what the node knows. */
export function knowSubject(
  claimed: Entity,
  sources: SubjectSources,
  list: DeviceList,
  now: Instant,
): { readonly subject: Entity; readonly attestation: Attestation } {
  const { properties, attestation } = factsAbout(claimed.type, claimed.id, sources, list, now);
  if (properties === undefined) return { subject: claimed, attestation };
  const corrected: JsonObject = { ...withoutAuthority(claimed.properties ?? {}), ...properties };
  return { subject: { ...claimed, properties: corrected }, attestation };
}

/** As `knowSubject`, for the subject in the input of a document: the members of an access request, and others. */
export function knowInputSubject(
  claimed: { readonly type: string; readonly id: string; readonly members: Readonly<Record<string, Value>> },
  sources: SubjectSources,
  list: DeviceList,
  now: Instant,
): Readonly<Record<string, Value>> {
  const { properties, attestation } = factsAbout(claimed.type, claimed.id, sources, list, now);
  const { state, at } = attestation;
  const known = { ...claimed.members, attestation: { state, ...(at !== undefined && { at: instantToString(at) }) } };
  if (properties === undefined) return known;
  const said = claimed.members["properties"];
  return {
    ...known,
    properties: { ...(said !== undefined && isPlainObject(said) ? withoutAuthority(said) : {}), ...properties },
  };
}

/** The SPIFFE ID of a device of the site's inventory. */
export function deviceId(siteDomain: string, device: { readonly name: string; readonly class: string }): string {
  return `spiffe://${siteDomain}/${DEVICE}/${device.class}/${device.name}`;
}

/**
 * About devices the node is the authority: name, class and roles come from the inventory or not at all, and how fresh a
 * device is from the journal. Of all others it knows nothing but what the PEP says.
 */
function factsAbout(type: string, id: string, sources: SubjectSources, list: DeviceList, now: Instant): Facts {
  if (type !== DEVICE) return { attestation: NEVER_ATTESTED, properties: undefined };
  const listed = list.deviceByName.get(id.slice(id.lastIndexOf("/") + 1));
  if (!listed || deviceId(sources.siteDomain, listed) !== id) return { attestation: NEVER_ATTESTED, properties: {} };
  const { name, class: deviceClass } = listed;
  const standing = sources.registry.find(name);
  const { keyHash = "", attestedAt: at } = standing ?? {};
  const state = sources.registry.freshnessOf({ name, deviceClass, keyHash }, list, now);
  return {
    attestation: { state, ...(at !== undefined && { at }) },
    properties: { name, class: deviceClass, roles: list.inventory.classes[deviceClass]?.roles ?? [] },
  };
}

function withoutAuthority<T>(said: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  const { name: _name, class: _class, roles: _roles, ...others } = said;
  return others as Readonly<Record<string, T>>;
}
