import {
  base64url,
  type Crypto,
  canonicalJson,
  err,
  type Instant,
  instant,
  isJsonObject,
  type JsonObject,
  ok,
  parseBase64url,
  parseUtf8,
  type Result,
  readJson,
  type Signer,
  utf8,
} from "@vedette/base";
import { type JwsError, signJws, type VerificationKey, verifyJws } from "@vedette/envelope";
import type { AttestationResult } from "./attestation-result.ts";
import type { EarError } from "./errors.ts";

/** EAT attestation result (draft-ietf-rats-ear §3) in the profile of Veraison: an attestation result that others can read. */
export interface Ear {
  readonly issuedAt: Instant;
  /** `iss` (RFC 7519 §4.1.1): in whose name the verifier spoke. */
  readonly issuer?: string;
  readonly verifier: { readonly developer: string; readonly build: string };
  readonly submodules: Readonly<Record<string, EarAppraisal>>;
}

export interface EarAppraisal {
  readonly status: EarStatus;
  readonly trustworthinessVector?: TrustworthinessVector;
  /** A URI. */
  readonly appraisalPolicyId?: string;
  /** SPKI of a key that the evidence vouches for; here the TLS key. */
  readonly attestedKey?: Uint8Array;
  /** What the profile leaves to the verifier. */
  readonly policyClaims?: JsonObject;
}

export type EarStatus = "none" | "affirming" | "warning" | "contraindicated";
export type TrustworthinessVector = Readonly<Partial<Record<TrustworthinessClaim, number>>>;

export const EAR_PROFILE = "tag:github.com,2023:veraison/ear";
export const EAR_TYPE = "ear+jwt";

// draft-ietf-rats-ar4si §2.3.4.
const TRUSTWORTHINESS_CLAIMS = [
  "instance-identity",
  "configuration",
  "executables",
  "file-system",
  "hardware",
  "runtime-opaque",
  "storage-opaque",
  "sourced-data",
] as const;
export type TrustworthinessClaim = (typeof TRUSTWORTHINESS_CLAIMS)[number];
const STATUSES: readonly string[] = ["none", "affirming", "warning", "contraindicated"] satisfies readonly EarStatus[];

/** Composite attesters have a handful of parts. */
const SUBMODULES_MAX = 16;

/** AR4SI values that we claim (draft-ietf-rats-ar4si §2.3.4), by what the appraisal showed. */
const AR4SI = {
  trustworthyInstance: 2,
  genuineHardware: 2,
  approvedBoot: 3,
  unrecognizedRuntime: 33,
  contraindicatedRuntime: 96,
  softwareKeys: 32,
} as const;

/** The build changes whenever the same evidence would be appraised differently. */
const VERIFIER: Ear["verifier"] = { developer: "vedette", build: "attestation/1" };

/** The claims of one appraisal; the submodule is named after the kind of attester. Status is the vector's worst tier. */
export function resultToEar(result: AttestationResult, issuer?: string): Ear {
  const { name, site, deviceClass, ekHash, akName, reasons } = result;
  const appraisal: EarAppraisal = {
    status: result.verdict,
    trustworthinessVector: vectorOf(result),
    attestedKey: result.spki,
    policyClaims: { name, site, class: deviceClass, ekHash, akName, reasons: reasons.map((reason) => ({ ...reason })) },
  };
  return {
    // NumericDate (RFC 7519 §2) in whole seconds: what is written is what is read back.
    issuedAt: instant(Math.floor(result.attestedAt / 1_000) * 1_000),
    ...(issuer !== undefined && { issuer }),
    verifier: VERIFIER,
    submodules: { [result.attester]: appraisal },
  };
}

/** Compact JWS of type `ear+jwt`. */
export function signEar(ear: Ear, keyId: string, signer: Signer): string {
  return signJws(utf8(canonicalJson(earToClaims(ear))), EAR_TYPE, keyId, signer);
}

/** Signature, type and claims; codes of `verifyJws` and EAR_MALFORMED. How old a result may be is the caller's rule. */
export function openEar(
  token: string,
  keys: readonly VerificationKey[],
  crypto: Crypto,
): Result<Ear, JwsError | EarError> {
  const opened = verifyJws(token, EAR_TYPE, keys, crypto);
  if (!opened.ok) return opened;
  const text = parseUtf8(opened.value.payload);
  return text.ok ? parseEar(parseJson(text.value)) : malformed("");
}

/** The claims set as JSON. */
export function earToClaims(ear: Ear): JsonObject {
  return {
    eat_profile: EAR_PROFILE,
    iat: Math.floor(ear.issuedAt / 1_000),
    ...(ear.issuer !== undefined && { iss: ear.issuer }),
    "ear.verifier-id": { ...ear.verifier },
    submods: Object.fromEntries(Object.entries(ear.submodules).map(([name, part]) => [name, appraisalToClaims(part)])),
  };
}

