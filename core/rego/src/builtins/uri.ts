import { concatBytes, utf8 } from "@vedette/base";
import type { Value } from "../values/value.ts";
import { parseAddress } from "./net-address.ts";
import { bytesToText, textToBytes } from "./text-bytes.ts";

/** A URI (RFC 3986) the way Go's `net/url` takes it apart, since policies see these parts. */
export interface Uri {
  readonly scheme: string;
  readonly opaque: string;
  /** With its escapes; undefined where there is no `@`. */
  readonly user: string | undefined;
  readonly host: string;
  readonly omitsHost: boolean;
  readonly path: string;
  /** The path as written, where the usual escapes would give another text. */
  readonly rawPath: string;
  readonly forcesQuery: boolean;
  readonly query: string;
  readonly fragment: string;
  readonly rawFragment: string;
}

/** Undefined for what Go refuses. */
export function parseUri(text: string): Uri | undefined {
  const [written = "", fragmentText = ""] = cut(text, "#");
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(written)?.[1] ?? "";
  if (hasControls(written) || written.startsWith(":")) return undefined;
  const fragment = unescaped(fragmentText);
  const [rest = "", query = ""] = cut(written.slice(scheme === "" ? 0 : scheme.length + 1), "?");
  const forcesQuery = written.endsWith("?") && query === "";
  const hasAuthority = rest.startsWith("//") && (scheme !== "" || !rest.startsWith("///"));
  const authority = hasAuthority ? parseAuthority(/^[^/]*/.exec(rest.slice(2))?.[0] ?? "") : NO_AUTHORITY;
  if (authority === undefined || fragment === undefined) return undefined;
  const shared = {
    scheme: scheme.toLowerCase(),
    ...authority.parts,
    omitsHost: scheme !== "" && rest.startsWith("/") && !hasAuthority,
    forcesQuery,
    query,
    fragment,
    rawFragment: escaped(fragment, FRAGMENT) === fragmentText ? "" : fragmentText,
  };
  if (scheme !== "" && !rest.startsWith("/")) return { ...shared, opaque: rest, path: "", rawPath: "" };
  // RFC 3986 §4.2: else the segment would be a scheme.
  if (scheme === "" && /^[^/]*:/.test(rest)) return undefined;
  const pathText = hasAuthority ? rest.slice(2 + authority.length) : rest;
  const path = unescaped(pathText);
  if (path === undefined) return undefined;
  return { ...shared, opaque: "", path, rawPath: escaped(path, PATH) === pathText ? "" : pathText };
}

export function uriToText(uri: Uri): string {
  let text = uri.scheme === "" ? "" : `${uri.scheme}:`;
  if (uri.opaque !== "") text += uri.opaque;
  else {
    const hasAuthority = uri.host !== "" || uri.user !== undefined;
    if (hasAuthority || (uri.scheme !== "" && uri.path !== "" && !uri.omitsHost)) text += "//";
    if (uri.user !== undefined) text += `${uri.user}@`;
    text += hostToText(uri.host) + writtenOrEscaped(uri.path, uri.rawPath, PATH);
  }
  if (uri.forcesQuery || uri.query !== "") text += `?${uri.query}`;
  if (uri.fragment !== "") text += `#${writtenOrEscaped(uri.fragment, uri.rawFragment, FRAGMENT)}`;
  return text;
}

/** As Go's `encoding/json` writes `url.URL`. */
export function uriToValue(uri: Uri): Value {
  return {
    Scheme: uri.scheme,
    Opaque: uri.opaque,
    User: uri.user === undefined ? null : {},
    Host: uri.host,
    Path: uri.path,
    Fragment: uri.fragment,
    RawQuery: uri.query,
    RawPath: uri.rawPath,
    RawFragment: uri.rawFragment,
    ForceQuery: uri.forcesQuery,
    OmitHost: uri.omitsHost,
  };
}

function cut(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function hasControls(text: string): boolean {
  return Array.from(text).some((character) => character < " " || character === "\x7f");
}

interface Authority {
  readonly parts: { readonly user: string | undefined; readonly host: string };
  readonly length: number;
}
const NO_AUTHORITY: Authority = { parts: { user: undefined, host: "" }, length: 0 };

function parseAuthority(text: string): Authority | undefined {
  const at = text.lastIndexOf("@");
  const user = at < 0 ? undefined : text.slice(0, at);
  const host = parseHost(text.slice(at + 1));
  const isUser =
    user === undefined || (/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user) && unescaped(user) !== undefined);
  return host === undefined || !isUser ? undefined : { parts: { user, host }, length: text.length };
}

/** A name or an address in brackets, and a port. */
function parseHost(text: string): string | undefined {
  if (!/^(?:\[[^\]]*\]|[^[\]:]*)(?::[0-9]*)?$/.test(text)) return undefined;
  // An escape is for octets beyond ASCII, and for the percent sign in front of an address's zone (RFC 6874).
  const isEscaped = text.startsWith("[") ? /%(?!25)/.test(text) : /%(?!25)[0-7]/.test(text);
  const host = unescaped(text);
  if (isEscaped || host === undefined || !HOST_CHARACTERS.test(text)) return undefined;
  const [, address, zone] = /^\[([^%\]]*)(?:%([^\]]*))?\]/.exec(host) ?? [];
  const isAddress = address === undefined || (address.includes(":") && parseAddress(address) !== undefined);
  return isAddress && zone !== "" ? host : undefined;
}
const HOST_CHARACTERS = /^[A-Za-z0-9\-._~!$&'()*+,;=:[\]<>"%\u0080-\uffff]*$/;

function hostToText(host: string): string {
  return host.startsWith("[") ? host.replace("%", "%25") : escaped(host, HOST);
}

/** Which characters stand for themselves. */
const PATH = /[A-Za-z0-9\-._~$&+,/:;=@]/;
const FRAGMENT = /[A-Za-z0-9\-._~$&+,/:;=?@!()*]/;
const HOST = /[A-Za-z0-9\-._~!$&'()*+,;=:[\]<>"]/;
const WRITTEN = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/[\]?]|%[0-9A-Fa-f]{2})*$/;

function writtenOrEscaped(text: string, raw: string, plain: RegExp): string {
  return raw !== "" && WRITTEN.test(raw) ? raw : escaped(text, plain);
}

function escaped(text: string, plain: RegExp): string {
  let result = "";
  for (const octet of textToBytes(text)) {
    const character = String.fromCharCode(octet);
    result +=
      octet < 0x80 && plain.test(character) ? character : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return result;
}

/** Undefined for a percent sign that escapes nothing. */
function unescaped(text: string): string | undefined {
  const [first = "", ...parts] = text.split("%");
  if (!parts.every((part) => /^[0-9A-Fa-f]{2}/.test(part))) return undefined;
  const octets = parts.map((part) =>
    concatBytes(Uint8Array.of(Number.parseInt(part.slice(0, 2), 16)), utf8(part.slice(2))),
  );
  return bytesToText(concatBytes(utf8(first), ...octets));
}
