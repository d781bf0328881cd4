import {
  isArray,
  isEqual,
  isObject,
  isSet,
  kindOf,
  memberOf,
  ObjectBuilder,
  type ObjectValue,
  RegoSet,
  sizeOfObject,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import { type BuiltinContext, BuiltinFailure, failure } from "./builtin.ts";
import { parsePath } from "./json-paths.ts";
import { setDifference } from "./set-algebra.ts";

type Path = readonly Value[];
type Patched = Value | BuiltinFailure;

/** RFC 6902 on Rego values: a path may also be an array of keys, and a set's element is its own key. */
export function patchJson(context: BuiltinContext, document: Value, operations: readonly Value[]): Patched {
  let patched: Patched = document;
  for (const operation of operations) {
    if (!isObject(operation))
      return failure("must be an array of JSON-Patch objects, but at least one element is not an object");
    patched = applyOperation(context, patched, operation);
    if (patched instanceof BuiltinFailure) return patched;
  }
  return patched;
}

function applyOperation(context: BuiltinContext, document: Value, operation: ObjectValue): Patched {
  const name = attribute(operation, "op");
  if (name instanceof BuiltinFailure) return name;
  if (typeof name !== "string") return failure(`attribute 'op' must be a string but found: ${kindOf(name)}`);
  if (!isKnown(name)) return failure(`unrecognized op: '${name}'`);
  const path = pathAttribute(operation, "path");
  if (path instanceof BuiltinFailure) return path;
  if (name === "remove") return remove(context, document, path);
  if (name === "move" || name === "copy") {
    const from = pathAttribute(operation, "from");
    if (from instanceof BuiltinFailure) return from;
    return name === "move" ? move(context, document, from, path) : copy(context, document, from, path);
  }
  const value = attribute(operation, "value");
  if (value instanceof BuiltinFailure) return value;
  return OPERATIONS_WITH_VALUE[name](context, document, path, value);
}

const OPERATIONS_WITH_VALUE = { add, replace, test };

function isKnown(name: string): name is keyof typeof OPERATIONS_WITH_VALUE | "remove" | "move" | "copy" {
  return name === "remove" || name === "move" || name === "copy" || Object.hasOwn(OPERATIONS_WITH_VALUE, name);
}

function attribute(operation: ObjectValue, name: string): Patched {
  const value = memberOf(operation, name);
  return value === undefined ? failure(`missing required attribute '${name}'`) : value;
}

function pathAttribute(operation: ObjectValue, name: string): Path | BuiltinFailure {
  const path = attribute(operation, name);
  return path instanceof BuiltinFailure ? path : parsePath(path);
}

// RFC 6902 §4.1
function add(context: BuiltinContext, document: Value, path: Path, value: Value): Patched {
  return path.length === 0 ? value : edit(context, document, path, 0, (parent, key) => insertChild(parent, key, value));
}

// RFC 6902 §4.2
function remove(context: BuiltinContext, document: Value, path: Path): Patched {
  return path.length === 0 ? failure("cannot delete the document") : edit(context, document, path, 0, removeChild);
}

// RFC 6902 §4.3
function replace(context: BuiltinContext, document: Value, path: Path, value: Value): Patched {
  if (path.length === 0) return value;
  const rest = remove(context, document, path);
  return rest instanceof BuiltinFailure ? rest : add(context, rest, path, value);
}

// RFC 6902 §4.4
function move(context: BuiltinContext, document: Value, from: Path, path: Path): Patched {
  if (from.length === 0 && path.length === 0) return document;
  const moved = valueAtPath(document, from);
  if (moved === undefined) return NO_SUCH_PATH;
  const rest = remove(context, document, from);
  return rest instanceof BuiltinFailure ? rest : add(context, rest, path, moved);
}

// RFC 6902 §4.5
function copy(context: BuiltinContext, document: Value, from: Path, path: Path): Patched {
  const copied = valueAtPath(document, from);
  return copied === undefined ? NO_SUCH_PATH : add(context, document, path, copied);
}

// RFC 6902 §4.6
function test(_: BuiltinContext, document: Value, path: Path, value: Value): Patched {
  const found = valueAtPath(document, path);
  if (found === undefined) return NO_SUCH_PATH;
  return isEqual(found, value) ? document : failure("the value at the path is not the patch's value");
}

const NO_SUCH_PATH: BuiltinFailure = failure("the path does not exist");

function valueAtPath(document: Value, path: Path): Value | undefined {
  let value: Value | undefined = document;
  for (const key of path) value = value === undefined ? undefined : childOf(value, key);
  return value;
}

function childOf(parent: Value, key: Value): Value | undefined {
  if (isArray(parent)) return parent[indexOf(parent, key) ?? parent.length];
  if (isObject(parent)) return memberOf(parent, key);
  return isSet(parent) && parent.has(key) ? key : undefined;
}

/** The document with the collection changed that holds the end of a path. */
function edit(
  context: BuiltinContext,
  parent: Value,
  path: Path,
  depth: number,
  change: (parent: Value, key: Value) => Patched,
): Patched {
  const key = path[depth] as Value;
  context.spend(1 + sizeOf(parent));
  if (depth === path.length - 1) return change(parent, key);
  const child = childOf(parent, key);
  if (child === undefined) return NO_SUCH_PATH;
  const edited = edit(context, child, path, depth + 1, change);
  return edited instanceof BuiltinFailure ? edited : replaceChild(parent, key, edited);
}

function sizeOf(parent: Value): number {
  if (isArray(parent)) return parent.length;
  return isSet(parent) ? parent.size : isObject(parent) ? sizeOfObject(parent) : 0;
}

function insertChild(parent: Value, key: Value, child: Value): Patched {
  if (isArray(parent)) {
    const index = indexOf(parent, key);
    return index === undefined ? failure("no index for array insertion") : parent.toSpliced(index, 0, child);
  }
  if (isSet(parent)) {
    if (!isEqual(key, child)) return failure("the set key does not equal the value to be inserted");
    return RegoSet.of([...parent.elements, child]);
  }
  return isObject(parent) ? ObjectBuilder.from([...entriesOf(parent), [key, child]]) : NO_SUCH_PATH;
}

function removeChild(parent: Value, key: Value): Patched {
  if (childOf(parent, key) === undefined) return NO_SUCH_PATH;
  if (isArray(parent)) return parent.toSpliced(indexOf(parent, key) as number, 1);
  if (isSet(parent)) return setDifference(parent, RegoSet.of([key]));
  return isObject(parent)
    ? ObjectBuilder.from(entriesOf(parent).filter(([name]) => !isEqual(name, key)))
    : NO_SUCH_PATH;
}

function replaceChild(parent: Value, key: Value, child: Value): Patched {
  if (isArray(parent)) return parent.with(indexOf(parent, key) as number, child);
  if (!isSet(parent)) return insertChild(parent, key, child);
  return RegoSet.of([...parent.elements.filter((element) => !isEqual(element, key)), child]);
}

function entriesOf(parent: ObjectValue): readonly (readonly [Value, Value])[] {
  return sortedKeysOf(parent).map((key) => [key, memberOf(parent, key) as Value] as const);
}

/** RFC 6901 §4: digits without leading zeros, or `-` for behind the last item. */
function indexOf(items: readonly Value[], key: Value): number | undefined {
  if (key === "-") return items.length;
  const index = typeof key === "string" && ARRAY_INDEX.test(key) ? Number(key) : key;
  return typeof index === "number" && Number.isInteger(index) && index >= 0 && index <= items.length
    ? index
    : undefined;
}

const ARRAY_INDEX: RegExp = /^(0|[1-9][0-9]{0,15})$/;
