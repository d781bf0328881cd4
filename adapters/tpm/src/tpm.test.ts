import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { type TestContext, test } from "node:test";
import {
  makeCredential,
  nameOfTpmPublic,
  type PcrSelection,
  parseTpmPublic,
  parseTpmQuote,
  verifyQuote,
} from "@vedette/attestation";
import { base64url, assert as check, concatBytes, hex, Secret, utf8 } from "@vedette/base";
import { type SwtpmFixture, setupSwtpm } from "@vedette/fakes";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import { HANDLE_RANGE } from "./capabilities.ts";
import * as commands from "./commands.ts";
import { loadEk } from "./endorsement.ts";
import { TpmError } from "./errors.ts";
import type { AkPublic, Tpm } from "./tpm.ts";
import { COMMAND_LIMITS, EMPTY_PASSWORD, Transaction } from "./transaction.ts";
import { openTransport } from "./transport.ts";

const crypto = createNodeCrypto();
const PCRS: PcrSelection = { bank: "sha256", pcrs: [0, 7, 16] };
const DEBUG_PCR = 16;
const DIGEST = crypto.hash("sha256", utf8("a change"));

async function setupTpm(t: TestContext): Promise<{ swtpm: SwtpmFixture; tpm: Tpm } | undefined> {
  const swtpm = await setupSwtpm(t);
  return swtpm && { swtpm, tpm: await swtpm.open() };
}

function refusedWith(code: string) {
  return (error: unknown) => error instanceof Error && "code" in error && error.code === code;
}

/** As a verifier takes it: from the certificate. */
async function ekSpki(tpm: Tpm): Promise<Uint8Array> {
  const der = await tpm.ekCertificate();
  check(der !== undefined, "swtpm_setup stored a certificate");
  return new Uint8Array(new X509Certificate(der).publicKey.export({ format: "der", type: "spki" }));
}

async function slotsInUse(tpm: Tpm): Promise<number> {
  const ranges = [HANDLE_RANGE.transient, HANDLE_RANGE.loadedSession];
  const handles = await Promise.all(ranges.map((range) => tpm.transaction((on) => commands.readHandles(on, range))));
  return handles.flat().length;
}

test("the EK certificate names this TPM's endorsement key and chains to its maker's root", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const der = await setup.tpm.ekCertificate();
  check(der !== undefined, "swtpm_setup stored a certificate");
  const [certificate, issuer, root] = [der, ...setup.swtpm.ekCaCertificates].map((each) => new X509Certificate(each));
  assert.ok(certificate!.verify(issuer!.publicKey) && issuer!.verify(root!.publicKey));
  const { publicArea } = await setup.tpm.transaction(loadEk);
  const { n: modulus } = certificate!.publicKey.export({ format: "jwk" });
  assert.equal(modulus, base64url(publicArea.slice(-256))); // TPM2B_PUBLIC_KEY_RSA is the last field
});

test("the EK made from the L-1 template is the one the maker left in the TPM", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const { EK_TEMPLATE, HANDLE } = commands;
  const made = await setup.tpm.transaction((on) => commands.createPrimary(on, HANDLE.endorsement, EK_TEMPLATE));
  assert.deepEqual(made.publicArea, (await setup.tpm.transaction(loadEk)).publicArea);
});

test("the attestation key is the same after a power cycle, and its name is the hash of its public area", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const before = await setup.tpm.createAk();
  await setup.tpm.close();
  await setup.swtpm.restart();
  assert.deepEqual(await (await setup.swtpm.open()).createAk(), before);
  const parsed = parseTpmPublic(before.publicArea);
  check(parsed.ok, "the TPM's public area parses");
  assert.deepEqual(before.name, nameOfTpmPublic(parsed.value, before.publicArea, crypto));
});

function credentialFor(ek: Uint8Array, ak: AkPublic, secret: Uint8Array) {
  const made = makeCredential(ek, ak.name, secret, { crypto, random: systemRandom });
  check(made !== undefined, "an EK can be encrypted to");
  return made;
}

test("a credential for this EK and this AK is activated", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const { tpm } = setup;
  const secret = systemRandom.bytes(32);
  const { credentialBlob, encryptedSecret } = credentialFor(await ekSpki(tpm), await tpm.createAk(), secret);
  const activated = await tpm.activateCredential(credentialBlob, encryptedSecret);
  assert.deepEqual(activated.reveal(), secret);
});

