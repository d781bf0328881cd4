import { err, ok, type Result } from "@vedette/base";
import { parseYaml } from "../builtins/yaml.ts";
import { parseJson } from "../values/json.ts";
import { isPlainObject, type PlainObject, type Value } from "../values/value.ts";

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
        : insert(root, at, value, file);
    if (refused) return err(refused);
  }
  return ok(treeToValue(root));
}

type Tree = Map<string, Leaf | Tree>;
interface Leaf {
  readonly value: Value;
  readonly file: string;
}

/** `path` leads from here, `above` to here. An object at the end of the path is merged member by member. */
function insert(
  tree: Tree,
  path: readonly string[],
  value: Value,
  file: string,
  above: readonly string[] = [],
): DocumentError | undefined {
  const [name, ...rest] = path;
  if (name === undefined) {
    for (const [key, member] of Object.entries(value as PlainObject)) {
      const refused = insert(tree, [key], member, file, above);
      if (refused) return refused;
    }
    return undefined;
  }
  const there = tree.get(name);
  const isLeaf = rest.length === 0 && !isPlainObject(value);
  if (there !== undefined && (isLeaf || !(there instanceof Map))) return conflict(there, [...above, name], file);
  if (isLeaf) {
    tree.set(name, { value, file });
    return undefined;
  }
  const child: Tree = there ?? new Map();
  tree.set(name, child);
  return insert(child, rest, value, file, [...above, name]);
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
  const parsed = /\.ya?ml$/.test(file) ? parseYaml(text) : parseJson(text);
  if (parsed.ok) return parsed;
  const { message, offset } = parsed.error;
  const before = text.slice(0, offset).split("\n");
  return err({ line: before.length, column: (before.at(-1) ?? "").length + 1, message });
}
