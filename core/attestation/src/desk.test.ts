import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addDuration, concatBytes, hex, instant, milliseconds, Secret, seconds, utf8 } from "@vedette/base";
import { createFakeTpm, createFakeTpmMaker, type FakeTpm, type QuoteLies } from "@vedette/fakes";
import { createNodeCrypto, generateKey, type SoftwareKey, systemRandom } from "@vedette/runtime";
import type { EnrolmentPolicy, EnrolmentRequest } from "./admission.ts";
import { bindingDigest } from "./binding.ts";
import { type DeskOptions, type EnrolmentDesk, type Evidence, openDesk } from "./desk.ts";
import { type AttestationError, kindOfAttestationError } from "./errors.ts";
import type { ReferenceValues } from "./reference-values.ts";
import { SESSION_LENGTH_MAX, SESSION_LIFE } from "./session.ts";

const crypto = createNodeCrypto();
const maker = createFakeTpmMaker("TPM maker");
const tpm = createFakeTpm(maker);
const otherTpm = createFakeTpm(maker);
const now = instant(Date.parse("2027-03-01T12:00:00Z"));
const at = { now, channel: "connection 1" };
const pcrs = [0, 7];
const zeros = new Uint8Array(32);
const healthy = () => referenceOf({ "0": [hex(zeros)], "7": [hex(zeros)] });

describe("enrolment", () => {
  test("of a registered TPM affirms, and names the TLS key that an SVID may name", () => {
    const { desk, request, key, policy } = setup();
    const result = enrol(desk, request, policy, key);
    assert.ok(result.ok);
    const { verdict, reasons, spki, akName, ekHash, clock, ...rest } = result.value;
    assert.deepEqual({ verdict, reasons }, { verdict: "affirming", reasons: [] });
    assert.deepEqual(spki, key.spki);
    assert.deepEqual({ akName, ekHash }, { akName: hex(tpm.akName), ekHash: ekHashOf(tpm) });
    assert.equal(clock?.resetCount, 7);
    assert.deepEqual(rest, {
      attester: "tpm",
      purpose: "enrol",
      deviceClass: "till",
      site: "store-17",
      name: "pos-1",
      admittedBy: "registration",
      claimHash: undefined,
      nodeKeys: undefined,
      pcrs: { "0": hex(zeros), "7": hex(zeros) },
      journal: { size: 0, root: zeros },
      attestedAt: now,
    });
  });

  test("of a genuine TPM that nobody registered is pending, and gives it nothing", () => {
    const { desk, request, policy } = setup({ isEkRegistered: () => false });
    const answer = desk.challenge(request, policy, at);
    assert.deepEqual(answer, { ok: true, value: { outcome: "pending", ekHash: ekHashOf(tpm) } });
  });

  test("by a claim admits an unregistered TPM, and says which claim to spend", () => {
    const { desk, request, policy, key } = setup({ isEkRegistered: () => false, isClaimValid: isClaim });
    const result = enrol(desk, { ...request, claim: CLAIM }, policy, key);
    assert.ok(result.ok);
    assert.equal(result.value.admittedBy, "claim");
    assert.equal(result.value.claimHash, hex(crypto.hash("sha256", utf8(CLAIM))));
  });

  test("by a claim that is wrong or spent is pending", () => {
    const spent = new Set([CLAIM]);
    const isClaimValid = (claim: string) => isClaim(claim) && !spent.has(claim);
    const { desk, request, policy } = setup({ isEkRegistered: () => false, isClaimValid });
    for (const claim of [CLAIM, "another claim", ""])
      assert.equal(outcomeOf(desk.challenge({ ...request, claim }, policy, at)), "pending");
  });

  test("by one claim admits one of two TPMs that hold it at the same time", () => {
    const { desk, policy, key } = setup({ isEkRegistered: () => false, isClaimValid: isClaim });
    const requests = [tpm, otherTpm].map((device) => requestOf(device, key, { claim: CLAIM }));
    const evidence = [tpm, otherTpm].map((device, i) => answerOf(desk, requests[i]!, policy, key, { device }));
    assert.ok(desk.appraise(evidence[0]!, healthy, at).ok);
    const second = desk.appraise(evidence[1]!, healthy, at);
    assert.equal(codeOf(second), "CLAIM_USED");
    assert.equal(kindOf(second), "replayed");
  });

  test("does not use up a claim when the TPM is contraindicated", () => {
    const { desk, request, policy, key } = setup({ isEkRegistered: () => false, isClaimValid: isClaim });
    const withClaim = { ...request, claim: CLAIM };
    const drifted = () => referenceOf({ "0": ["11".repeat(32)] });
    const first = desk.appraise(answerOf(desk, withClaim, policy, key), drifted, at);
    assert.ok(first.ok && first.value.verdict === "contraindicated");
    assert.ok(enrol(desk, withClaim, policy, key).ok);
  });

  test("says nothing of a journal, because there is none yet", () => {
    const { desk, request, policy, key } = setup();
    const sized = desk.appraise(answerOf(desk, request, policy, key, { journalSize: 1 }), healthy, at);
    assert.equal(codeOf(sized), "JOURNAL_BEFORE_ENROLMENT");
    const rooted = desk.appraise(answerOf(desk, request, policy, key, { journalRoot: ones }), healthy, at);
    assert.equal(codeOf(rooted), "JOURNAL_BEFORE_ENROLMENT");
  });
});

