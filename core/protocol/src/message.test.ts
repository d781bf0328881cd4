import assert from "node:assert/strict";
import { test } from "node:test";
import { base64url, utf8 } from "@vedette/base";
import fc from "fast-check";
import {
  ENROLMENT_MESSAGE_LENGTH_MAX,
  type EnrolmentRequest,
  type EvidenceMessage,
  enrolmentRequest,
  evidenceMessage,
  joinFile,
} from "./enrolment.ts";
import { encodeMessage, parseMessage } from "./message.ts";

const request: EnrolmentRequest = {
  version: 1,
  purpose: "enrol",
  attester: "tpm",
  site: "store-17",
  class: "pos",
  name: "pos-1",
  ekCertificate: new Uint8Array([1, 2, 3]),
  ekIntermediates: [],
  akPublic: new Uint8Array([4]),
  spki: new Uint8Array([5]),
};

test("a message reads back as what was written", () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 64 });
  fc.assert(
    fc.property(
      bytes,
      bytes,
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.nat(),
      (quoted, session, journalRoot, journalSize) => {
        const evidence: EvidenceMessage = {
          version: 1,
          session,
          quoted,
          quoteSignature: quoted,
          pcrValues: { "0": journalRoot, "23": journalRoot },
          spkiSignature: session,
          journalSize,
          journalRoot,
        };
        assert.deepEqual(parseMessage(evidenceMessage, utf8(encodeMessage(evidence))), { ok: true, value: evidence });
      },
    ),
  );
});

test("an unknown member, a missing one and a wrong version are each refused by name", () => {
  const wire: Record<string, unknown> = JSON.parse(encodeMessage(request));
  const { spki: _, ...withoutSpki } = wire;
  const cases: [object, string][] = [
    [{ ...wire, admin: true }, "/admin"],
    [withoutSpki, "/spki"],
    [{ ...wire, version: 2 }, "/version"],
    [{ ...wire, attester: "software" }, "/attester"],
    [{ ...wire, site: "Store 17" }, "/site"],
    [{ ...wire, akPublic: "not+base64url" }, "/akPublic"],
    [{ ...wire, akPublic: base64url(new Uint8Array(4_096)) }, "/akPublic"],
    [{ ...wire, ekIntermediates: Array(9).fill("AQ") }, "/ekIntermediates"],
  ];
  for (const [message, path] of cases) {
    const parsed = parseMessage(enrolmentRequest, utf8(JSON.stringify(message)));
    assert.ok(!parsed.ok && parsed.error.code === "MESSAGE_INVALID", path);
    assert.equal(parsed.error.path, path);
  }
});

test("a message that is too large is refused before it is parsed", () => {
  const parsed = parseMessage(
    enrolmentRequest,
    new Uint8Array(ENROLMENT_MESSAGE_LENGTH_MAX + 1),
    ENROLMENT_MESSAGE_LENGTH_MAX,
  );
  assert.equal(!parsed.ok && parsed.error.code, "MESSAGE_TOO_LARGE");
});

test("truncation at any byte, and bytes that are not UTF-8, end in a typed refusal", () => {
  const whole = utf8(encodeMessage(request));
  for (let length = 0; length < whole.length; length++)
    assert.ok(!parseMessage(enrolmentRequest, whole.subarray(0, length)).ok);
  assert.deepEqual(parseMessage(enrolmentRequest, new Uint8Array([0x22, 0xff, 0x22])), {
    ok: false,
    error: { code: "MESSAGE_NOT_JSON" },
  });
});

test("random JSON never parses as an enrolment, and never throws", () => {
  fc.assert(fc.property(fc.json(), (text) => !parseMessage(enrolmentRequest, utf8(text)).ok));
});

test("a join file names an https address without a path", () => {
  const join = {
    kind: "vedette/join/v1",
    url: "https://127.0.0.1:8443",
    root: "0".repeat(64),
    fleet: "example.org",
    site: "s",
    class: "c",
    name: "n",
  };
  assert.ok(parseMessage(joinFile, utf8(JSON.stringify(join))).ok);
  for (const url of ["http://127.0.0.1:8443", "https://a/b", "https://user@a"])
    assert.ok(!parseMessage(joinFile, utf8(JSON.stringify({ ...join, url }))).ok, url);
});
