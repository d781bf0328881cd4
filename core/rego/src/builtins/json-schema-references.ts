import { isArray, isObject, memberOf, type ObjectValue, sortedKeysOf, type Value } from "../values/value.ts";

/** What a schema document calls its parts, so that `$ref` finds them (draft 7 core, §8). Nothing outside of it is read. */
export class SchemaReferences {
  /** By absolute URI; the document itself by the empty one. */
  readonly #partByUri = new Map<string, Value>();
  readonly #referenceByPart = new Map<ObjectValue, string>();

  constructor(document: Value) {
    this.#partByUri.set("", document);
    this.#collect(document, "");
  }

  /** The absolute URI that the `$ref` of this part stands for. */
  uriOf(part: ObjectValue): string | undefined {
    return this.#referenceByPart.get(part);
  }

  find(uri: string): Value | undefined {
    const named = this.#partByUri.get(uri);
    if (named !== undefined) return named;
    const [base, fragment] = splitFragment(uri);
    const document = this.#partByUri.get(base);
    const pointer = decodeFragment(fragment);
    return document === undefined || pointer === undefined ? undefined : partAt(document, pointer);
  }

  #collect(part: Value, outerBase: string): void {
    if (isArray(part)) for (const item of part) this.#collect(item, outerBase);
    if (!isObject(part)) return;
    const base = this.#nameOf(part, outerBase);
    const reference = memberOf(part, "$ref");
    if (typeof reference === "string") this.#referenceByPart.set(part, normalize(resolve(base, reference)));
    for (const key of sortedKeysOf(part)) {
      const child = memberOf(part, key) as Value;
      if (key === "const" || key === "enum") continue;
      if (!isNamingKeyword(key)) this.#collect(child, base);
      else if (isObject(child))
        for (const name of sortedKeysOf(child)) this.#collect(memberOf(child, name) as Value, base);
    }
  }

  #nameOf(part: ObjectValue, base: string): string {
    const id = memberOf(part, "id") ?? memberOf(part, "$id");
    if (typeof id !== "string") return base;
    const uri = normalize(resolve(base, id));
    if (!this.#partByUri.has(uri)) this.#partByUri.set(uri, part);
    return uri;
  }
}

/** Their members' names are no keywords. */
function isNamingKeyword(key: Value): boolean {
  return key === "properties" || key === "dependencies" || key === "patternProperties";
}

/** RFC 6901. */
function partAt(document: Value, pointer: string): Value | undefined {
  if (pointer === "") return document;
  if (!pointer.startsWith("/")) return undefined;
  let part: Value | undefined = document;
  for (const token of pointer.slice(1).split("/")) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    if (part === undefined) return undefined;
    if (isArray(part)) part = /^(?:0|[1-9][0-9]*)$/.test(key) ? part[Number(key)] : undefined;
    else part = isObject(part) ? memberOf(part, key) : undefined;
  }
  return part;
}

function decodeFragment(fragment: string): string | undefined {
  try {
    return decodeURIComponent(fragment);
  } catch {
    // URIError says no more than that an escape is none.
    return undefined;
  }
}

function splitFragment(uri: string): readonly [string, string] {
  const at = uri.indexOf("#");
  return at < 0 ? [uri, ""] : [uri.slice(0, at), uri.slice(at + 1)];
}

/** An empty fragment is none. */
function normalize(uri: string): string {
  return uri.endsWith("#") ? uri.slice(0, -1) : uri;
}

// RFC 3986 appendix B: scheme, authority and path of a URI without query and fragment.
const URI_PARTS: RegExp = /^([A-Za-z][A-Za-z0-9+.-]*:)?(\/\/[^/?#]*)?([^?#]*)/;

/** RFC 3986 §5.2. */
function resolve(base: string, reference: string): string {
  const [document] = splitFragment(base);
  if (reference.startsWith("#") || reference === "") return document + reference;
  const [, scheme, authority, path = ""] = URI_PARTS.exec(reference) ?? [];
  if (scheme !== undefined) return reference;
  const [, baseScheme = "", baseAuthority = "", basePath = ""] = URI_PARTS.exec(document) ?? [];
  if (authority !== undefined) return baseScheme + reference;
  const rest = reference.slice(path.length);
  if (path === "") return baseScheme + baseAuthority + basePath + rest;
  const merged = path.startsWith("/") ? path : basePath.slice(0, basePath.lastIndexOf("/") + 1) + path;
  const rooted = baseAuthority !== "" && !merged.startsWith("/") ? `/${merged}` : merged;
  return baseScheme + baseAuthority + removeDotSegments(rooted) + rest;
}

/** RFC 3986 §5.2.4. */
function removeDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/");
  for (const [i, segment] of segments.entries()) {
    const isLast = i === segments.length - 1;
    if (segment === "..") {
      if (kept.length > 1) kept.pop();
      if (isLast) kept.push("");
    } else if (segment !== ".") kept.push(segment);
    else if (isLast) kept.push("");
  }
  return kept.join("/");
}
