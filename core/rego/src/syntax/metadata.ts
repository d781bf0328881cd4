import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from "yaml";
import { isNumber, type Value } from "../values/value.ts";
import type { Annotations, Comment, Location } from "./ast.ts";
import { parseNumberLiteral } from "./number-literal.ts";
import { readTerm } from "./query-reader.ts";
import { Refusal } from "./token-reader.ts";

/** UTF-16 code units of one block. It describes a rule; what is longer is a document of its own. */
export const METADATA_LENGTH_MAX: number = 1 << 16;
/** The same of all blocks of a module together: YAML takes ten times longer to read than Rego. */
const METADATA_LENGTH_TOTAL_MAX = 1 << 20;
/** Maps and lists inside each other, in a description. */
const METADATA_NESTING_MAX = 64;

/** What a block says. Its scope may be missing or mistaken: that is for whoever knows what stands behind the block. */
export interface Metadata extends Omit<Annotations, "scope"> {
  readonly scope: string;
}

/** The comment blocks that begin with `METADATA` (OPA policy reference, "Metadata"), or why one is none. */
export function parseMetadata(comments: readonly Comment[]): readonly (Metadata | Refusal)[] {
  const read: (Metadata | Refusal)[] = [];
  let length = 0;
  for (const block of blocksOf(comments)) {
    const { start, file, row, col } = block[0].location;
    length += (block.at(-1) as Comment).location.end - start;
    if (length > METADATA_LENGTH_TOTAL_MAX) {
      const message = `too much METADATA: at most ${METADATA_LENGTH_TOTAL_MAX} characters in a module`;
      return [...read, new Refusal(message, { file, row, col, start, end: start })];
    }
    read.push(readBlock(block));
  }
  return read;
}

function readBlock(block: Block): Metadata | Refusal {
  try {
    return new MetadataReader(block).read();
  } catch (problem) {
    if (problem instanceof Refusal) return problem;
    // The YAML parser recurses over what the text nests, without a limit of its own.
    if (problem instanceof RangeError) return new Refusal(TOO_DEEP, block[0].location);
    throw problem;
  }
}

const TOO_DEEP = "yaml: nesting too deep";

type Block = readonly [Comment, ...Comment[]];

/** A block goes on while comments stand in the first column of the next lines, up to the next block. */
function blocksOf(comments: readonly Comment[]): readonly Block[] {
  const blocks: [Comment, ...Comment[]][] = [];
  let current: [Comment, ...Comment[]] | undefined;
  let row = 0;
  for (const comment of comments) {
    const isFirstColumn = comment.location.col === 1;
    const isBeginning = isFirstColumn && comment.text.trim().startsWith("METADATA");
    if (current && comment.location.row === row + 1 && isFirstColumn && !isBeginning) current.push(comment);
    else {
      current = isBeginning ? [comment] : undefined;
      if (current) blocks.push(current);
    }
    row = comment.location.row;
  }
  return blocks;
}

class MetadataReader {
  readonly #block: Block;
  readonly #lines = new LineCounter();

  constructor(block: Block) {
    this.#block = block;
  }

  read(): Metadata {
    const [first, ...lines] = this.#block;
    const text = lines.map((line) => withoutMargin(line.text)).join("\n");
    if (text.trim() === "") throw new Refusal("expected METADATA block, found whitespace", first.location);
    if (text.length > METADATA_LENGTH_MAX)
      throw new Refusal(`METADATA block too long: at most ${METADATA_LENGTH_MAX}`, first.location);
    const root = this.#parse(text);
    const location = { ...first.location, end: (lines.at(-1) ?? first).location.end };
    if (root === null) return { scope: "", location };
    if (!isMap(root)) return this.#refuse("METADATA must be a map of names to values", root);
    this.#check(root, 0);
    return { ...this.#members(root), location };
  }

  #parse(text: string): ParsedNode | null {
    const document = parseDocument(text, {
      schema: "core",
      strict: true,
      // Checked below: the YAML parser compares each key with every other.
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
      lineCounter: this.#lines,
    });
    const [error] = document.errors;
    if (error === undefined) return document.contents;
    // It reports its own overflow as an error of the text.
    const message = error.message.includes("call stack") ? TOO_DEEP : `yaml: ${error.message}`;
    throw new Refusal(message, this.#locationAt(error.pos[0]));
  }

  #check(node: Node | null, depth: number): void {
    if (isAlias(node)) this.#refuse("yaml: aliases are not allowed", node);
    if (isSeq(node)) for (const item of node.items) this.#check(item as Node | null, this.#deeper(depth, node));
    if (!isMap(node)) return;
    const names = new Set<string>();
    for (const { key, value } of node.items) {
      const name = this.#string(key as Node, "a key");
      if (names.has(name)) this.#refuse(`yaml: key "${name}" is there twice`, key as Node);
      names.add(name);
      this.#check(value as Node | null, this.#deeper(depth, node));
    }
  }

