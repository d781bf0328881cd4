import { hex } from "@vedette/base";
import { ANY, functionOf, NUMBER, objectOf, STRING } from "../types.ts";
import { integerOf } from "../values/big-number.ts";
import { valueToJson } from "../values/json.ts";
import { quote } from "../values/print.ts";
import {
  compareText,
  isObject,
  kindOf,
  memberOf,
  type NumberValue,
  ObjectBuilder,
  type ObjectValue,
  type PlainObject,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, failure, operandFailure } from "./builtin.ts";
import { checkHttpRequest, HTTP_REQUEST_REQUIRED, namesFailure } from "./http-request.ts";
import { operandMeaningFailure, taking } from "./operands.ts";
import { textToBytes } from "./text-bytes.ts";
import { civilTimeOf, NANOSECONDS_MAX } from "./time-civil.ts";
import { formatTime } from "./time-format.ts";
import { UTC } from "./time-zone.ts";
import { parseUri, type Uri, uriToText } from "./uri.ts";

const PARAMETERS = objectOf(STRING, ANY);

/** OPA policy reference, "AWS". The request is signed and given back; nothing is sent. */
export const AWS_BUILTINS: readonly Builtin[] = [
  {
    name: "providers.aws.sign_req",
    type: functionOf([PARAMETERS, PARAMETERS, NUMBER], objectOf(ANY, ANY)),
    run: taking(["object", "object", "number"], (context, request, configuration, time) => {
      const signer = readSigner(configuration, time);
      if (signer instanceof BuiltinFailure) return signer;
      const parts = readRequest(request);
      if (parts instanceof BuiltinFailure) return parts;
      const headers = signedHeaders(context, parts, signer);
      const signed = new ObjectBuilder();
      for (const key of sortedKeysOf(request)) signed.set(key, memberOf(request, key) as Value);
      signed.set("headers", headers);
      return signed.build();
    }),
  },
];

/** Whose key signs, for what, and when. */
interface Signer {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string;
  readonly region: string;
  readonly service: string;
  readonly isPayloadSigned: boolean;
  /** As ISO 8601 without separators: `20151228T140825Z`. */
  readonly time: string;
}

const CONFIGURATION_REQUIRED = ["aws_access_key", "aws_region", "aws_secret_access_key", "aws_service"];

function readSigner(configuration: ObjectValue, time: NumberValue): Signer | BuiltinFailure {
  const missing = CONFIGURATION_REQUIRED.filter((name) => memberOf(configuration, name) === undefined);
  if (missing.length > 0) return namesFailure(2, "missing required AWS config parameters(s)", missing);
  const wrong = CONFIGURATION_REQUIRED.filter((name) => typeof memberOf(configuration, name) !== "string");
  if (wrong.length > 0) return namesFailure(2, "invalid values for required AWS config parameters(s)", wrong);
  const nanoseconds = integerOf(time);
  if (nanoseconds === undefined || nanoseconds < 0n || nanoseconds > NANOSECONDS_MAX)
    return operandMeaningFailure(3, "could not convert time_ns value into a unix timestamp");
  const isUnsigned = memberOf(configuration, "disable_payload_signing") ?? false;
  if (typeof isUnsigned !== "boolean")
    return operandMeaningFailure(2, "invalid value for 'disable_payload_signing' in AWS config");
  return {
    accessKey: textMember(configuration, "aws_access_key"),
    secretKey: textMember(configuration, "aws_secret_access_key"),
    sessionToken: textMember(configuration, "aws_session_token"),
    region: textMember(configuration, "aws_region"),
    service: textMember(configuration, "aws_service"),
    isPayloadSigned: !isUnsigned,
    time: formatTime(civilTimeOf(nanoseconds, UTC), "20060102T150405Z"),
  };
}

