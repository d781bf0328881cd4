import { type Instant, instant, isJsonObject, parseInstant } from "@vedette/base";
import { type Address, parseAddress } from "./address.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";
import type { Attribute } from "./rules.ts";

/** What conditions can use: null, objects and numbers that are not finite count as missing, hence as unknown. */
export type AttributeValue = string | number | boolean | readonly unknown[];

/** The question that conditions are about; one object that each decision writes anew. */
export interface Frame {
  /** Counts decisions, from 1; what was read for another one is forgotten. */
  number: number;
  request: AccessRequest;
  context: DecisionContext;
}

type Reader = (request: AccessRequest, context: DecisionContext) => unknown;

/** One slot for each attribute that some condition reads: read and converted at most once in a decision. */
export class Slots<T> {
  readonly #frame: Frame;
  readonly #convert: (value: unknown) => T | undefined;
  readonly #readers: readonly Reader[];
  readonly #values: (T | undefined)[];
  /** The number of the decision for which each slot was read. */
  readonly #readFor: Float64Array;

  /** `convert` answers undefined for what does not fit. */
  constructor(paths: readonly Attribute[], frame: Frame, convert: (value: unknown) => T | undefined) {
    this.#frame = frame;
    this.#convert = convert;
    this.#readers = paths.map(readerOf);
    this.#values = paths.map(() => undefined);
    this.#readFor = new Float64Array(paths.length);
  }

  read(slot: number): T | undefined {
    return this.#readFor[slot] === this.#frame.number ? this.#values[slot] : this.#fill(slot);
  }

  #fill(slot: number): T | undefined {
    const { number, request, context } = this.#frame;
    const value = this.#convert(this.#readers[slot]!(request, context));
    this.#values[slot] = value;
    this.#readFor[slot] = number;
    return value;
  }
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

export function readAttribute(path: Attribute, request: AccessRequest, context: DecisionContext): unknown {
  return readerOf(path)(request, context);
}

/** The path's value as it stands in request or context, whatever it is. */
function readerOf(path: Attribute): Reader {
  switch (path) {
    case "subject.type":
      return (request) => request.subject.type;
    case "subject.id":
      return (request) => request.subject.id;
    case "subject.attestation.state":
      return (_, context) => context.attestation.state;
    case "subject.attestation.at":
      return (_, context) => context.attestation.at;
    case "action.name":
      return (request) => request.action.name;
    case "resource.type":
      return (request) => request.resource.type;
    case "resource.id":
      return (request) => request.resource.id;
    default:
      return propertyReader(path);
  }
}

function propertyReader(path: Attribute): Reader {
  const [root, name = "", ...deeper] = path.split(".");
  const reader = memberReader(root, name);
  return deeper.length === 0 ? reader : (request, context) => dig(reader(request, context), deeper);
}

function memberReader(root: string | undefined, name: string): Reader {
  if (root === "subject") return (request) => member(request.subject.properties, name);
  if (root === "action") return (request) => member(request.action.properties, name);
  if (root === "resource") return (request) => member(request.resource.properties, name);
  return (request) => member(request.context, name);
}

function dig(value: unknown, names: readonly string[]): unknown {
  let found = value;
  for (let i = 0; i < names.length; i++) found = member(found, names[i]!);
  return found;
}

/** Own members only: what objects inherit is nobody's attribute. */
function member(value: unknown, name: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