  #deeper(depth: number, node: Node): number {
    return depth < METADATA_NESTING_MAX ? depth + 1 : this.#refuse(TOO_DEEP, node);
  }

  #members(root: YAMLMap): Omit<Metadata, "location"> {
    const title = this.#text(root, "title");
    const description = this.#text(root, "description");
    const isEntrypoint = this.#flag(root, "entrypoint");
    const organizations = this.#list(root, "organizations", (item) => this.#string(item, "an organization"));
    const relatedResources = this.#list(root, "related_resources", (item) => this.#relatedResource(item));
    const authors = this.#list(root, "authors", (item) => this.#author(item));
    const schemas = this.#list(root, "schemas", (item) => this.#schema(item));
    const compile = this.#map(root, "compile");
    const labels = this.#map(root, "labels");
    const custom = this.#map(root, "custom");
    return {
      scope: this.#text(root, "scope") ?? "",
      ...(title && { title }),
      ...(description && { description }),
      ...(isEntrypoint && { entrypoint: true }),
      ...(organizations && { organizations }),
      ...(relatedResources && { relatedResources }),
      ...(authors && { authors }),
      ...(schemas && { schemas }),
      ...(compile && { compile: this.#compile(compile) }),
      ...(labels && { labels: this.#object(labels) }),
      ...(custom && { custom: this.#object(custom) }),
    };
  }

  #text(map: YAMLMap, name: string): string | undefined {
    const node = memberOf(map, name);
    return node && this.#string(node, name);
  }

  #flag(map: YAMLMap, name: string): boolean {
    const node = memberOf(map, name);
    if (node === undefined) return false;
    return isScalar(node) && typeof node.value === "boolean"
      ? node.value
      : this.#refuse(`${name} must be true or false`, node);
  }

  #list<T>(map: YAMLMap, name: string, read: (item: Node) => T): readonly T[] | undefined {
    const node = memberOf(map, name);
    if (node === undefined) return undefined;
    if (!isSeq(node)) return this.#refuse(`${name} must be a list`, node);
    return node.items.map((item) => read(item as Node));
  }

  #map(map: YAMLMap, name: string): YAMLMap | undefined {
    const node = memberOf(map, name);
    if (node === undefined || isMap(node)) return node;
    return this.#refuse(`${name} must be a map`, node);
  }

  /** A number or a truth value as it was written: `title: 1.0` is `1.0`. */
  #string(node: Node, name: string): string {
    if (!isScalar(node)) return this.#refuse(`${name} must be a string`, node);
    return typeof node.value === "string" ? node.value : (node.source ?? "");
  }

  #relatedResource(node: Node): { readonly ref: string; readonly description?: string } {
    const description = isMap(node) ? this.#text(node, "description")?.trim() : undefined;
    const ref = (isMap(node) ? this.#text(node, "ref") : this.#string(node, "a related resource"))?.trim();
    if (!ref) return this.#refuse("invalid related-resource definition: a ref is required", node);
    return { ref, ...(description && { description }) };
  }

  /** `{name, email}`, or one text whose last word may be `<email>`. */
  #author(node: Node): { readonly name?: string; readonly email?: string } {
    const [name, email] = isMap(node)
      ? [this.#text(node, "name")?.trim(), this.#text(node, "email")?.trim()]
      : splitAuthor(this.#string(node, "an author"));
    if (!name && !email) return this.#refuse("invalid author definition: a name or an email is required", node);
    return { ...(name && { name }), ...(email && { email }) };
  }

  #schema(node: Node): NonNullable<Annotations["schemas"]>[number] {
    const pair = isMap(node) ? node.items[0] : undefined;
    if (pair === undefined) return this.#refuse("a schema must be a pair of a document's path and its schema", node);
    const path = this.#path(pair.key as Node, "invalid document reference");
    const schema = pair.value as Node;
    if (isMap(schema)) return { path, definition: this.#object(schema) };
    const reference = this.#path(schema ?? node, "invalid schema reference");
    if (reference[0] !== "schema") return this.#refuse("invalid schema reference", schema);
    return { path, schema: reference };
  }

  #compile(map: YAMLMap): NonNullable<Annotations["compile"]> {
    const unknowns = this.#list(map, "unknowns", (item) => this.#path(item, "invalid unknowns element"));
    const mask = memberOf(map, "mask_rule");
    return {
      ...(unknowns && { unknowns }),
      ...(mask && { maskRule: this.#path(mask, "invalid mask_rule annotation") }),
    };
  }

  /** `data.a["b c"]` as the names that it is made of. */
  #path(node: Node, problem: string): readonly string[] {
    const term = isScalar(node) && typeof node.value === "string" ? readTerm(node.value, "") : undefined;
    if (term === undefined || term instanceof Refusal) return this.#refuse(problem, node);
    const [head, ...steps] = term.type === "reference" ? [term.head, ...term.path] : [term];
    if (head?.type !== "var") return this.#refuse(problem, node);
    const names = steps.map((step) => (step.type === "string" ? step.value : this.#refuse(problem, node)));
    return [head.name, ...names];
  }

  #value(node: Node | null): Value {
    if (node === null) return null;
    if (isScalar(node)) return this.#scalar(node);
    if (isMap(node)) return this.#object(node);
    if (isSeq(node)) return node.items.map((item) => this.#value(item as Node | null));
    return this.#refuse("yaml: unknown value", node);
  }

  #object(map: YAMLMap): { readonly [key: string]: Value } {
    // A null prototype makes `__proto__` a key like any other.
    const object: Record<string, Value> = Object.create(null);
    for (const { key, value } of map.items)
      object[this.#string(key as Node, "a key")] = this.#value(value as Node | null);
    return object;
  }

  #scalar(node: Scalar): Value {
    const { value, source } = node;
    if (value === null || typeof value === "boolean" || typeof value === "string") return value;
    if (typeof value !== "number") return this.#refuse("yaml: unknown value", node);
    const exact = parseNumberLiteral(source ?? "");
    if (isNumber(exact)) return exact;
    // YAML's own ways to write a number: 0x1f, 0o17, +1, .inf.
    return Number.isFinite(value) ? value : this.#refuse("yaml: a number must be finite", node);
  }

  #refuse(message: string, node: Node): never {
    throw new Refusal(message, this.#locationAt(node.range?.[0] ?? 0));
  }

  #locationAt(offset: number): Location {
    const { line, col } = this.#lines.linePos(offset);
    const comment = this.#block[line] ?? (this.#block.at(-1) as Comment);
    const { location } = comment;
    const margin = 1 + comment.text.length - withoutMargin(comment.text).length;
    const from = Math.min(margin + Math.max(col - 1, 0), location.end - location.start);
    return { ...location, col: location.col + from, start: location.start + from };
  }
}

/** One blank behind the `#` belongs to the comment, not to the YAML. */
function withoutMargin(text: string): string {
  return text.startsWith(" ") ? text.slice(1) : text;
}

/** Null, as of `title:`, is as good as missing. */
function memberOf(map: YAMLMap, name: string): Node | undefined {
  const node = map.get(name, true) as Node | undefined;
  return node === undefined || node === null || (isScalar(node) && node.value === null) ? undefined : node;
}

function splitAuthor(text: string): readonly [string, string | undefined] {
  const words = text.split(/\s+/).filter((word) => word !== "");
  const last = words.at(-1) ?? "";
  if (!last.startsWith("<") || !last.endsWith(">") || last.length < 2) return [words.join(" "), undefined];
  return [words.slice(0, -1).join(" "), last.slice(1, -1)];
}