describe("message 1", () => {
  const { desk, request, policy } = setup();
  const refusal = (changes: Partial<EnrolmentRequest>, policyChanges: Partial<EnrolmentPolicy> = {}) =>
    codeOf(desk.challenge({ ...request, ...changes }, { ...policy, ...policyChanges }, at));

  test("with an EK certificate of an unknown maker is refused as unknown", () => {
    const stranger = createFakeTpm(createFakeTpmMaker("another maker"));
    const answer = desk.challenge({ ...request, ekCertificate: stranger.ekCertificate }, policy, at);
    assert.equal(codeOf(answer), "EK_ISSUER_UNKNOWN");
    assert.equal(kindOf(answer), "unknown");
  });

  test("with the EK of another class's maker is refused: anchors belong to a class", () => {
    assert.equal(refusal({}, { anchors: [createFakeTpmMaker("other class").anchor] }), "EK_ISSUER_UNKNOWN");
  });

  test("with an EK certificate that is cut, oversized or over another key than RSA-2048 is refused", () => {
    assert.equal(refusal({ ekCertificate: tpm.ekCertificate.subarray(0, 100) }), "EK_CERTIFICATE_INVALID");
    assert.equal(refusal({ ekCertificate: new Uint8Array(100_000) }), "EK_CERTIFICATE_INVALID");
    assert.equal(refusal({ ekCertificate: maker.issue(generateKey("ES256").spki) }), "EK_KEY_UNSUPPORTED");
  });

  test("with an attestation key that is unrestricted, cut or oversized is refused", () => {
    const { akPublic } = createFakeTpm(maker, { akAttributes: 0x0004_0472 });
    assert.equal(refusal({ akPublic }), "AK_ATTRIBUTES_WRONG");
    assert.equal(refusal({ akPublic: tpm.akPublic.subarray(0, -1) }), "TPM_STRUCTURE_MALFORMED");
    assert.equal(refusal({ akPublic: new Uint8Array(4_096) }), "TPM_STRUCTURE_TOO_LARGE");
  });

  test("with a TLS key that is not P-256 is refused", () => {
    assert.equal(refusal({ spki: generateKey("Ed25519").spki }), "TLS_KEY_UNSUPPORTED");
    assert.equal(refusal({ spki: new Uint8Array(0) }), "TLS_KEY_UNSUPPORTED");
  });

  test("with a field that is empty or too long is refused, and the field named", () => {
    for (const field of ["deviceClass", "site", "name"] as const)
      for (const value of ["", "x".repeat(64)])
        assert.deepEqual(desk.challenge({ ...request, [field]: value }, policy, at), {
          ok: false,
          error: { code: "FIELD_MALFORMED", field },
        });
    assert.equal(refusal({ claim: "x".repeat(129) }), "FIELD_MALFORMED");
    assert.equal(refusal({ messageDigest: new Uint8Array(31) }), "FIELD_MALFORMED");
  });
});

