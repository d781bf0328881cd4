import { type Instant, instant, isJsonObject, type JsonObject, parseInstant } from "@vedette/base";
import { type Address, parseAddress } from "./address.ts";
import { memberAtSite, ownMember } from "./member-site.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";
import type { Attribute } from "./rules.ts";

/** What conditions can use: null, objects and numbers that are not finite count as missing, hence as unknown. */
export type AttributeValue = string | number | boolean | readonly unknown[];

/** Where an attribute stands in request or context. */
export interface Place {
  /** One of `HOLDERS`, by position. */
  readonly holder: number;
  readonly name: string;
  /** The names below it. */
  readonly deeper: readonly string[];
}

/** Attributes that stand alone, then the objects that hold the others: the numbers that `readPlace` knows. */
const HOLDERS: readonly string[] = [
  "subject.type",
  "subject.id",
  "subject.attestation.state",
  "subject.attestation.at",
  "action.name",
  "resource.type",
  "resource.id",
  "subject",
  "action",
  "resource",
  "context",
];

export function placeOf(path: Attribute): Place {
  const [root = "", name = "", ...deeper] = path.split(".");
  const alone = HOLDERS.indexOf(path);
  return { holder: alone === -1 ? HOLDERS.indexOf(root) : alone, name, deeper };
}

/** What stands there, whatever it is; `site` is a number that no other place has. */
export function readPlace(place: Place, site: number, request: AccessRequest, context: DecisionContext): unknown {
  let holder: JsonObject | undefined;
  switch (place.holder) {
    case 0:
      return request.subject.type;
    case 1:
      return request.subject.id;
    case 2:
      return context.attestation.state;
    case 3:
      return context.attestation.at;
    case 4:
      return request.action.name;
    case 5:
      return request.resource.type;
    case 6:
      return request.resource.id;
    case 7:
      holder = request.subject.properties;
      break;
    case 8:
      holder = request.action.properties;
      break;
    case 9:
      holder = request.resource.properties;
      break;
    default:
      holder = request.context;
  }
  // A caller that did not parse its request may have put anything there.
  if (!isJsonObject(holder)) return undefined;
  const found = memberAtSite(site, holder, place.name);
  return place.deeper.length === 0 ? found : dig(found, place.deeper);
}

/** One attribute, once: for who asks why. */
export function readAttribute(path: Attribute, request: AccessRequest, context: DecisionContext): unknown {
  return readPlace(placeOf(path), SHARED_SITE, request, context);
}

/** No place has it, so that no place's cache learns other names. */
const SHARED_SITE = -1;

function dig(value: unknown, names: readonly string[]): unknown {
  let found = value;
  for (let i = 0; i < names.length; i++) found = ownMember(found, names[i]!);
  return found;
}

export function toAttributeValue(value: unknown): AttributeValue | undefined {
  if (typeof value === "string" || typeof value === "boolean" || Array.isArray(value)) return value;
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function toAddress(value: unknown): Address | undefined {
  return typeof value === "string" ? parseAddress(value) : undefined;
}

/** `subject.attestation.at` is an instant already: the node itself supplies it. */
export function toOwnInstant(value: unknown): Instant | undefined {
  return typeof value === "number" && Number.isFinite(value) ? instant(value) : undefined;
}

/** In a request an instant is RFC 3339 text. */
export function toInstant(value: unknown): Instant | undefined {
  const parsed = typeof value === "string" ? parseInstant(value) : undefined;
  return parsed?.ok ? parsed.value : undefined;
}
