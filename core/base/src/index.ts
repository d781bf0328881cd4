export {
  ByteReader,
  type BytesError,
  ByteWriter,
  base64,
  base64url,
  concatBytes,
  hex,
  isSameBytes,
  parseBase64,
  parseBase64url,
  parseHex,
  parseUtf8,
  utf8,
} from "./bytes.ts";
export { canonicalJson, isJsonObject, type Json, type JsonObject } from "./canonical-json.ts";
export {
  type JsonItems,
  type LocatedJson,
  type LocatedJsonError,
  type LocatedJsonLimits,
  type Position,
  parseListedJson,
  parseLocatedJson,
} from "./located-json.ts";
export type {
  Clock,
  Crypto,
  HashAlgorithm,
  LegacyHashAlgorithm,
  Random,
  SignatureAlgorithm,
  Signer,
} from "./ports.ts";
export { readJson, readJsonWith } from "./read-json.ts";
export {
  AdapterError,
  assert,
  type Err,
  err,
  InvariantError,
  type Ok,
  ok,
  type Result,
  unreachable,
} from "./result.ts";
export { Secret } from "./secret.ts";
export {
  addDuration,
  type Duration,
  days,
  durationBetween,
  durationToString,
  hours,
  type Instant,
  instant,
  instantToString,
  latest,
  milliseconds,
  minutes,
  parseDuration,
  parseInstant,
  seconds,
  type TimeError,
} from "./time.ts";