describe("evidence", () => {
  const { desk, request, policy, key } = setup();
  const appraised = (changes: AnswerChanges) =>
    desk.appraise(answerOf(desk, request, policy, key, changes), healthy, at);

  test("over another nonce, activation secret, message, TLS key or journal is refused", () => {
    assert.equal(codeOf(appraised({ binding: { nonce: ones } })), "QUOTE_BINDING_MISMATCH");
    assert.equal(codeOf(appraised({ binding: { activationSecret: ones } })), "QUOTE_BINDING_MISMATCH");
    assert.equal(codeOf(appraised({ binding: { messageDigest: ones } })), "QUOTE_BINDING_MISMATCH");
    assert.equal(codeOf(appraised({ binding: { spki: generateKey("ES256").spki } })), "QUOTE_BINDING_MISMATCH");
    assert.equal(codeOf(appraised({ binding: { journalRoot: ones } })), "QUOTE_BINDING_MISMATCH");
  });

  test("by a TPM that could not activate the credential is refused: a quote of its own helps nobody", () => {
    const evidence = answerOf(desk, request, policy, key, { device: otherTpm, binding: { activationSecret: zeros } });
    assert.equal(codeOf(desk.appraise(evidence, healthy, at)), "QUOTE_SIGNATURE_INVALID");
  });

  test("for an EK swapped in the request stays shut: the credential is for the key in the certificate", () => {
    const swapped = { ...request, ekCertificate: otherTpm.ekCertificate };
    assert.throws(() => answerOf(desk, swapped, policy, key));
  });

  test("needs the signature of the very TLS key that the request named", () => {
    assert.equal(codeOf(appraised({ tlsKey: generateKey("ES256") })), "TLS_KEY_PROOF_INVALID");
    const evidence = answerOf(desk, request, policy, key);
    const noProof = { ...evidence, spkiSignature: new Uint8Array(0) };
    assert.equal(codeOf(desk.appraise(noProof, healthy, at)), "TLS_KEY_PROOF_INVALID");
  });

  test("with a hand-made quote, a Certify, another selection, bank or PCR is refused", () => {
    const quoted = (lies: QuoteLies) => codeOf(appraised({ lies }));
    assert.equal(quoted({ magic: 0 }), "ATTEST_MAGIC_WRONG");
    assert.equal(quoted({ type: 0x8017 }), "ATTEST_NOT_A_QUOTE");
    assert.equal(quoted({ bankId: 0x0004 }), "QUOTE_SELECTION_MISMATCH");
    assert.equal(quoted({ isSelectionDoubled: true }), "QUOTE_SELECTION_MISMATCH");
    assert.equal(quoted({ pcrDigest: ones }), "QUOTE_PCR_DIGEST_MISMATCH");
    assert.equal(codeOf(appraised({ pcrs: [0] })), "QUOTE_SELECTION_MISMATCH");
  });

  test("with a journal that has no size or no root is refused before anything is computed", () => {
    const evidence = () => answerOf(desk, request, policy, key);
    for (const journalSize of [-1, 0.5, Number.NaN])
      assert.equal(codeOf(desk.appraise({ ...evidence(), journalSize }, healthy, at)), "FIELD_MALFORMED");
    const journalRoot = new Uint8Array(31);
    assert.equal(codeOf(desk.appraise({ ...evidence(), journalRoot }, healthy, at)), "FIELD_MALFORMED");
  });

  test("cannot smuggle a binding of its own past the session", () => {
    const evidence = { ...answerOf(desk, request, policy, key, { binding: { nonce: ones } }), nonce: ones };
    assert.equal(codeOf(desk.appraise(evidence, healthy, at)), "QUOTE_BINDING_MISMATCH");
  });

  test("that shows drift is a verdict that says which PCR, not an error", () => {
    const drifted = createFakeTpm(maker);
    drifted.extendPcr(7, crypto.hash("sha256", utf8("implant")));
    const drift = requestOf(drifted, key);
    const evidence = answerOf(desk, drift, policy, key, { device: drifted });
    const result = desk.appraise(evidence, healthy, at);
    assert.ok(result.ok);
    assert.equal(result.value.verdict, "contraindicated");
    const value = hex(drifted.pcrValues([7])["7"]!);
    assert.deepEqual(result.value.reasons, [{ code: "PCR_UNEXPECTED", pcr: 7, value }]);
  });

  test("about PCRs that nobody gave reference values for is a warning", () => {
    const result = desk.appraise(answerOf(desk, request, policy, key), () => referenceOf({}), at);
    assert.ok(result.ok);
    assert.equal(result.value.verdict, "warning");
  });
});

