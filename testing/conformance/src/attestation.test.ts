import assert from "node:assert/strict";
import { createHash, verify } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import {
  bindingDigest,
  type EnrolmentDesk,
  type EnrolmentPolicy,
  type EnrolmentRequest,
  type Evidence,
  makeCredential,
  nameOfTpmPublic,
  openDesk,
  type PcrSelection,
  parseAttestationKey,
  parseTpmPublic,
  parseTpmQuote,
  parseTpmSignature,
  type ReferenceValues,
  tpmPublicToSpki,
  verifyQuote,
} from "@vedette/attestation";
import { concatBytes, hex, Secret, utf8 } from "@vedette/base";
import { type SwtpmFixture, type SwtpmIdentity, setupSwtpm } from "@vedette/fakes";
import { createNodeCrypto, generateKey, type SoftwareKey, systemClock, systemRandom } from "@vedette/runtime";
import { type Tpm, tpmCommands } from "@vedette/tpm";
import { type Certificate, parseCertificate } from "@vedette/x509";

const crypto = createNodeCrypto();
const random = systemRandom;
const selection: PcrSelection = { bank: "sha256", pcrs: [0, 1, 2, 3, 4, 5, 7, 16] };
const extraData = crypto.hash("sha256", utf8("binding"));
const noJournal = { journalSize: 0, journalRoot: new Uint8Array(32) };

describe("against a real swtpm", () => {
  test("enrolment affirms, and renewal contraindicates after a PCR was extended", async (t) => {
    const node = await setupNode(t);
    if (!node) return;
    const { tpm, request, policy, desk } = node;
    const healthy = await referenceOf(tpm);
    const first = desk.appraise(await answer(node, request, policy), () => healthy, now());
    assert.ok(first.ok, JSON.stringify(first));
    assert.deepEqual([first.value.verdict, first.value.reasons], ["affirming", []]);

    await tpm.extendPcr(16, extraData);
    const known = { ...policy, knownAkName: first.value.akName, isTpmSeen: true };
    const renewal: EnrolmentRequest = { ...request, purpose: "reattest" };
    const second = desk.appraise(await answer(node, renewal, known), () => healthy, now());
    assert.ok(second.ok, JSON.stringify(second));
    assert.equal(second.value.verdict, "contraindicated");
    const value = hex((await tpm.readPcrs({ bank: "sha256", pcrs: [16] }))["16"]!);
    assert.deepEqual(second.value.reasons, [{ code: "PCR_UNEXPECTED", pcr: 16, value }]);
  });

  test("a second genuine TPM of the same maker that nobody registered is pending", async (t) => {
    const registered = await setupNode(t);
    const stranger = await setupNode(t, { device: "device-2" });
    if (!registered || !stranger) return;
    const known = hex(crypto.hash("sha256", certificateOf(registered.request.ekCertificate).spki));
    const policy: EnrolmentPolicy = { ...registered.policy, isEkRegistered: (ekHash) => ekHash === known };
    const outcome = (request: EnrolmentRequest) => {
      const challenged = registered.desk.challenge(request, policy, now());
      return challenged.ok ? challenged.value.outcome : challenged.error.code;
    };
    assert.equal(outcome(registered.request), "challenge");
    assert.equal(outcome(stranger.request), "pending");
  });

  test("an EK of a maker that the class does not trust is unknown", async (t) => {
    const node = await setupNode(t);
    const other = await setupNode(t, { device: "device-3", maker: "maker-2" });
    if (!node || !other) return;
    const challenged = node.desk.challenge(other.request, node.policy, now());
    assert.equal(challenged.ok ? "none" : challenged.error.code, "EK_ISSUER_UNKNOWN");
  });

  test("the Name that we compute is the TPM's own, and a key for another Name stays shut", async (t) => {
    const node = await setupNode(t);
    if (!node) return;
    const ak = await node.tpm.createAk();
    const parsed = parseAttestationKey(ak.publicArea, crypto);
    assert.ok(parsed.ok);
    assert.deepEqual(Buffer.from(parsed.value.name), Buffer.from(ak.name));

    const ekSpki = certificateOf(node.request.ekCertificate).spki;
    const otherName = concatBytes(ak.name.subarray(0, -1), Uint8Array.of(ak.name.at(-1)! ^ 1));
    const made = makeCredential(ekSpki, otherName, extraData, { crypto, random });
    assert.ok(made);
    await assert.rejects(node.tpm.activateCredential(made.credentialBlob, made.encryptedSecret), /TPM/);
  });

  test("an unrestricted key signs a quote made by hand, and is refused for what it is", async (t) => {
    const node = await setupNode(t);
    if (!node) return;
    const { tpm } = node;
    const real = await tpm.quote(extraData, selection);
    const pcrValues = await tpm.readPcrs(selection);
    const forged = await tpm.transaction(async (transaction) => {
      const { HANDLE, UNRESTRICTED_KEY_TEMPLATE } = tpmCommands;
      const key = await tpmCommands.createPrimary(transaction, HANDLE.endorsement, UNRESTRICTED_KEY_TEMPLATE);
      const quoteSignature = await tpmCommands.sign(transaction, key.handle, crypto.hash("sha256", real.quoted));
      return { akPublic: key.publicArea, quoted: real.quoted, quoteSignature, pcrValues };
    });
    const verified = verifyQuote(forged, { selection, extraData }, crypto);
    assert.deepEqual(verified.ok || verified.error, {
      code: "AK_ATTRIBUTES_WRONG",
      missing: ["restricted"],
      forbidden: [],
    });
    // Nothing else is wrong with it: were the key restricted, its bytes would pass.
    const parsed = parseTpmPublic(forged.akPublic);
    assert.ok(parsed.ok);
    const signature = parseTpmSignature(forged.quoteSignature);
    assert.ok(signature.ok && signature.value.algorithm === "ecdsa");
    const raw = concatBytes(signature.value.r, signature.value.s);
    assert.ok(crypto.verify("ES256", tpmPublicToSpki(parsed.value), forged.quoted, raw));
  });

  test("a Certify by the attestation key is no quote", async (t) => {
    const node = await setupNode(t);
    if (!node) return;
    const pcrValues = await node.tpm.readPcrs(selection);
    const certified = await node.tpm.transaction(async (transaction) => {
      const { HANDLE, AK_TEMPLATE } = tpmCommands;
      const ak = await tpmCommands.createPrimary(transaction, HANDLE.endorsement, AK_TEMPLATE);
      const { attested, signature } = await tpmCommands.certify(transaction, ak.handle, ak.handle, extraData);
      return { akPublic: ak.publicArea, quoted: attested, quoteSignature: signature, pcrValues };
    });
    const verified = verifyQuote(certified, { selection, extraData }, crypto);
    assert.deepEqual(verified.ok || verified.error, { code: "ATTEST_NOT_A_QUOTE", type: 0x8017 });
  });

  test("a quote is not accepted with any bit of it turned", async (t) => {
    const node = await setupNode(t);
    if (!node) return;
    const { publicArea: akPublic } = await node.tpm.createAk();
    const { quoted, signature: quoteSignature } = await node.tpm.quote(extraData, selection);
    const evidence = { akPublic, quoted, quoteSignature, pcrValues: await node.tpm.readPcrs(selection) };
    assert.ok(verifyQuote(evidence, { selection, extraData }, crypto).ok);
    for (const field of ["quoted", "quoteSignature"] as const)
      for (let bit = 0; bit < evidence[field].length * 8; bit++) {
        const changed = new Uint8Array(evidence[field]);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        assert.equal(verifyQuote({ ...evidence, [field]: changed }, { selection, extraData }, crypto).ok, false);
      }
  });
});