test("a credential for another AK, an altered one, and one for another EK are refused", async (t) => {
  const setup = await setupTpm(t);
  const other = await setupSwtpm(t, { device: "device-2" });
  if (!setup || !other) return;
  const { tpm } = setup;
  const [ek, ak, otherEk] = [await ekSpki(tpm), await tpm.createAk(), await ekSpki(await other.open())];
  const secret = systemRandom.bytes(32);
  const forAnotherAk = credentialFor(ek, { ...ak, name: ak.name.with(5, ak.name[5]! ^ 1) }, secret);
  await assert.rejects(
    tpm.activateCredential(forAnotherAk.credentialBlob, forAnotherAk.encryptedSecret),
    refusedWith("TPM_RC_INTEGRITY"),
  );
  const good = credentialFor(ek, ak, secret);
  const altered = good.credentialBlob.with(-1, good.credentialBlob.at(-1)! ^ 1);
  await assert.rejects(tpm.activateCredential(altered, good.encryptedSecret), refusedWith("TPM_RC_INTEGRITY"));
  const forAnotherEk = credentialFor(otherEk, ak, secret);
  await assert.rejects(tpm.activateCredential(forAnotherEk.credentialBlob, forAnotherEk.encryptedSecret), TpmError);
  assert.equal(await slotsInUse(tpm), 0);
});

test("a quote is what the verifier expects, and nothing else", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const { tpm } = setup;
  const extraData = systemRandom.bytes(32);
  const { quoted, signature } = await tpm.quote(extraData, PCRS);
  const evidence = {
    akPublic: (await tpm.createAk()).publicArea,
    quoted,
    quoteSignature: signature,
    pcrValues: await tpm.readPcrs(PCRS),
  };
  assert.equal(verifyQuote(evidence, { selection: PCRS, extraData }, crypto).ok, true);
  const otherNonce = verifyQuote(evidence, { selection: PCRS, extraData: systemRandom.bytes(32) }, crypto);
  assert.equal(otherNonce.ok, false);
  await tpm.extendPcr(DEBUG_PCR, DIGEST);
  const drifted = { ...evidence, pcrValues: await tpm.readPcrs(PCRS) };
  assert.equal(verifyQuote(drifted, { selection: PCRS, extraData }, crypto).ok, false);
});

test("the attestation key does not sign what the TPM did not make; an unrestricted key signs anything", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const { AK_TEMPLATE, UNRESTRICTED_KEY_TEMPLATE, HANDLE } = commands;
  const signWith = (template: Uint8Array) =>
    setup.tpm.transaction(async (on) => {
      const key = await commands.createPrimary(on, HANDLE.endorsement, template);
      return commands.sign(on, key.handle, DIGEST);
    });
  await assert.rejects(signWith(AK_TEMPLATE), refusedWith("TPM_RC_TICKET"));
  assert.equal((await signWith(UNRESTRICTED_KEY_TEMPLATE)).length, 72);
});

test("a child key is created, loaded, read and certified by the attestation key; that is no quote", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const { AK_TEMPLATE, SRK_TEMPLATE, UNRESTRICTED_KEY_TEMPLATE, HANDLE } = commands;
  const { attested } = await setup.tpm.transaction(async (on) => {
    const parent = await commands.createPrimary(on, HANDLE.owner, SRK_TEMPLATE);
    const blob = await commands.create(on, parent.handle, UNRESTRICTED_KEY_TEMPLATE);
    const child = await commands.load(on, parent.handle, blob);
    assert.deepEqual(await commands.readPublic(on, child.handle), child);
    const ak = await commands.createPrimary(on, HANDLE.endorsement, AK_TEMPLATE);
    return commands.certify(on, child.handle, ak.handle, DIGEST);
  });
  assert.equal(parseTpmQuote(attested).ok, false);
});

test("extending a PCR hashes the digest onto its value", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const { tpm } = setup;
  const all: PcrSelection = { bank: "sha256", pcrs: Array.from({ length: 24 }, (_, pcr) => pcr) };
  const before = await tpm.readPcrs(all);
  await tpm.extendPcr(DEBUG_PCR, DIGEST);
  const extended = crypto.hash("sha256", concatBytes(before[DEBUG_PCR]!, DIGEST));
  assert.deepEqual(await tpm.readPcrs(all), { ...before, [DEBUG_PCR]: extended });
});