describe("reference values", () => {
  test("are those of the class that message 1 named and the session remembers", () => {
    const { desk, request, policy, key } = setup();
    const asked: string[] = [];
    const ofClass = (deviceClass: string) => {
      asked.push(deviceClass);
      return healthy();
    };
    assert.ok(desk.appraise(answerOf(desk, { ...request, deviceClass: "cash-machine" }, policy, key), ofClass, at).ok);
    assert.deepEqual(asked, ["cash-machine"]);
  });
});

describe("a session", () => {
  test("is used once, whatever came of it", () => {
    const { desk, request, policy, key } = setup();
    const evidence = answerOf(desk, request, policy, key);
    const bad = { ...evidence, spkiSignature: new Uint8Array(64) };
    assert.equal(codeOf(desk.appraise(bad, healthy, at)), "TLS_KEY_PROOF_INVALID");
    const again = desk.appraise(evidence, healthy, at);
    assert.equal(codeOf(again), "SESSION_USED");
    assert.equal(kindOf(again), "replayed");
  });

  test("ends after 60 seconds to the millisecond", () => {
    const { desk, request, policy, key } = setup();
    const evidence = answerOf(desk, request, policy, key);
    const tooLate = desk.appraise(evidence, healthy, { ...at, now: addDuration(now, SESSION_LIFE) });
    assert.equal(codeOf(tooLate), "SESSION_EXPIRED");
    assert.equal(kindOf(tooLate), "too-late");

    const inTime = answerOf(desk, request, policy, key, { at: { ...at, now: addDuration(now, SESSION_LIFE) } });
    const last = addDuration(addDuration(now, SESSION_LIFE), milliseconds(SESSION_LIFE - 1));
    assert.ok(desk.appraise(inTime, healthy, { ...at, now: last }).ok);
  });

  test("does not come back to life when the clock steps back", () => {
    const { desk, request, policy, key } = setup();
    const first = answerOf(desk, request, policy, key);
    assert.ok(desk.appraise(first, healthy, at).ok);
    const later = { ...at, now: addDuration(now, seconds(600)) };
    assert.ok(desk.appraise(answerOf(desk, request, policy, key, { at: later }), healthy, later).ok);
    assert.equal(codeOf(desk.appraise(first, healthy, at)), "SESSION_EXPIRED");
  });

  test("belongs to its connection, and is used up by another", () => {
    const { desk, request, policy, key } = setup();
    const evidence = answerOf(desk, request, policy, key);
    const elsewhere = desk.appraise(evidence, healthy, { ...at, channel: "connection 2" });
    assert.equal(codeOf(elsewhere), "SESSION_CHANNEL_MISMATCH");
    assert.equal(codeOf(desk.appraise(evidence, healthy, at)), "SESSION_USED");
  });

  test("that is altered, cut, oversized or sealed by another desk is none", () => {
    const { desk, request, policy, key } = setup();
    const evidence = answerOf(desk, request, policy, key);
    const { session } = evidence;
    const altered = new Uint8Array(session);
    altered[20]! ^= 1;
    const foreign = answerOf(setup().desk, request, policy, key).session;
    for (const bad of [altered, session.subarray(0, -1), new Uint8Array(0), session.subarray(0, 12), foreign])
      assert.equal(codeOf(desk.appraise({ ...evidence, session: bad }, healthy, at)), "SESSION_INVALID");
    const oversized = concatBytes(session, new Uint8Array(SESSION_LENGTH_MAX));
    assert.equal(codeOf(desk.appraise({ ...evidence, session: oversized }, healthy, at)), "SESSION_INVALID");
    assert.ok(desk.appraise(evidence, healthy, at).ok);
  });

  test("tells nobody the activation secret", () => {
    const { desk, request, policy } = setup({}, { random: { bytes: (length) => new Uint8Array(length).fill(0xa5) } });
    const answer = desk.challenge(request, policy, at);
    assert.ok(answer.ok && answer.value.outcome === "challenge");
    assert.equal(Buffer.from(answer.value.session).includes(Buffer.alloc(32, 0xa5)), false);
  });

  test("is refused, not forgotten, when the desk remembers as many as it may; room comes back with time", () => {
    const { desk, request, policy, key } = setup({}, { usedSessionsMax: 2 });
    for (let i = 0; i < 2; i++) assert.ok(enrol(desk, request, policy, key).ok);
    const full = enrol(desk, request, policy, key);
    assert.deepEqual(full, { ok: false, error: { code: "DESK_FULL", usedSessionsMax: 2 } });
    assert.equal(kindOf(full), "busy");
    const later = { ...at, now: addDuration(now, SESSION_LIFE) };
    assert.ok(desk.appraise(answerOf(desk, request, policy, key, { at: later }), healthy, later).ok);
  });
});