describe("a quote of a Windows machine in Google's cloud (go-attestation's test data)", () => {
  const folder = process.env["VEDETTE_VECTORS"] ?? join(import.meta.dirname, "../../../../shared/vectors");
  const path = join(folder, "attestation/eventlogs/windows_gcp_shielded_vm.json");
  const skip = existsSync(path) ? false : `no vector at ${path}: set VEDETTE_VECTORS`;
  const vector = skip ? undefined : readWindowsVector(path);

  test("has a key whose SPKI, Name and signature are those of the TPM", { skip }, () => {
    assert.ok(vector);
    const key = parseTpmPublic(vector.akPublic);
    const signature = parseTpmSignature(vector.quoteSignature);
    assert.ok(key.ok && signature.ok && signature.value.algorithm === "rsassa");
    const spki = { key: Buffer.from(tpmPublicToSpki(key.value)), format: "der", type: "spki" } as const;
    assert.ok(verify("sha1", vector.quoted, spki, signature.value.signature));
    // TPMS_CREATION_INFO, signed by the key itself, begins with the Name of the created object: the key.
    const name = Buffer.from(nameOfTpmPublic(key.value, vector.akPublic, crypto));
    assert.ok(Buffer.from(vector.createAttestation).includes(name));
  });

  test("has a clock, one bank, and the digest of the PCRs that its log reports", { skip }, () => {
    assert.ok(vector);
    const quote = parseTpmQuote(vector.quoted);
    assert.ok(quote.ok);
    const [only, ...others] = quote.value.selections;
    assert.deepEqual([only?.bank, only?.pcrs.length, others.length], ["sha1", 24, 0]);
    const ordered = vector.pcrs.toSorted((a, b) => a.index - b.index).map((pcr) => pcr.digest);
    assert.deepEqual(Buffer.from(quote.value.pcrDigest), createHash("sha1").update(Buffer.concat(ordered)).digest());
    assert.equal(quote.value.extraData.length, 0);
  });

  test("is refused as evidence, because its key signs with SHA-1", { skip }, () => {
    assert.ok(vector);
    const pcrValues = Object.fromEntries(vector.pcrs.map(({ index, digest }) => [index, digest]));
    const all: PcrSelection = { bank: "sha1", pcrs: Array.from({ length: 24 }, (_, pcr) => pcr) };
    const verified = verifyQuote({ ...vector, pcrValues }, { selection: all, extraData: new Uint8Array(0) }, crypto);
    assert.deepEqual(verified.ok || verified.error, { code: "AK_SCHEME_UNSUPPORTED" });
  });

  test("is not its creation attestation", { skip }, () => {
    assert.ok(vector);
    const parsed = parseTpmQuote(vector.createAttestation);
    assert.deepEqual(parsed, { ok: false, error: { code: "ATTEST_NOT_A_QUOTE", type: 0x801a } });
  });
});

