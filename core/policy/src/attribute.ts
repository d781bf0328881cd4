import type { Attribute } from "./rules.ts";

/** What is known about an attribute before any request is seen. */
export type AttributeType = "string" | "instant" | "address" | "list" | "any";

const NAME = /^[A-Za-z][A-Za-z0-9_-]*$/;
/** Deeper data belongs in a property of its own. */
const SEGMENTS_MAX = 8;
const LENGTH_MAX = 256;
const ROOTS: ReadonlySet<string> = new Set(["subject", "action", "resource", "context"]);
/** Every JavaScript object inherits these; what the others inherit are functions, which no condition accepts. */
const INHERITED: ReadonlySet<string> = new Set(["constructor", "prototype"]);

const TYPES: ReadonlyMap<string, AttributeType> = new Map([
  ["subject.type", "string"],
  ["subject.id", "string"],
  ["subject.class", "string"],
  ["subject.roles", "list"],
  ["subject.attestation.state", "string"],
  ["subject.attestation.at", "instant"],
  ["action.name", "string"],
  ["resource.type", "string"],
  ["resource.id", "string"],
  ["context.ip", "address"],
]);

/**
 * Roots are `subject`, `action`, `resource` and `context`. Below the first three stand the mandatory members of AuthZEN
 * (`type`, `id`, `name`), everything else is a property; `subject.attestation` is what the node itself knows.
 */
export function parseAttribute(text: string): Attribute | undefined {
  const [root = "", ...names] = text.split(".");
  const isWellFormed =
    text.length <= LENGTH_MAX &&
    ROOTS.has(root) &&
    names.length > 0 &&
    names.length < SEGMENTS_MAX &&
    names.every((name) => NAME.test(name) && !INHERITED.has(name));
  if (!isWellFormed || (text.startsWith("subject.attestation") && !TYPES.has(text))) return undefined;
  // The only maker of the brand: the checks above are the proof.
  return text as Attribute;
}

// Two names that the compiler itself reads.
export const SUBJECT_CLASS: Attribute = "subject.class" as Attribute;
export const RESOURCE_ID: Attribute = "resource.id" as Attribute;

export function typeOf(path: Attribute): AttributeType {
  return TYPES.get(path) ?? "any";
}
