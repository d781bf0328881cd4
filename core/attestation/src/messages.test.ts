import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { utf8 } from "@vedette/base";
import {
  type EnrolmentRequest,
  type EvidenceMessage,
  encodeMessage,
  enrolmentChallenge,
  parseMessage,
  pendingAnswer,
} from "@vedette/protocol";
import { createNodeCrypto } from "@vedette/runtime";
import { challengeToMessage, parseEnrolmentRequest, parseEvidence } from "./messages.ts";

const crypto = createNodeCrypto();
const bytes = (length: number) => new Uint8Array(length).fill(7);
const request: EnrolmentRequest = {
  version: 1,
  purpose: "enrol",
  attester: "tpm",
  site: "store-17",
  class: "till",
  name: "pos-1",
  ekCertificate: bytes(900),
  ekIntermediates: [],
  akPublic: bytes(90),
  spki: bytes(91),
  journalSpki: bytes(91),
};
const evidence: EvidenceMessage = {
  version: 1,
  session: bytes(400),
  quoted: bytes(140),
  quoteSignature: bytes(72),
  pcrValues: { "0": bytes(32), "7": bytes(32) },
  spkiSignature: bytes(64),
  journalSize: 3,
  journalRoot: bytes(32),
};

describe("message 1", () => {
  test("is bound by the digest of its very bytes, also where two spellings mean the same", () => {
    const text = encodeMessage(request);
    for (const spelling of [text, ` ${text}`]) {
      const received = parseEnrolmentRequest(utf8(spelling), crypto);
      assert.ok(received.ok);
      const digest = createHash("sha256").update(spelling).digest();
      assert.deepEqual(Buffer.from(received.value.messageDigest), digest);
    }
  });

  test("gives the desk what it asks for, with a node's further keys when both are there", () => {
    const device = parseEnrolmentRequest(utf8(encodeMessage(request)), crypto);
    assert.ok(device.ok);
    assert.deepEqual([device.value.deviceClass, device.value.akPublic], ["till", request.akPublic]);
    assert.equal(device.value.nodeKeys, undefined);
    const keys = { siteCaSpki: Uint8Array.of(1), journalSpki: Uint8Array.of(2) };
    const node = parseEnrolmentRequest(utf8(encodeMessage({ ...request, ...keys })), crypto);
    assert.ok(node.ok);
    assert.deepEqual(node.value.nodeKeys, { siteCa: keys.siteCaSpki, journal: keys.journalSpki });
  });

  test("that is cut, or says more than it should, is refused", () => {
    const text = encodeMessage(request);
    assert.equal(parseEnrolmentRequest(utf8(text.slice(0, -1)), crypto).ok, false);
    assert.equal(parseEnrolmentRequest(utf8(`${text.slice(0, -1)},"nonce":"AAAA"}`), crypto).ok, false);
  });
});

describe("message 2", () => {
  test("is the evidence, and nothing besides", () => {
    const { version: _, ...expected } = evidence;
    assert.deepEqual(parseEvidence(utf8(encodeMessage(evidence))), { ok: true, value: expected });
    const smuggled = encodeMessage(evidence).replace("{", '{"activationSecret":"AAAA",');
    assert.equal(parseEvidence(utf8(smuggled)).ok, false);
  });
});

describe("the answer to message 1", () => {
  test("is a challenge that the attester can read", () => {
    const message = challengeToMessage({
      outcome: "challenge",
      credentialBlob: bytes(68),
      encryptedSecret: bytes(256),
      nonce: bytes(32),
      pcrSelection: { bank: "sha256", pcrs: [0, 7] },
      session: bytes(400),
    });
    assert.deepEqual(parseMessage(enrolmentChallenge, utf8(encodeMessage(message)), 65_536), {
      ok: true,
      value: message,
    });
  });

  test("is the state of waiting, with the hash that an operator registers", () => {
    const ekHash = "ab".repeat(32);
    const message = challengeToMessage({ outcome: "pending", ekHash });
    assert.deepEqual(message, { version: 1, state: "pending", ekHash });
    assert.ok(parseMessage(pendingAnswer, utf8(encodeMessage(message)), 65_536).ok);
  });
});
