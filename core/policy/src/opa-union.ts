import { err, ok, type Result, utf8 } from "@vedette/base";
import type { PlainObject } from "@vedette/rego";
import { dataText } from "./data-text.ts";
import { type DataPath, findOverlap, isWithin, mergeData, NO_DATA } from "./data-tree.ts";
import type { OpaBundleError } from "./errors.ts";
import type { OpaSnapshot } from "./opa-bundle.ts";
import type { TarFiles } from "./tar.ts";

/** Several bundles as one document, in the form that `compileCode` reads. */
export interface OpaUnion {
  /** The modules, each below the name of its bundle, and all data in one file. */
  readonly files: TarFiles;
  readonly roots: readonly string[];
}

/**
 * Puts bundles beside each other as OPA does: each owns its roots, and nothing of another. What lies at `reserved` is the
 * host's own, whatever a bundle's roots claim.
 */
export function joinBundles(
  bundles: ReadonlyMap<string, OpaSnapshot>,
  reserved: DataPath,
  lengthMax: number,
): Result<OpaUnion, OpaBundleError> {
  const files = new Map<string, Uint8Array>();
  const roots: DataPath[] = [];
  let data: PlainObject = NO_DATA;
  for (const [name, bundle] of bundles) {
    const overlap = findOverlap(roots, bundle.manifest.roots) ?? findReserved(bundle, reserved);
    if (overlap) return err({ code: "ROOTS_OVERLAP", root: overlap[0].join("/"), other: overlap[1].join("/") });
    const merged = mergeData(data, bundle.data);
    if (!merged.ok) return err({ code: "DATA_CONFLICT", path: merged.error.join("/") });
    data = merged.value;
    roots.push(...bundle.manifest.roots);
    for (const [path, contents] of bundle.modules) files.set(`${name}/${path}`, contents);
  }
  const text = dataText(data, lengthMax);
  if (text === undefined) return err({ code: "BUNDLE_TOO_LARGE", lengthMax });
  return ok({ files: files.set("data.json", utf8(text)), roots: roots.map((root) => root.join("/")) });
}

/** Only what is there counts: a bundle without roots claims everything, and most mean nothing by it. */
function findReserved(bundle: OpaSnapshot, reserved: DataPath): readonly [DataPath, DataPath] | undefined {
  const claimed = bundle.packages.find((path) => isWithin(reserved, path) || isWithin(path, reserved));
  if (claimed) return [claimed, reserved];
  const [first = ""] = reserved;
  return Object.hasOwn(bundle.data, first) ? [[first], reserved] : undefined;
}
