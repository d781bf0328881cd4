import { assert } from "@vedette/base";
import { contextTag, type DerReader, TAG } from "./der-reader.ts";
import { der, oid, sequence, text } from "./der-writer.ts";

/** GeneralName (RFC 5280 §4.2.1.6). An `ip` has 4 or 16 octets as a name, 8 or 32 (address and mask) as a constraint. */
export type GeneralName =
  | { readonly kind: "dns" | "uri" | "email"; readonly value: string }
  | { readonly kind: "ip"; readonly value: Uint8Array }
  | { readonly kind: "directory"; readonly value: Uint8Array }
  | { readonly kind: "other"; readonly tag: number; readonly value: Uint8Array };

/** A certificate names one holder; a foreign one lists a handful of hosts. */
export const NAMES_MAX = 128;

/** The DER of a Name without any attribute. */
export const EMPTY_NAME: Uint8Array = sequence();

const COMMON_NAME = oid("2.5.4.3");
const ORGANIZATION = oid("2.5.4.10");
/** ub-common-name (RFC 5280 appendix A). */
const COMMON_NAME_LENGTH_MAX = 64;

/** DER Name with an organisation and a common name, for people who read a CA's certificate; nothing of ours reads it. */
export function distinguishedName(organization: string, commonName: string): Uint8Array {
  return sequence(
    der(TAG.set, sequence(ORGANIZATION, text(TAG.utf8String, organization.slice(0, COMMON_NAME_LENGTH_MAX)))),
    der(TAG.set, sequence(COMMON_NAME, text(TAG.utf8String, commonName.slice(0, COMMON_NAME_LENGTH_MAX)))),
  );
}

const TAG_OF_TEXT = {
  email: contextTag(1, "primitive"),
  dns: contextTag(2, "primitive"),
  uri: contextTag(6, "primitive"),
};
const TAG_OF_DIRECTORY = contextTag(4, "constructed");
const TAG_OF_IP = contextTag(7, "primitive");

export function generalNameToDer(name: GeneralName): Uint8Array {
  switch (name.kind) {
    case "dns":
    case "uri":
    case "email":
      assert(isPrintable(name.value), "a name that we write is printable ASCII");
      return text(TAG_OF_TEXT[name.kind], name.value);
    case "ip":
      return der(TAG_OF_IP, name.value);
    case "directory":
      return der(TAG_OF_DIRECTORY, name.value);
    case "other":
      return der(name.tag, name.value);
  }
}

/** `ipLengths`: the octets an address may have here, as a name or as a constraint. */
export function readGeneralName(reader: DerReader, ipLengths: readonly number[]): GeneralName {
  const { tag, contents } = reader.element();
  switch (tag) {
    case TAG_OF_TEXT.email:
      return { kind: "email", value: readText(reader, contents) };
    case TAG_OF_TEXT.dns:
      return { kind: "dns", value: readText(reader, contents) };
    case TAG_OF_TEXT.uri:
      return { kind: "uri", value: readText(reader, contents) };
    case TAG_OF_IP:
      if (!ipLengths.includes(contents.length)) reader.fail();
      return { kind: "ip", value: contents };
    case TAG_OF_DIRECTORY:
      return { kind: "directory", value: contents };
    default:
      if ((tag & 0xc0) !== 0x80) reader.fail();
      return { kind: "other", tag, value: contents };
  }
}

/** For messages: what a person would recognise. */
export function generalNameToString(name: GeneralName): string {
  switch (name.kind) {
    case "dns":
    case "uri":
    case "email":
      return `${name.kind}:${name.value}`;
    case "ip":
      return `ip:${name.value.join(name.value.length === 4 ? "." : ":")}`;
    case "directory":
    case "other":
      return name.kind;
  }
}

/** IA5String; control characters are refused too, since a NUL inside a name has fooled validators before. */
function readText(reader: DerReader, contents: Uint8Array): string {
  let value = "";
  for (const octet of contents) value += String.fromCharCode(octet);
  if (!isPrintable(value)) reader.fail();
  return value;
}

function isPrintable(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value);
}
