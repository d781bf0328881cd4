import { err, ok, type Result } from "@vedette/base";
import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  Parser,
  Scalar,
  type YAMLMap,
  type YAMLParseError,
  type YAMLSeq,
} from "yaml";
import { numberToText } from "../values/big-number.ts";
import { JSON_DEPTH_MAX } from "../values/json-scanner.ts";
import {
  isNumber,
  isObject,
  memberOf,
  ObjectBuilder,
  type ObjectValue,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import { readBase64 } from "./base64-text.ts";
import { bytesToText } from "./text-bytes.ts";
import { resolveNumber, resolvePlainScalar } from "./yaml-scalar.ts";

export interface YamlFault {
  readonly message: string;
  /** In UTF-16 units. */
  readonly offset: number;
}

/**
 * Values that aliases repeat. Written out, a document of a few hundred bytes can have more of them than there is
 * memory ("billion laughs"); real ones repeat some hundred.
 */
const ALIASED_VALUES_MAX = 100_000;

/**
 * The first document of a YAML stream as a value, as OPA reads it: Go's `yaml.v3`, then JSON, so that keys are strings
 * and of members with the same name the last stands. Numbers are exact. Refuses nesting beyond `JSON_DEPTH_MAX`.
 */
export function parseYaml(text: string): Result<Value, YamlFault> {
  const control = text.search(CONTROL_CHARACTER);
  if (control >= 0) return err({ message: "yaml: control characters are not allowed", offset: control });
  const document = firstDocument(text);
  const error = document?.errors[0];
  if (error !== undefined) return err({ message: messageOf(error, text), offset: error.pos[0] });
  try {
    return ok(document === undefined ? null : new Converter(text).convert(document.contents, 0).value);
  } catch (refusal) {
    if (refusal instanceof Refusal) return err({ message: refusal.message, offset: refusal.offset });
    throw refusal;
  }
}

/** With the line, as Go's `yaml.v3` tells it. */
function messageOf({ code, message, pos }: YAMLParseError, text: string): string {
  const line = text.slice(0, pos[0]).split("\n").length;
  if (code === "RESOURCE_EXHAUSTION") return `yaml: line ${line}: more levels of nesting than can be read`;
  const closing = CLOSING.find(([collection]) => message.startsWith(collection))?.[1];
  return `yaml: line ${line}: ${closing === undefined ? message : `did not find expected ${closing}`}`;
}

const CLOSING: readonly (readonly [string, string])[] = [
  ["Flow sequence", "',' or ']'"],
  ["Flow map", "',' or '}'"],
];

/** What is not printable (YAML 1.1 §5.1). */
const CONTROL_CHARACTER: RegExp = /[^\t\n\r -~\u0085\u00a0-\ufffd]/;

/** Only its structure: what the scalars say is for us to decide. */
function firstDocument(text: string): Document.Parsed | undefined {
  const composer = new Composer({
    schema: "failsafe",
    resolveKnownTags: false,
    uniqueKeys: false,
    prettyErrors: false,
    merge: false,
  });
  for (const document of composer.compose(new Parser().parse(text))) return document;
  return undefined;
}

class Refusal extends Error {
  readonly offset: number;
  constructor(message: string, node: Node | null) {
    super(`yaml: ${message}`);
    this.offset = node?.range?.[0] ?? 0;
  }
}

interface Converted {
  readonly value: Value;
  /** How many values it is made of, written out. */
  readonly size: number;
}

const TAG_PREFIX = "tag:yaml.org,2002:";

class Converter {
  readonly #text: string;
  readonly #anchors = new Map<string, Converted | "open">();
  #aliased = 0;

  constructor(text: string) {
    this.#text = text;
  }

  convert(node: Node | null, depth: number): Converted {
    if (node === null) return { value: null, size: 1 };
    if (depth > JSON_DEPTH_MAX) throw new Refusal(`more than ${JSON_DEPTH_MAX} levels of nesting`, node);
    if (isAlias(node)) return this.#resolveAlias(node, node.source);
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, "open");
    const converted = this.#convertContent(node, depth);
    if (anchor !== undefined) this.#anchors.set(anchor, converted);
    return converted;
  }

  #resolveAlias(node: Node, anchor: string): Converted {
    const target = this.#anchors.get(anchor);
    if (target === undefined) throw new Refusal(`unknown anchor '${anchor}' referenced`, node);
    if (target === "open") throw new Refusal(`anchor '${anchor}' value contains itself`, node);
    this.#aliased += target.size;
    if (this.#aliased > ALIASED_VALUES_MAX) throw new Refusal("document contains excessive aliasing", node);
    return target;
  }

  #convertContent(node: Node, depth: number): Converted {
    if (isMap(node)) return this.#convertMap(node, depth);
    if (isSeq(node)) return this.#convertSequence(node, depth);
    return { value: isScalar(node) ? resolveScalar(node, this.#textOf(node)) : null, size: 1 };
  }

  /** A block scalar that ends the text without a line end has none either; the composer adds one. */
  #textOf(scalar: Scalar): string {
    const text = scalar.source ?? "";
    const isBlock = scalar.type === Scalar.BLOCK_LITERAL || scalar.type === Scalar.BLOCK_FOLDED;
    const isAtEnd = scalar.range?.[1] === this.#text.length && !this.#text.endsWith("\n");
    return isBlock && isAtEnd && text.endsWith("\n") ? text.slice(0, -1) : text;
  }

  #convertSequence(sequence: YAMLSeq, depth: number): Converted {
    let size = 1;
    const items = sequence.items.map((item) => {
      const converted = this.convert(item as Node | null, depth + 1);
      size += converted.size;
      return converted.value;
    });
    return { value: items, size };
  }

  /** YAML 1.1 "Merge Key": members of the map itself come before merged ones, whatever their order. */
  #convertMap(map: YAMLMap, depth: number): Converted {
    const members: (readonly [string, Value])[] = [];
    const merged: (readonly [string, Value])[] = [];
    let size = 1;
    for (const pair of map.items) {
      if (!isPair(pair)) continue;
      const key = pair.key as Node | null;
      const name = isMergeKey(key) ? undefined : this.#nameOf(key, depth);
      const { value, size: valueSize } = this.convert(pair.value as Node | null, depth + 1);
      size += 1 + valueSize;
      if (name === undefined) merged.push(...entriesToMerge(value, key));
      else members.push([name, value]);
    }
    return { value: ObjectBuilder.from([...merged, ...members]), size };
  }

  #nameOf(key: Node | null, depth: number): string {
    const { value } = this.convert(key, depth + 1);
    if (typeof value === "string") return value;
    if (typeof value === "boolean") return String(value);
    if (isNumber(value)) return numberToText(value);
    throw new Refusal("invalid map key", key);
  }
}

