import assert from "node:assert/strict";
import { test } from "node:test";
import { createNodeCrypto } from "@vedette/runtime";
import { BigNumber } from "../values/big-number.ts";
import { isObject, memberOf, type Value } from "../values/value.ts";
import { AWS_BUILTINS } from "./aws-builtins.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, type BuiltinResult } from "./builtin.ts";

const context: BuiltinContext = {
  now: 0n,
  crypto: createNodeCrypto(),
  random: { bytes: (length) => new Uint8Array(length) },
  memo: new Map(),
  spend() {},
};

// The credentials, the request and the moment of AWS's public test suite for Signature Version 4, "get-vanilla".
const CONFIGURATION = {
  aws_access_key: "AKIDEXAMPLE",
  aws_secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  aws_region: "us-east-1",
  aws_service: "service",
};
const REQUEST = { method: "GET", url: "https://example.amazonaws.com/" };
const TIME = 1_440_938_160_000_000_000;

function sign(request: Value = REQUEST, configuration: Value = CONFIGURATION, time: Value = TIME): BuiltinResult {
  return (AWS_BUILTINS[0] as Builtin).run(context, request, configuration, time);
}

function headersOf(result: BuiltinResult): Value {
  assert.ok(result !== undefined && !(result instanceof BuiltinFailure) && isObject(result));
  return memberOf(result, "headers") as Value;
}

function header(result: BuiltinResult, name: string): Value | undefined {
  const headers = headersOf(result);
  return isObject(headers) ? memberOf(headers, name) : undefined;
}

function why(result: BuiltinResult): string {
  assert.ok(result instanceof BuiltinFailure);
  return result.message;
}

test("a request is signed as AWS signs it", () => {
  assert.deepEqual(headersOf(sign()), {
    host: "example.amazonaws.com",
    "x-amz-date": "20150830T123600Z",
    Authorization:
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request," +
      "SignedHeaders=host;x-amz-date,Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  });
});

test("everything that is signed changes the signature", () => {
  const signatures = [
    sign(),
    sign({ ...REQUEST, method: "POST" }),
    sign({ ...REQUEST, url: "https://example.amazonaws.com/a" }),
    sign({ ...REQUEST, url: "https://example.amazonaws.com/?a=1" }),
    sign({ ...REQUEST, url: "https://other.amazonaws.com/" }),
    sign({ ...REQUEST, raw_body: "x" }),
    sign({ ...REQUEST, body: {} }),
    sign({ ...REQUEST, headers: { a: "1" } }),
    sign({ ...REQUEST, headers: { a: "2" } }),
    sign(REQUEST, { ...CONFIGURATION, aws_secret_access_key: "other" }),
    sign(REQUEST, { ...CONFIGURATION, aws_region: "other" }),
    sign(REQUEST, { ...CONFIGURATION, aws_service: "other" }),
    sign(REQUEST, { ...CONFIGURATION, aws_session_token: "token" }),
    sign(REQUEST, { ...CONFIGURATION, disable_payload_signing: true }),
    sign(REQUEST, CONFIGURATION, TIME + 1_000_000_000),
  ].map((result) => header(result, "Authorization"));
  assert.equal(new Set(signatures).size, signatures.length);
});

test("what is changed on the way is not signed", () => {
  const headers = { "User-Agent": "curl", authorization: "old", "X-Amzn-Trace-Id": "1" };
  const signed = sign({ ...REQUEST, headers });
  assert.equal(header(signed, "Authorization"), header(sign(), "Authorization"));
  assert.equal(header(signed, "User-Agent"), "curl");
});

test("a body comes as JSON or as it is, and some services see its hash", () => {
  const storage = { ...CONFIGURATION, aws_service: "s3" };
  const hash = (request: Value) => header(sign(request, storage), "x-amz-content-sha256");
  assert.equal(hash(REQUEST), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert.equal(hash({ ...REQUEST, body: { b: 1, a: [] } }), hash({ ...REQUEST, raw_body: '{"a":[],"b":1}' }));
  assert.equal(hash({ ...REQUEST, body: 1, raw_body: "" }), hash(REQUEST));
  const unsigned = sign(REQUEST, { ...storage, disable_payload_signing: true });
  assert.equal(header(unsigned, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
});

test("a request that cannot be signed says what it lacks", () => {
  assert.equal(why(sign({ method: "GET" })), 'operand 1 missing required request parameters(s): {"url"}');
  assert.equal(why(sign({ ...REQUEST, path: "/" })), 'operand 1 invalid request parameters(s): {"path"}');
  assert.equal(
    why(sign({ ...REQUEST, method: 1 })),
    'operand 1 invalid values for required request parameters(s): {"method"}',
  );
  assert.equal(why(sign({ ...REQUEST, headers: [] })), "operand 1 must be object but got array");
  assert.equal(why(sign({ ...REQUEST, url: "http://a b/" })), 'parse "http://a b/": invalid URL');
  assert.equal(
    why(sign(REQUEST, { aws_region: 1 })),
    'operand 2 missing required AWS config parameters(s): {"aws_access_key", "aws_secret_access_key", "aws_service"}',
  );
  assert.equal(
    why(sign(REQUEST, { ...CONFIGURATION, aws_region: 1 })),
    'operand 2 invalid values for required AWS config parameters(s): {"aws_region"}',
  );
  assert.equal(
    why(sign(REQUEST, { ...CONFIGURATION, disable_payload_signing: "yes" })),
    "operand 2 invalid value for 'disable_payload_signing' in AWS config",
  );
  for (const time of [-1, 0.5, new BigNumber("9223372036854775808")])
    assert.equal(
      why(sign(REQUEST, CONFIGURATION, time)),
      "operand 3 could not convert time_ns value into a unix timestamp",
    );
});
