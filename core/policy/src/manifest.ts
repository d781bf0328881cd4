import {
  err,
  type Instant,
  instantToString,
  isJsonObject,
  type Json,
  ok,
  parseInstant,
  type Result,
} from "@vedette/base";
import { isJsonArray } from "./document-reader.ts";
import type { PolicyBundleError } from "./errors.ts";

/** OPA's `.manifest`, with what a node needs to refuse under `metadata.vedette`. */
export interface PolicyManifest {
  readonly revision: string;
  /** The data paths that the policy bundle owns; every file lies under one of them. */
  readonly roots: readonly string[];
  /** Grows with every publication; a node never goes back (PROTOCOLS 4.2). */
  readonly sequence: number;
  /** The site that may use it, or `*` for every site of the fleet. */
  readonly site: string;
  readonly notBefore?: Instant;
  readonly notAfter: Instant;
}

export const ANY_SITE = "*";
const ROOTS_MAX = 64;
const TEXT = /^[\x21-\x7e]{1,256}$/;

export function manifestToJson({ revision, roots, sequence, site, notBefore, notAfter }: PolicyManifest): Json {
  const validity = {
    ...(notBefore !== undefined && { notBefore: instantToString(notBefore) }),
    notAfter: instantToString(notAfter),
  };
  return { revision, roots, metadata: { vedette: { sequence, site, ...validity } } };
}

/** Members of OPA that we do not use are ignored; ours are a closed set. */
export function parseManifest(value: Json): Result<PolicyManifest, PolicyBundleError> {
  if (!isJsonObject(value)) return malformed(".manifest: an object");
  const { revision, roots, metadata } = value;
  if (!isText(revision)) return malformed(".manifest: revision, a text without spaces");
  if (!isRootList(roots)) return malformed(`.manifest: roots, at most ${ROOTS_MAX} data paths`);
  const ours = metadata !== undefined && isJsonObject(metadata) ? metadata["vedette"] : undefined;
  if (ours === undefined || !isJsonObject(ours)) return malformed(".manifest: metadata.vedette");
  const { sequence, site, notBefore, notAfter, ...others } = ours;
  if (Object.keys(others).length > 0)
    return malformed(".manifest: metadata.vedette {sequence, site, notBefore?, notAfter}");
  if (typeof sequence !== "number" || !Number.isSafeInteger(sequence) || sequence < 1)
    return malformed(".manifest: sequence, an integer from 1");
  if (!isText(site)) return malformed(".manifest: site, a text without spaces");
  const from = notBefore === undefined ? undefined : parseTime(notBefore);
  const to = notAfter === undefined ? undefined : parseTime(notAfter);
  if (to === undefined || (notBefore !== undefined && from === undefined))
    return malformed(".manifest: notBefore and notAfter, RFC 3339");
  return ok({ revision, roots, sequence, site, ...(from !== undefined && { notBefore: from }), notAfter: to });
}

function parseTime(value: Json): Instant | undefined {
  const parsed = typeof value === "string" ? parseInstant(value) : undefined;
  return parsed?.ok ? parsed.value : undefined;
}

function isText(value: Json | undefined): value is string {
  return typeof value === "string" && TEXT.test(value);
}

function isRootList(value: Json | undefined): value is readonly string[] {
  return (
    value !== undefined &&
    isJsonArray(value) &&
    value.length <= ROOTS_MAX &&
    value.every((root) => typeof root === "string")
  );
}

function malformed(expected: string): Result<never, PolicyBundleError> {
  return err({ code: "BUNDLE_MALFORMED", expected });
}
