import { isJsonObject, type Json, type JsonObject } from "@vedette/base";
import type { FindingCode } from "./errors.ts";
import type { Pointer } from "./pointer.ts";

/** A finding before it knows its line: positions are looked up once, at the end. */
export interface Fault {
  readonly code: FindingCode;
  readonly pointer: string;
  readonly part: "key" | "value";
  readonly message: string;
  readonly expected: string;
}

/** A reader who sees fifty findings fixes the first ones first. */
const FAULTS_MAX = 50;

/** Fields that exist nowhere in rules/v1 and deserve a better answer than "unknown field" (PROTOCOLS 5.2). */
const NEEDS_NETWORK: ReadonlySet<string> = new Set(["http", "url", "fetch", "dns", "remote", "webhook"]);

/** The names of an object's members. */
export interface Members {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

/** Reads a parsed document member by member, and collects every fault instead of stopping at the first. */
export class DocumentReader {
  readonly faults: Fault[] = [];

  report(code: FindingCode, pointer: Pointer, message: string, expected: string, part: Fault["part"] = "value"): void {
    if (this.faults.length < FAULTS_MAX)
      this.faults.push({ code, pointer: pointer.toString(), part, message, expected });
  }

  /** An object whose members are all known and whose required ones are there; members are checked by the caller. */
  object(value: Json | undefined, pointer: Pointer, { required, optional }: Members): JsonObject | undefined {
    if (value === undefined || !isJsonObject(value)) {
      this.mismatch(pointer, "an object");
      return undefined;
    }
    for (const key of Object.keys(value))
      if (!required.includes(key) && !optional.includes(key))
        this.#reportUnknown(value, key, pointer, [...required, ...optional]);
    for (const key of required)
      if (value[key] === undefined) this.report("MISSING_FIELD", pointer.below(key), "missing field", `"${key}" here`);
    return value;
  }

  #reportUnknown(value: JsonObject, key: string, pointer: Pointer, known: readonly string[]): void {
    const at = pointer.below(key);
    const isUncapped = key === "onUnavailable" && value[key] === "allow" && value["cap"] === undefined;
    if (isUncapped)
      this.report(
        "UNAVAILABLE_ALLOWS_UNCAPPED",
        at,
        "allows without a cap when something is unavailable",
        'no "onUnavailable": a decision of rules/v1 waits for nothing',
        "key",
      );
    else if (NEEDS_NETWORK.has(key))
      this.report(
        "NOT_OFFLINE",
        at,
        "cannot run offline",
        "only attributes that the request and the node carry",
        "key",
      );
    else this.report("UNKNOWN_FIELD", at, "unknown field", `one of ${known.join(", ")}`, "key");
  }

  text(value: Json | undefined, pointer: Pointer, pattern: RegExp, expected: string): string | undefined {
    if (value === undefined) return undefined;
    if (typeof value === "string" && pattern.test(value)) return value;
    if (typeof value === "string") this.report("VALUE_INVALID", pointer, "value not allowed", expected);
    else this.mismatch(pointer, expected);
    return undefined;
  }

  list(value: Json | undefined, pointer: Pointer, lengthMax: number, expected: string): readonly Json[] | undefined {
    if (value === undefined) return undefined;
    if (!isJsonArray(value) || value.length === 0) {
      this.mismatch(pointer, expected);
      return undefined;
    }
    if (value.length <= lengthMax) return value;
    this.report("LIMIT_EXCEEDED", pointer, "list too long", `at most ${lengthMax} items`);
    return undefined;
  }

  texts(
    value: Json | undefined,
    pointer: Pointer,
    lengthMax: number,
    pattern: RegExp,
    expected: string,
  ): readonly string[] | undefined {
    const items = this.list(value, pointer, lengthMax, `a list of ${expected}`);
    if (!items) return undefined;
    const texts: string[] = [];
    for (let i = 0; i < items.length; i++) {
      const text = this.text(items[i], pointer.below(i), pattern, expected);
      if (text !== undefined) texts.push(text);
    }
    if (texts.length > 1 && new Set(texts).size < texts.length)
      this.report("VALUE_INVALID", pointer, "repeated item", "each item once");
    return texts.length === items.length ? texts : undefined;
  }

  mismatch(pointer: Pointer, expected: string): void {
    this.report("TYPE_MISMATCH", pointer, "wrong type", expected);
  }
}

export function isJsonArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