/** Claims that we do not know are passed over, as RFC 9711 §4 asks; those we know must be what the draft says. */
export function parseEar(claims: unknown): Result<Ear, EarError> {
  if (!isJsonObject(claims)) return malformed("");
  if (claims["eat_profile"] !== EAR_PROFILE) return malformed("eat_profile");
  const { iat, iss, "ear.verifier-id": verifier, "ear.raw-evidence": rawEvidence, submods } = claims;
  if (typeof iat !== "number" || !Number.isInteger(iat) || !Number.isSafeInteger(iat * 1_000) || iat < 0)
    return malformed("iat");
  if (iss !== undefined && typeof iss !== "string") return malformed("iss");
  if (!isJsonObject(verifier)) return malformed("ear.verifier-id");
  const { developer, build } = verifier;
  if (typeof developer !== "string" || typeof build !== "string") return malformed("ear.verifier-id");
  if (rawEvidence !== undefined && !bytesOf(rawEvidence)) return malformed("ear.raw-evidence");
  const submodules = parseSubmodules(submods);
  if (!submodules.ok) return submodules;
  const issuer = iss !== undefined && { issuer: iss };
  return ok({
    issuedAt: instant(iat * 1_000),
    ...issuer,
    verifier: { developer, build },
    submodules: submodules.value,
  });
}

function vectorOf({ attester, verdict }: AttestationResult): TrustworthinessVector {
  // A software key says nothing of instance, hardware or boot; that it lies in software is all there is to claim.
  if (attester === "software") return { "storage-opaque": AR4SI.softwareKeys };
  const executables = {
    affirming: AR4SI.approvedBoot,
    warning: AR4SI.unrecognizedRuntime,
    contraindicated: AR4SI.contraindicatedRuntime,
  }[verdict];
  return { "instance-identity": AR4SI.trustworthyInstance, hardware: AR4SI.genuineHardware, executables };
}

function appraisalToClaims(appraisal: EarAppraisal): JsonObject {
  const { status, trustworthinessVector, appraisalPolicyId, attestedKey, policyClaims } = appraisal;
  return {
    "ear.status": status,
    ...(trustworthinessVector && { "ear.trustworthiness-vector": { ...trustworthinessVector } }),
    ...(appraisalPolicyId !== undefined && { "ear.appraisal-policy-id": appraisalPolicyId }),
    ...(attestedKey && { "ear.veraison.key-attestation": { akpub: base64url(attestedKey) } }),
    ...(policyClaims && { "ear.veraison.policy-claims": policyClaims }),
  };
}

function parseSubmodules(input: unknown): Result<Ear["submodules"], EarError> {
  if (!isJsonObject(input)) return malformed("submods");
  const entries = Object.entries(input);
  if (entries.length === 0 || entries.length > SUBMODULES_MAX) return malformed("submods");
  const submodules: [string, EarAppraisal][] = [];
  for (const [name, claims] of entries) {
    const appraisal = parseAppraisal(claims, `submods.${name}`);
    if (!appraisal.ok) return appraisal;
    submodules.push([name, appraisal.value]);
  }
  return ok(Object.fromEntries(submodules)); // unlike an assignment, keeps a part that is named __proto__
}

function parseAppraisal(claims: unknown, path: string): Result<EarAppraisal, EarError> {
  if (!isJsonObject(claims)) return malformed(path);
  const status = claims["ear.status"];
  const vector = claims["ear.trustworthiness-vector"];
  const policyId = claims["ear.appraisal-policy-id"];
  const attestation = claims["ear.veraison.key-attestation"];
  const policyClaims = claims["ear.veraison.policy-claims"];
  if (!isStatus(status)) return malformed(`${path}.ear.status`);
  if (vector !== undefined && !isVector(vector)) return malformed(`${path}.ear.trustworthiness-vector`);
  if (policyId !== undefined && typeof policyId !== "string") return malformed(`${path}.ear.appraisal-policy-id`);
  const attestedKey = isJsonObject(attestation) ? bytesOf(attestation["akpub"]) : undefined;
  if (attestation !== undefined && !attestedKey) return malformed(`${path}.ear.veraison.key-attestation`);
  if (policyClaims !== undefined && !isJsonObject(policyClaims)) return malformed(`${path}.ear.veraison.policy-claims`);
  return ok({
    status,
    ...(vector !== undefined && { trustworthinessVector: vector }),
    ...(policyId !== undefined && { appraisalPolicyId: policyId }),
    ...(attestedKey && { attestedKey }),
    ...(policyClaims !== undefined && { policyClaims }),
  });
}

function isStatus(value: unknown): value is EarStatus {
  return typeof value === "string" && STATUSES.includes(value);
}

// AR4SI §2.3.2: a value is a signed octet; its range is its tier.
function isVector(value: unknown): value is TrustworthinessVector {
  const names: readonly string[] = TRUSTWORTHINESS_CLAIMS;
  return (
    isJsonObject(value) &&
    Object.entries(value).every(
      ([name, claim]) =>
        names.includes(name) && Number.isInteger(claim) && Number(claim) >= -128 && Number(claim) <= 127,
    )
  );
}

function bytesOf(value: unknown): Uint8Array | undefined {
  const parsed = typeof value === "string" ? parseBase64url(value) : undefined;
  return parsed?.ok && parsed.value.length > 0 ? parsed.value : undefined;
}

function parseJson(text: string): unknown {
  try {
    return readJson(text);
  } catch {
    // Not JSON is not a claims set either; parseEar says so.
    return undefined;
  }
}

function malformed(path: string): Result<never, EarError> {
  return err({ code: "EAR_MALFORMED", path });
}