interface Request {
  readonly method: string;
  readonly uri: Uri;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

function readRequest(request: ObjectValue): Request | BuiltinFailure {
  const malformed = checkHttpRequest(request);
  if (malformed !== undefined) return malformed;
  const headers = memberOf(request, "headers") ?? {};
  if (!isObject(headers)) return operandFailure(1, "object", kindOf(headers));
  const wrong = HTTP_REQUEST_REQUIRED.filter((name) => typeof memberOf(request, name) !== "string");
  if (wrong.length > 0) return namesFailure(1, "invalid values for required request parameters(s)", wrong);
  const url = textMember(request, "url");
  const uri = parseUri(url);
  if (uri === undefined) return failure(`parse ${quote(url)}: invalid URL`);
  return { method: textMember(request, "method"), uri, headers: readHeaders(headers), body: readBody(request) };
}

/** OPA signs what is no text as an empty text. */
function readHeaders(headers: ObjectValue): ReadonlyMap<string, string> {
  const names = sortedKeysOf(headers).map((name) => (typeof name === "string" ? name : ""));
  return new Map(names.map((name) => [name, textMember(headers, name)]));
}

/** `raw_body` comes first; what is no text is empty there too. */
function readBody(request: ObjectValue): string {
  const body = memberOf(request, "body");
  if (memberOf(request, "raw_body") !== undefined || body === undefined) return textMember(request, "raw_body");
  return valueToJson(body);
}

/** What is added or changed on the way, and so must not be signed. */
const UNSIGNED_HEADERS: ReadonlySet<string> = new Set(["authorization", "user-agent", "x-amzn-trace-id"]);
/** Services that want to see the hash of the body as a header. */
const HASH_SERVICES: ReadonlySet<string> = new Set(["s3", "glacier"]);

/** AWS Signature Version 4, "Create a signed AWS API request": the request's headers with the signature. */
function signedHeaders(context: BuiltinContext, request: Request, signer: Signer): PlainObject {
  context.spend(request.body.length);
  const bodyHash = signer.isPayloadSigned ? hashOf(context, request.body) : "UNSIGNED-PAYLOAD";
  const added = {
    host: request.uri.host,
    "x-amz-date": signer.time,
    ...(HASH_SERVICES.has(signer.service) && { "x-amz-content-sha256": bodyHash }),
    ...(signer.sessionToken !== "" && { "x-amz-security-token": signer.sessionToken }),
  };
  const signed = new Map(Object.entries(added));
  for (const [name, value] of request.headers)
    if (!UNSIGNED_HEADERS.has(name.toLowerCase())) signed.set(name.toLowerCase(), value);
  const names = [...signed.keys()].toSorted(compareText);

  // Step 1: create a canonical request
  const canonical = [
    request.method,
    escapedPath(request.uri),
    request.uri.query,
    ...names.map((name) => `${name}:${signed.get(name)}`),
    "",
    names.join(";"),
    bodyHash,
  ].join("\n");

  // Steps 2 and 3: hash it, and create a string to sign
  const date = signer.time.slice(0, "YYYYMMDD".length);
  const scope = [date, signer.region, signer.service, "aws4_request"];
  const text = ["AWS4-HMAC-SHA256", signer.time, scope.join("/"), hashOf(context, canonical)].join("\n");

  // Steps 4 and 5: derive a signing key, and calculate the signature
  const key = scope.reduce((key, part) => hmac(context, key, part), textToBytes(`AWS4${signer.secretKey}`));
  const signature = hex(hmac(context, key, text));

  // Step 6: add the signature to the request
  const credential = [signer.accessKey, ...scope].join("/");
  const headers = new Map([...request.headers]);
  headers.set(
    "Authorization",
    `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${names.join(";")},Signature=${signature}`,
  );
  return Object.fromEntries([...headers, ...Object.entries(added)]);
}

/** The path alone, with Go's escapes. */
function escapedPath(uri: Uri): string {
  return uriToText({
    ...uri,
    scheme: "",
    opaque: "",
    user: undefined,
    host: "",
    forcesQuery: false,
    query: "",
    fragment: "",
  });
}

function hashOf({ crypto }: BuiltinContext, text: string): string {
  return hex(crypto.hash("sha256", textToBytes(text)));
}

function hmac({ crypto }: BuiltinContext, key: Uint8Array, text: string): Uint8Array {
  return crypto.hmac("sha256", key, textToBytes(text));
}

/** Empty where there is no text. */
function textMember(object: ObjectValue, name: string): string {
  const value = memberOf(object, name);
  return typeof value === "string" ? value : "";
}