function isMergeKey(key: Node | null): boolean {
  return isScalar(key) && key.type === Scalar.PLAIN && key.source === "<<" && key.tag === undefined;
}

/** Of several maps the earlier stand, so they come last. */
function entriesToMerge(value: Value, key: Node | null): readonly (readonly [string, Value])[] {
  const maps = Array.isArray(value) ? value.toReversed() : [value];
  return maps.flatMap((map: Value) => {
    if (!isObject(map)) throw new Refusal("map merge requires map or sequence of maps as the value", key);
    return entriesOf(map);
  });
}

function entriesOf(map: ObjectValue): readonly (readonly [string, Value])[] {
  // Every key of a converted map is a string.
  return sortedKeysOf(map).map((key) => [key as string, memberOf(map, key) as Value] as const);
}

function resolveScalar(scalar: Scalar, text: string): Value {
  const tag = scalar.tag?.startsWith(TAG_PREFIX) ? scalar.tag.slice(TAG_PREFIX.length) : scalar.tag;
  if (tag === undefined) return scalar.type === Scalar.PLAIN ? resolveUntagged(scalar, text) : text;
  switch (tag) {
    case "null":
      return resolvePlainScalar(text) === null ? null : refuseTag(scalar, text, tag);
    case "bool": {
      const value = resolvePlainScalar(text);
      return typeof value === "boolean" ? value : refuseTag(scalar, text, tag);
    }
    case "int":
    case "float":
      return resolveNumber(text) ?? refuseTag(scalar, text, tag);
    case "binary": {
      const bytes = readBase64(text, "standard");
      return bytes.ok ? bytesToText(bytes.value) : refuseTag(scalar, text, tag);
    }
    default:
      return text;
  }
}

function resolveUntagged(scalar: Scalar, text: string): Value {
  const value = resolvePlainScalar(text);
  if (value === undefined) throw new Refusal(`unsupported value: ${text}`, scalar);
  return value;
}

function refuseTag(scalar: Scalar, text: string, tag: string): never {
  throw new Refusal(`cannot decode \`${text}\` as a !!${tag}`, scalar);
}