test("PCRs that do not exist are missing, not zero, and nothing is sealed to them", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const absent: PcrSelection = { bank: "sha384", pcrs: [0] };
  await assert.rejects(setup.tpm.readPcrs(absent), refusedWith("TPM_PCR_MISSING"));
  await assert.rejects(setup.tpm.seal(new Secret(utf8("secret")), absent), refusedWith("TPM_PCR_MISSING"));
  const beyond: PcrSelection = { bank: "sha256", pcrs: [0, 24] };
  await assert.rejects(setup.tpm.seal(new Secret(utf8("secret")), beyond), refusedWith("TPM_PCR_MISSING"));
});

test("sealed data opens under the same PCRs, not after a drift, and again after a clean start", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const { swtpm, tpm } = setup;
  const data = systemRandom.bytes(32);
  const blob = await tpm.seal(new Secret(data), PCRS);
  assert.deepEqual((await tpm.unseal(blob, PCRS)).reveal(), data);

  await tpm.extendPcr(DEBUG_PCR, DIGEST);
  await assert.rejects(tpm.unseal(blob, PCRS), (error) => {
    check(error instanceof TpmError, "the TPM itself refuses");
    assert.equal(error.code, "TPM_RC_POLICY_FAIL");
    assert.deepEqual(error.subject, { kind: "session", number: 1 });
    return error.command === "Unseal";
  });
  assert.equal(await slotsInUse(tpm), 0);

  await tpm.close();
  await swtpm.restart();
  assert.deepEqual((await (await swtpm.open()).unseal(blob, PCRS)).reveal(), data);
});

test("sealed data does not open by other PCRs, by a password, altered, or on another TPM", async (t) => {
  const setup = await setupTpm(t);
  const other = await setupSwtpm(t, { device: "device-2" });
  if (!setup || !other) return;
  const { tpm } = setup;
  const blob = await tpm.seal(new Secret(systemRandom.bytes(32)), PCRS);
  const fewer: PcrSelection = { bank: "sha256", pcrs: [0, 7] };
  await assert.rejects(tpm.unseal(blob, fewer), refusedWith("TPM_RC_POLICY_FAIL"));
  const byPassword = tpm.transaction(async (on) => {
    const parent = await commands.createPrimary(on, commands.HANDLE.owner, commands.SRK_TEMPLATE);
    return commands.unseal(on, (await commands.load(on, parent.handle, blob)).handle, EMPTY_PASSWORD);
  });
  await assert.rejects(byPassword, refusedWith("TPM_RC_AUTH_UNAVAILABLE"));
  const altered = { ...blob, private: blob.private.with(-1, blob.private.at(-1)! ^ 1) };
  await assert.rejects(tpm.unseal(altered, PCRS), refusedWith("TPM_RC_INTEGRITY"));
  await assert.rejects((await other.open()).unseal(blob, PCRS), refusedWith("TPM_RC_INTEGRITY"));
});

test("randomness differs from call to call", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const [a, b] = [await setup.tpm.random(16), await setup.tpm.random(16)];
  assert.equal(a.length, 16);
  assert.notDeepEqual(a, b);
});

test("operations asked for at once take turns in the few slots there are", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const { tpm } = setup;
  const blob = await tpm.seal(new Secret(utf8("shared")), PCRS);
  const opened = await Promise.all(Array.from({ length: 8 }, () => tpm.unseal(blob, PCRS)));
  assert.equal(new Set(opened.map((secret) => hex(secret.reveal()))).size, 1);
});

test("an operation that fails does not stop the next one, and leaves nothing loaded", async (t) => {
  const setup = await setupTpm(t);
  if (!setup) return;
  const { tpm } = setup;
  const failing = tpm.transaction(async (on) => {
    await commands.createPrimary(on, commands.HANDLE.owner, commands.SRK_TEMPLATE);
    await commands.startPolicySession(on, "policy");
    throw new Error("the caller gave up");
  });
  await assert.rejects(failing, /gave up/);
  assert.equal(await slotsInUse(tpm), 0);
});

test("what a client that died left in the TPM is flushed by the next", async (t) => {
  const swtpm = await setupSwtpm(t);
  if (!swtpm) return;
  const transport = await openTransport(swtpm.socketPath);
  const abandoned = new Transaction(transport, COMMAND_LIMITS);
  for (let slot = 0; slot < 3; slot++)
    await commands.createPrimary(abandoned, commands.HANDLE.owner, commands.SRK_TEMPLATE);
  await commands.startPolicySession(abandoned, "policy");
  await transport.close();
  const tpm = await swtpm.open();
  assert.equal(await slotsInUse(tpm), 0);
});