describe("renewal", () => {
  const known: Partial<EnrolmentPolicy> = { knownAkName: hex(tpm.akName), isTpmSeen: true };

  test("is enrolment again by the same TPM, with what the journal has grown to", () => {
    const { desk, policy, key } = setup(known);
    const request = requestOf(tpm, key, { purpose: "reattest" });
    const evidence = answerOf(desk, request, policy, key, { journalSize: 42, journalRoot: ones });
    const result = desk.appraise(evidence, healthy, at);
    assert.ok(result.ok);
    assert.deepEqual(result.value.journal, { size: 42, root: ones });
    assert.equal(result.value.purpose, "reattest");
  });

  test("of a name that never enrolled is unknown", () => {
    const { desk, policy, key } = setup();
    const answer = desk.challenge(requestOf(tpm, key, { purpose: "reattest" }), policy, at);
    assert.equal(codeOf(answer), "ATTESTER_UNKNOWN");
    assert.equal(kindOf(answer), "unknown");
  });

  test("with another attestation key is refused, even by a registered TPM", () => {
    const { desk, policy, key } = setup(known);
    const answer = desk.challenge(requestOf(otherTpm, key, { purpose: "reattest" }), policy, at);
    const error = { code: "AK_CHANGED", knownAkName: hex(tpm.akName), offeredAkName: hex(otherTpm.akName) };
    assert.deepEqual(answer, { ok: false, error });
  });

  test("is not opened by a claim when the registration is gone", () => {
    const { desk, policy, key } = setup({ ...known, isEkRegistered: () => false, isClaimValid: isClaim });
    const request = requestOf(tpm, key, { purpose: "reattest", claim: CLAIM });
    assert.equal(outcomeOf(desk.challenge(request, policy, at)), "pending");
  });
});

