import { err, isJsonObject, ok, type Result, readJson } from "@vedette/base";
import {
  type BundleTrouble,
  compileCode,
  type DataPath,
  joinBundles,
  type OpaSnapshot,
  type PolicyCode,
} from "@vedette/policy";
import { closures } from "@vedette/rego";

/** What belongs to the node's own policy bundle: nothing that is pulled may claim to be part of it. */
const RESERVED: DataPath = ["vedette"];
/** Of one refusal, in status. */
const ERRORS_MAX = 10;

/**
 * The bundles that are active together: all of their modules over all of their data, as in one OPA. One that does not fit
 * changes nothing. They answer questions about their own documents; the access decisions of this node are not theirs.
 */
export class PulledBundles {
  readonly #lengthMax: number;
  #active: ReadonlyMap<string, OpaSnapshot> = new Map();
  #code: PolicyCode | undefined;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** Undefined while no active bundle has a module. */
  get code(): PolicyCode | undefined {
    return this.#code;
  }

  snapshotOf(name: string): OpaSnapshot | undefined {
    return this.#active.get(name);
  }

  /** Puts a snapshot in the place of the one of this name; the error leaves what was there. */
  activate(name: string, snapshot: OpaSnapshot): Result<undefined, BundleTrouble> {
    const next = new Map([...this.#active, [name, snapshot]]);
    const union = joinBundles(next, RESERVED, this.#lengthMax);
    if (!union.ok) return err(troubleOf(union.error));
    // This process holds keys: no code is made from policy here (PROTOCOLS 5.4).
    const code = compileCode(union.value.files, union.value.roots, closures);
    if (!code.ok) return err(troubleOf(code.error));
    this.#active = next;
    this.#code = code.value;
    return ok(undefined);
  }
}

/** A refusal in the words of OPA's status. */
export function troubleOf({ code, ...facts }: { readonly code: string }): BundleTrouble {
  const plain: unknown = readJson(JSON.stringify(facts));
  const findings = isJsonObject(plain) ? plain["findings"] : undefined;
  if (Array.isArray(findings)) return { message: "the policies do not compile", errors: findings.slice(0, ERRORS_MAX) };
  return { message: `${code} ${JSON.stringify(plain)}` };
}
