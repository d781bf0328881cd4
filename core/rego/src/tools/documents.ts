import { err, ok, type Result } from "@vedette/base";
import { parse, YAMLParseError } from "yaml";
import { parseJson } from "../values/json.ts";
import { isArray, isPlainObject, type PlainObject, type Value } from "../values/value.ts";

/** A data file as it was read, and the place below `data` that its folder gives it. */
export interface DataDocument {
  readonly file: string;
  readonly at: readonly string[];
  readonly value: Value;
}

export type DocumentError =
  /** Only an object can be merged into `data` itself. */
  | { readonly code: "DOCUMENT_NOT_OBJECT"; readonly file: string }
  /** Two files give different things the same path. */
  | {
      readonly code: "DOCUMENT_CONFLICT";
      readonly file: string;
      readonly path: readonly string[];
      readonly other: string;
    };

/** One document out of many: objects are merged, anything else has its path to itself. */
export function mergeDocuments(documents: readonly DataDocument[]): Result<PlainObject, DocumentError> {
  const root: Tree = new Map();
  for (const { file, at, value } of documents) {
    const refused =
      at.length === 0 && !isPlainObject(value)
        ? ({ code: "DOCUMENT_NOT_OBJECT", file } as const)
        : insert(root, at, 0, value, file);
    if (refused) return err(refused);
  }
  return ok(treeToValue(root));
}

type Tree = Map<string, Leaf | Tree>;
interface Leaf {
  readonly value: Value;
  readonly file: string;
}

function insert(
  tree: Tree,
  path: readonly string[],
  depth: number,
  value: Value,
  file: string,
): DocumentError | undefined {
  if (depth === path.length) {
    // INVARIANT: a place that holds an object is a tree; the caller took care of everything else.
    for (const [name, member] of Object.entries(value as PlainObject)) {
      const refused = insertAt(tree, [...path, name], depth, member, file);
      if (refused) return refused;
    }
    return undefined;
  }
  return insertAt(tree, path, depth, value, file);
}

function insertAt(
  tree: Tree,
  path: readonly string[],
  depth: number,
  value: Value,
  file: string,
): DocumentError | undefined {
  const name = path[depth]!;
  const there = tree.get(name);
  const isLast = depth === path.length - 1;
  if (isLast && !isPlainObject(value)) {
    if (there !== undefined) return conflict(there, path, file);
    tree.set(name, { value, file });
    return undefined;
  }
  if (there !== undefined && !(there instanceof Map)) return conflict(there, path.slice(0, depth + 1), file);
  const child: Tree = there ?? new Map();
  tree.set(name, child);
  return insert(child, path, depth + 1, value, file);
}

function conflict(there: Leaf | Tree, path: readonly string[], file: string): DocumentError {
  return { code: "DOCUMENT_CONFLICT", file, path, other: fileIn(there) };
}

function fileIn(there: Leaf | Tree): string {
  if (!(there instanceof Map)) return there.file;
  for (const child of there.values()) return fileIn(child);
  return "";
}

function treeToValue(tree: Tree): PlainObject {
  const document: Record<string, Value> = Object.create(null);
  for (const [name, child] of tree) document[name] = child instanceof Map ? treeToValue(child) : child.value;
  return document;
}

export interface DocumentTextError {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** A data file's text as a value: YAML where the name says so, else JSON. */
export function parseDocument(text: string, file: string): Result<Value, DocumentTextError> {
  if (/\.ya?ml$/.test(file)) return parseYaml(text);
  const parsed = parseJson(text);
  if (parsed.ok) return parsed;
  const { message, offset } = parsed.error;
  const before = text.slice(0, offset).split("\n");
  return err({ line: before.length, column: (before.at(-1) ?? "").length + 1, message });
}

/** The first document of a YAML text, as JSON would hold it. */
function parseYaml(text: string): Result<Value, DocumentTextError> {
  try {
    // Merge keys are not YAML 1.2, and everywhere.
    return toValue(parse(text, { merge: true, uniqueKeys: false, logLevel: "error" }));
  } catch (problem) {
    if (problem instanceof YAMLParseError) {
      const { line, col } = problem.linePos?.[0] ?? { line: 1, col: 1 };
      return err({ line, column: col, message: (problem.message.split("\n")[0] ?? "").replace(/ at line \d+.*$/, "") });
    }
    // The parser recurses over what the text nests, and expands what it repeats up to a limit of its own.
    if (problem instanceof RangeError || problem instanceof ReferenceError)
      return err({ line: 1, column: 1, message: "nested or repeated too much" });
    throw problem;
  }
}

function toValue(item: unknown): Result<Value, DocumentTextError> {
  if (item === null || item === undefined) return ok(null);
  if (typeof item === "boolean" || typeof item === "string") return ok(item);
  if (typeof item === "number" && Number.isFinite(item)) return ok(item);
  if (Array.isArray(item)) {
    const list: Value[] = [];
    for (const member of item) {
      const value = toValue(member);
      if (!value.ok) return value;
      list.push(value.value);
    }
    return ok(list);
  }
  if (typeof item !== "object") return err({ line: 1, column: 1, message: "a value that JSON cannot hold" });
  const document: Record<string, Value> = Object.create(null);
  for (const [name, member] of Object.entries(item)) {
    const value = toValue(member);
    if (!value.ok) return value;
    document[name] = value.value;
  }
  return ok(document);
}

/** The path below `data` of a file in a policy bundle: its folder. */
export function dataPathOf(file: string): readonly string[] {
  return file.split("/").slice(0, -1);
}

export function isDataDocument(value: Value): value is PlainObject {
  return !isArray(value) && isPlainObject(value);
}