describe("the software attester", () => {
  const softwareKey = generateKey("ES256");
  const allowed: Partial<EnrolmentPolicy> = { isSoftwareAttesterAllowed: true };

  test("is refused unless the class allows it", () => {
    const { desk, policy, key } = setup();
    const answer = desk.challenge(softwareRequest(softwareKey, key), policy, at);
    assert.equal(codeOf(answer), "SOFTWARE_ATTESTER_NOT_ALLOWED");
  });

  test("is refused for whoever once had a TPM, at enrolment and at renewal", () => {
    const { desk, policy, key } = setup({ ...allowed, isTpmSeen: true });
    for (const purpose of ["enrol", "reattest"] as const) {
      const answer = desk.challenge({ ...softwareRequest(softwareKey, key), purpose }, policy, at);
      assert.equal(codeOf(answer), "SOFTWARE_ATTESTER_AFTER_TPM");
    }
  });

  test("gets a warning at best, and says so", () => {
    const { desk, policy, key } = setup(allowed);
    const result = desk.appraise(
      softwareAnswer(desk, softwareRequest(softwareKey, key), policy, key, softwareKey),
      healthy,
      at,
    );
    assert.ok(result.ok);
    const { verdict, reasons, attester, pcrs: reported } = result.value;
    assert.deepEqual(
      { verdict, reasons, attester, reported },
      { verdict: "warning", reasons: [{ code: "SOFTWARE_ATTESTER" }], attester: "software", reported: {} },
    );
  });

  test("is not believed with another key than the one it named, nor with something that is no key", () => {
    const { desk, policy, key } = setup(allowed);
    const evidence = softwareAnswer(desk, softwareRequest(softwareKey, key), policy, key, generateKey("ES256"));
    assert.equal(codeOf(desk.appraise(evidence, healthy, at)), "SOFTWARE_PROOF_INVALID");
    const noKey = { ...softwareRequest(softwareKey, key), akPublic: tpm.akPublic };
    assert.equal(codeOf(desk.challenge(noKey, policy, at)), "FIELD_MALFORMED");
  });

  test("needs registration or a claim like everybody else, and keeps its key when it renews", () => {
    const { desk, policy, key } = setup({ ...allowed, isEkRegistered: () => false });
    assert.equal(outcomeOf(desk.challenge(softwareRequest(softwareKey, key), policy, at)), "pending");
    const knownAkName = `000b${hex(crypto.hash("sha256", softwareKey.spki))}`;
    const renewal = (renewed: SoftwareKey) =>
      desk.challenge(
        { ...softwareRequest(renewed, key), purpose: "reattest" },
        { ...policy, knownAkName, isEkRegistered: () => true },
        at,
      );
    assert.equal(outcomeOf(renewal(softwareKey)), "challenge");
    assert.equal(codeOf(renewal(generateKey("ES256"))), "AK_CHANGED");
  });

  test("of a TPM request is not accepted in its place: the session remembers who asked", () => {
    const { desk, request, policy, key } = setup(allowed);
    const evidence = { ...answerOf(desk, request, policy, key), quoteSignature: softwareKey.sign(ones) };
    assert.notEqual(codeOf(desk.appraise(evidence, healthy, at)), "none");
  });
});

const CLAIM = "c2luZ2xlLXVzZS1jbGFpbQ";
const ones = new Uint8Array(32).fill(0x11);

function isClaim(claim: string): boolean {
  return claim === CLAIM;
}

function setup(policyChanges: Partial<EnrolmentPolicy> = {}, deskChanges: Partial<DeskOptions> = {}) {
  const key = generateKey("ES256");
  const sessionKey = new Secret(systemRandom.bytes(32));
  const desk = openDesk({ crypto, random: systemRandom, sessionKey, ...deskChanges });
  const policy: EnrolmentPolicy = {
    anchors: [maker.anchor],
    pcrSelection: { bank: "sha256", pcrs },
    isEkRegistered: () => true,
    isClaimValid: () => false,
    isSoftwareAttesterAllowed: false,
    isTpmSeen: false,
    ...policyChanges,
  };
  return { desk, key, policy, request: requestOf(tpm, key) };
}

