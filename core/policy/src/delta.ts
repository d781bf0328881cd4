import { err, isJsonObject, ok, type Result } from "@vedette/base";
import { isPlainObject, type PlainObject, type Value } from "@vedette/rego";
import { type DataPath, isWithinAny, parseDataPath } from "./data-tree.ts";
import type { DeltaError } from "./errors.ts";
import type { OpaDelta, OpaSnapshot, PatchOperation } from "./opa-bundle.ts";
import { hasSameRoots } from "./opa-manifest.ts";

const PATH_LENGTH_MAX = 256;

/**
 * The snapshot that a delta makes of another: all of its operations in their order, or none. The base is left as it is.
 * OPA's deltas do not say what they change; one that does, by `metadata.vedette.base`, is held to it.
 */
export function applyDelta(base: OpaSnapshot | undefined, delta: OpaDelta): Result<OpaSnapshot, DeltaError> {
  if (!base) return err({ code: "DELTA_WITHOUT_BASE" });
  const wanted = baseOf(delta);
  if (wanted !== undefined && wanted !== base.manifest.revision)
    return err({ code: "DELTA_BASE_MISMATCH", base: wanted, active: base.manifest.revision });
  if (!hasSameRoots(base.manifest, delta.manifest)) return err({ code: "DELTA_ROOTS_DIFFER" });
  const draft = new Draft();
  let data: PlainObject = base.data;
  for (const operation of delta.operations) {
    const changed = change(data, operation, base, draft);
    if (!changed.ok) return changed;
    data = changed.value;
  }
  // What the modules are is the base's to say: a delta brings none.
  const { revision, metadata } = delta.manifest;
  return ok({ ...base, manifest: { ...base.manifest, revision, metadata }, keyId: delta.keyId, data });
}

function baseOf({ manifest: { metadata } }: OpaDelta): string | undefined {
  const ours = metadata["vedette"];
  const base = ours !== undefined && isJsonObject(ours) ? ours["base"] : undefined;
  return typeof base === "string" ? base : undefined;
}

function change(
  data: PlainObject,
  operation: PatchOperation,
  { manifest }: OpaSnapshot,
  draft: Draft,
): Result<PlainObject, DeltaError> {
  const path = parsePatchPath(operation.path);
  const invalid = (expected: string) => err({ code: "DELTA_PATH_INVALID", path: operation.path, expected } as const);
  if (!path || path.length === 0) return invalid("a path below the root of the data");
  if (!isWithinAny(manifest.roots, path)) return err({ code: "OUTSIDE_ROOTS", path: path.join("/") });
  const changed = draft.change(data, path, operation);
  if (changed === undefined || !isPlainObject(changed))
    return invalid(operation.op === "upsert" ? "objects or lists on the way" : "a path that is there");
  return ok(changed);
}

/** `/`-separated, `~1` and `~0` as in RFC 6901, and percent-encoded as in OPA's data API. */
function parsePatchPath(text: string): DataPath | undefined {
  const segments = parseDataPath(text);
  if (segments.length > PATH_LENGTH_MAX) return undefined;
  try {
    return segments.map((segment) => decodeURIComponent(segment.replaceAll("~1", "/").replaceAll("~0", "~")));
  } catch {
    // Percent-encoded bytes that are no UTF-8 name nothing.
    return undefined;
  }
}

/**
 * What becomes of the base: whatever an operation touches is copied the first time and changed in place afterwards, so
 * that ten thousand operations on one wide object cost one copy of it.
 */
class Draft {
  /** Each copy by itself, as one that may be written to. */
  readonly #objects = new Map<PlainObject, Record<string, Value>>();
  readonly #lists = new Map<readonly Value[], Value[]>();

  /** Undefined where the path leads nowhere. */
  change(value: Value, [name, ...rest]: DataPath, operation: PatchOperation): Value | undefined {
    if (name === undefined) return operation.op === "remove" ? undefined : operation.value;
    if (isList(value)) return this.#changeList(value, name, rest, operation);
    return isPlainObject(value) ? this.#changeObject(value, name, rest, operation) : undefined;
  }

  #changeObject(value: PlainObject, name: string, rest: DataPath, operation: PatchOperation): PlainObject | undefined {
    const own = Object.hasOwn(value, name) ? value[name] : undefined;
    if (own === undefined && operation.op !== "upsert") return undefined;
    const object = this.#ownObject(value);
    if (operation.op === "remove" && rest.length === 0) {
      delete object[name];
      return object;
    }
    // An upsert makes the objects that lead to its place.
    const inner = this.change(own ?? this.#ownObject({}), rest, operation);
    if (inner === undefined) return undefined;
    object[name] = inner;
    return object;
  }

  /** RFC 6902 §4: an upsert inserts in front of an index, and `-` is behind the last. */
  #changeList(
    value: readonly Value[],
    name: string,
    rest: DataPath,
    operation: PatchOperation,
  ): readonly Value[] | undefined {
    const isInsert = operation.op === "upsert" && rest.length === 0;
    const index = name === "-" && isInsert ? value.length : indexOf(name);
    if (index === undefined || index > value.length || (index === value.length && !isInsert)) return undefined;
    const list = this.#ownList(value);
    if (isInsert) list.splice(index, 0, operation.value);
    else if (operation.op === "remove" && rest.length === 0) list.splice(index, 1);
    else {
      const inner = this.change(list[index] ?? null, rest, operation);
      if (inner === undefined) return undefined;
      list[index] = inner;
    }
    return list;
  }

  #ownObject(value: PlainObject): Record<string, Value> {
    const known = this.#objects.get(value);
    if (known) return known;
    const copy: Record<string, Value> = Object.assign(Object.create(null), value);
    this.#objects.set(copy, copy);
    return copy;
  }

  #ownList(value: readonly Value[]): Value[] {
    const known = this.#lists.get(value);
    if (known) return known;
    const copy = [...value];
    this.#lists.set(copy, copy);
    return copy;
  }
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function indexOf(name: string): number | undefined {
  return /^(?:0|[1-9]\d{0,8})$/.test(name) ? Number(name) : undefined;
}
