import { type Instant, instant, isJsonObject, parseInstant } from "@vedette/base";
import { type Address, parseAddress } from "./address.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";
import type { Attribute } from "./rules.ts";

/** What conditions can use: null, objects and numbers that are not finite count as missing, hence as unknown. */
export type AttributeValue = string | number | boolean | readonly unknown[];

/** The question that conditions are about. */
export interface Frame {
  readonly request: AccessRequest;
  readonly context: DecisionContext;
}

type Reader<T> = (request: AccessRequest, context: DecisionContext) => T | undefined;

/** One slot for each attribute that some condition reads: read and converted at most once in a decision. */
export class Slots<T> {
  readonly #readers: Reader<T>[] = [];
  readonly #slotByPath = new Map<Attribute, number>();
  readonly #values: (T | undefined)[] = [];
  readonly #readFor: number[] = [];
  #decision = 0;

  /** The slot of a path; `convert` makes the value, or undefined when it does not fit. */
  add(path: Attribute, convert: (value: unknown) => T | undefined): number {
    const known = this.#slotByPath.get(path);
    if (known !== undefined) return known;
    const slot = this.#readers.length;
    const read = readerOf(path);
    this.#readers.push((request, context) => convert(read(request, context)));
    this.#values.push(undefined);
    this.#readFor.push(0);
    this.#slotByPath.set(path, slot);
    return slot;
  }

  /** Forgets what was read for the decision before. */
  clear(): void {
    this.#decision++;
  }

  read(frame: Frame, slot: number): T | undefined {
    if (this.#readFor[slot] === this.#decision) return this.#values[slot];
    const value = this.#readers[slot]!(frame.request, frame.context);
    this.#values[slot] = value;
    this.#readFor[slot] = this.#decision;
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

/** The path's value as it stands in request or context, whatever it is. */
function readerOf(path: Attribute): Reader<unknown> {
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

function propertyReader(path: Attribute): Reader<unknown> {
  const [root, ...names] = path.split(".");
  if (root === "subject") return (request) => dig(request.subject.properties, names);
  if (root === "action") return (request) => dig(request.action.properties, names);
  if (root === "resource") return (request) => dig(request.resource.properties, names);
  return (request) => dig(request.context, names);
}

function dig(object: unknown, names: readonly string[]): unknown {
  let value = object;
  for (const name of names) {
    // Own members only: what objects inherit is nobody's attribute.
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}
