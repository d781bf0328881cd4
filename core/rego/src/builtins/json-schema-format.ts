import { type BuiltinContext, BuiltinFailure } from "./builtin.ts";
import { parseAddress } from "./net-address.ts";
import { patternOf } from "./pattern.ts";
import { RFC3339 } from "./time-layout.ts";
import { parseTime } from "./time-parse.ts";

/** Whether a text is of a format (draft 7 validation, §7.3). A format that is not known admits any. */
export function isOfFormat(context: BuiltinContext, format: string, text: string): boolean {
  return FORMATS.get(format)?.(text, context) ?? true;
}

type FormatCheck = (text: string, context: BuiltinContext) => boolean;

const FORMATS: ReadonlyMap<string, FormatCheck> = new Map<string, FormatCheck>([
  ["date", isDate],
  ["time", isTime],
  ["date-time", (text) => isTime(text) || isDate(text) || isOfLayout(RFC3339, text)],
  ["hostname", isHostname],
  ["email", isEmail],
  ["idn-email", isEmail],
  ["ipv4", (text) => text.includes(".") && parseAddress(text) !== undefined],
  ["ipv6", (text) => text.includes(":") && parseAddress(text) !== undefined],
  ["uri", (text) => /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) && isUriReference(text)],
  ["uri-reference", isUriReference],
  ["iri", (text) => /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) && isUriReference(text)],
  ["iri-reference", isUriReference],
  ["uri-template", (text) => isUriReference(text) && hasBalancedBraces(text)],
  ["uuid", (text) => /^[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$/.test(text)],
  ["regex", (text, context) => !(patternOf(context, text) instanceof BuiltinFailure)],
  ["json-pointer", (text) => /^(?:\/(?:[^~/]|~[01])*)*$/.test(text)],
  ["relative-json-pointer", (text) => /^(?:0|[1-9][0-9]*)(?:#|(?:\/(?:[^~/]|~[01])*)*)$/.test(text)],
]);

function isOfLayout(layout: string, text: string): boolean {
  return "nanoseconds" in parseTime(layout, text);
}

function isDate(text: string): boolean {
  return isOfLayout("2006-01-02", text);
}

function isTime(text: string): boolean {
  return isOfLayout("15:04:05", text) || isOfLayout("15:04:05Z07:00", text);
}

/** RFC 1123 §2.1. */
function isHostname(text: string): boolean {
  return text.length < 256 && text.split(".").every((label) => LABEL.test(label));
}

const LABEL: RegExp = /^(?=.{1,63}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;

/** RFC 5322 §3.4.1 without comments and folding; also an address literal and, as RFC 6531 has it, other scripts. */
function isEmail(text: string): boolean {
  const at = text.lastIndexOf("@");
  if (at < 1) return false;
  const local = text.slice(0, at);
  const domain = text.slice(at + 1);
  return (isDotAtom(local) || QUOTED.test(local)) && (isDotAtom(domain) || isAddressLiteral(domain));
}

function isDotAtom(text: string): boolean {
  return text.split(".").every((atom) => ATOM.test(atom));
}

function isAddressLiteral(text: string): boolean {
  return (
    text.startsWith("[") && text.endsWith("]") && parseAddress(text.slice(1, -1).replace(/^IPv6:/, "")) !== undefined
  );
}

const ATOM: RegExp = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\uffff]+$/;
const QUOTED: RegExp = /^"(?:[ !#-[\]-~\u0080-\uffff]|\\[ -~])*"$/;

/** RFC 3986 §4.1, in any script (RFC 3987) and with braces: what is no character of a URI is what separates texts. */
function isUriReference(text: string): boolean {
  return (
    /^[!-[\]-~\u0080-\uffff]*$/.test(text) &&
    !/%(?![0-9A-Fa-f]{2})/.test(text) &&
    (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) || !/^[^/?#]*:/.test(text)) &&
    HOST_AND_PORT.test(AUTHORITY.exec(text)?.[1] ?? "")
  );
}

const AUTHORITY: RegExp = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/([^/?#]*)/;
const HOST_AND_PORT: RegExp = /^(?:[^@]*@)?(?:\[[0-9A-Fa-f:.]+\]|[^:[\]@]*)(?::[0-9]*)?$/;

/** RFC 6570 §2: expressions are not nested, and each is closed. */
function hasBalancedBraces(text: string): boolean {
  return /^(?:[^{}]|\{[^{}]*\})*$/.test(text);
}