function requestOf(device: FakeTpm, key: SoftwareKey, changes: Partial<EnrolmentRequest> = {}): EnrolmentRequest {
  return {
    messageDigest: crypto.hash("sha256", device.akPublic),
    attester: "tpm",
    purpose: "enrol",
    deviceClass: "till",
    site: "store-17",
    name: "pos-1",
    ekCertificate: device.ekCertificate,
    ekIntermediates: [],
    akPublic: device.akPublic,
    spki: key.spki,
    ...changes,
  };
}

interface AnswerChanges {
  readonly device?: FakeTpm;
  readonly at?: typeof at;
  readonly binding?: Partial<Parameters<typeof bindingDigest>[0]>;
  readonly tlsKey?: SoftwareKey;
  readonly lies?: QuoteLies;
  readonly pcrs?: readonly number[];
  readonly journalSize?: number;
  readonly journalRoot?: Uint8Array;
}

/** The attester's side: challenge, activation, quote, signature. Throws when the TPM does not open the credential. */
function answerOf(
  desk: EnrolmentDesk,
  request: EnrolmentRequest,
  policy: EnrolmentPolicy,
  key: SoftwareKey,
  changes: AnswerChanges = {},
): Evidence {
  const { device = tpm, tlsKey = key, journalSize = 0, journalRoot = zeros } = changes;
  const answer = desk.challenge(request, policy, changes.at ?? at);
  assert.ok(answer.ok && answer.value.outcome === "challenge");
  const { credentialBlob, encryptedSecret, nonce, session } = answer.value;
  const activationSecret =
    changes.binding?.activationSecret ?? device.activateCredential(credentialBlob, encryptedSecret);
  const { messageDigest, spki } = request;
  const facts = { nonce, activationSecret, messageDigest, spki, journalSize, journalRoot };
  const binding = bindingDigest({ ...facts, ...changes.binding }, crypto);
  const quote = device.quote(binding, changes.pcrs ?? pcrs, changes.lies);
  const pcrValues = device.pcrValues(pcrs);
  return { session, ...quote, pcrValues, spkiSignature: tlsKey.sign(binding), journalSize, journalRoot };
}

function enrol(desk: EnrolmentDesk, request: EnrolmentRequest, policy: EnrolmentPolicy, key: SoftwareKey) {
  return desk.appraise(answerOf(desk, request, policy, key), healthy, at);
}

function softwareRequest(softwareKey: SoftwareKey, key: SoftwareKey): EnrolmentRequest {
  const nothing = new Uint8Array(0);
  return { ...requestOf(tpm, key), attester: "software", ekCertificate: nothing, akPublic: softwareKey.spki };
}

function softwareAnswer(
  desk: EnrolmentDesk,
  request: EnrolmentRequest,
  policy: EnrolmentPolicy,
  key: SoftwareKey,
  softwareKey: SoftwareKey,
): Evidence {
  const answer = desk.challenge(request, policy, at);
  assert.ok(answer.ok && answer.value.outcome === "challenge");
  const { nonce, session } = answer.value;
  const { messageDigest, spki } = request;
  const facts = { nonce, activationSecret: zeros, messageDigest, spki, journalSize: 0, journalRoot: zeros };
  const binding = bindingDigest(facts, crypto);
  const proof = { quoted: new Uint8Array(0), quoteSignature: softwareKey.sign(binding) };
  return { session, ...proof, pcrValues: {}, spkiSignature: key.sign(binding), journalSize: 0, journalRoot: zeros };
}

function referenceOf(accepted: ReferenceValues["pcrs"]): ReferenceValues {
  return { bank: "sha256", pcrs: accepted };
}

function ekHashOf(device: FakeTpm): string {
  return hex(crypto.hash("sha256", device.ekSpki));
}

type Refusable = { readonly ok: true } | { readonly ok: false; readonly error: AttestationError };

function codeOf(result: Refusable): string {
  return result.ok ? "none" : result.error.code;
}

function kindOf(result: Refusable): string {
  return result.ok ? "none" : kindOfAttestationError(result.error);
}

function outcomeOf(answer: ReturnType<EnrolmentDesk["challenge"]>): string {
  return answer.ok ? answer.value.outcome : answer.error.code;
}