interface Node {
  readonly tpm: Tpm;
  readonly tlsKey: SoftwareKey;
  readonly desk: EnrolmentDesk;
  readonly policy: EnrolmentPolicy;
  readonly request: EnrolmentRequest;
}

async function setupNode(t: TestContext, identity?: Partial<SwtpmIdentity>): Promise<Node | undefined> {
  const swtpm: SwtpmFixture | undefined = await setupSwtpm(t, identity);
  if (!swtpm) return undefined;
  const tpm = await swtpm.open();
  const tlsKey = generateKey("ES256");
  const ekCertificate = await tpm.ekCertificate();
  assert.ok(ekCertificate);
  const { publicArea: akPublic } = await tpm.createAk();
  const [issuer, root] = swtpm.ekCaCertificates;
  assert.ok(issuer && root);
  const request: EnrolmentRequest = {
    messageDigest: crypto.hash("sha256", akPublic),
    attester: "tpm",
    purpose: "enrol",
    deviceClass: "edge",
    site: "store-17",
    name: "node-1",
    ekCertificate,
    ekIntermediates: [issuer],
    akPublic,
    spki: tlsKey.spki,
  };
  const policy: EnrolmentPolicy = {
    anchors: [root],
    pcrSelection: selection,
    isEkRegistered: () => true,
    isClaimValid: () => false,
    isSoftwareAttesterAllowed: false,
    isTpmSeen: false,
  };
  const desk = openDesk({ crypto, random, sessionKey: new Secret(random.bytes(32)) });
  return { tpm, tlsKey, desk, policy, request };
}

async function answer(node: Node, request: EnrolmentRequest, policy: EnrolmentPolicy): Promise<Evidence> {
  const { tpm, tlsKey, desk } = node;
  const challenged = desk.challenge(request, policy, now());
  assert.ok(challenged.ok && challenged.value.outcome === "challenge", JSON.stringify(challenged));
  const { credentialBlob, encryptedSecret, nonce, pcrSelection, session } = challenged.value;
  const activationSecret = (await tpm.activateCredential(credentialBlob, encryptedSecret)).reveal();
  const { messageDigest, spki } = request;
  const binding = bindingDigest({ nonce, activationSecret, messageDigest, spki, ...noJournal }, crypto);
  const { quoted, signature: quoteSignature } = await tpm.quote(binding, pcrSelection);
  const pcrValues = await tpm.readPcrs(pcrSelection);
  return { session, quoted, quoteSignature, pcrValues, spkiSignature: tlsKey.sign(binding), ...noJournal };
}

async function referenceOf(tpm: Tpm): Promise<ReferenceValues> {
  const values = Object.entries(await tpm.readPcrs(selection));
  return { bank: "sha256", pcrs: Object.fromEntries(values.map(([pcr, value]) => [pcr, [hex(value)]])) };
}

function now() {
  return { now: systemClock.now(), channel: "connection 1" };
}

function certificateOf(der: Uint8Array): Certificate {
  const parsed = parseCertificate(der);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

function readWindowsVector(path: string) {
  const { AK, Quote, Log } = JSON.parse(readFileSync(path, "utf8"));
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
  const pcrs: { Index: number; Digest: string }[] = Log.PCRs;
  return {
    akPublic: bytes(AK.Public),
    createAttestation: bytes(AK.CreateAttestation),
    quoted: bytes(Quote.Quote),
    quoteSignature: bytes(Quote.Signature),
    pcrs: pcrs.map(({ Index, Digest }) => ({ index: Index, digest: bytes(Digest) })),
  };
}
