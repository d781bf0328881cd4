import assert from "node:assert/strict";
import { test } from "node:test";
import { base64, type Crypto, instant, type Result } from "@vedette/base";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import fc from "fast-check";
import {
  cosignNote,
  formatNote,
  NOTE_LENGTH_MAX,
  type NoteSignature,
  parseNote,
  signNote,
  verifyNote,
} from "./note.ts";
import {
  formatVerifierKey,
  type NoteKeyKind,
  noteSignerOf,
  parseVerifierKey,
  type VerifierKey,
} from "./verifier-key.ts";

const crypto: Crypto = createNodeCrypto();

// The example of C2SP signed-note.
const EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE_NOTE = `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`;

test("the example of signed-note verifies with its verifier key", () => {
  const key = value(parseVerifierKey(EXAMPLE_KEY, crypto));
  const note = value(parseNote(EXAMPLE_NOTE));
  assert.equal(note.text, "This is an example message.\n");
  assert.deepEqual(value(verifyNote(note, [key], crypto)), [{ key }]);
});

test("a note and a verifier key keep their text through parsing and formatting", () => {
  assert.equal(formatNote(value(parseNote(EXAMPLE_NOTE))), EXAMPLE_NOTE);
  assert.equal(formatVerifierKey(value(parseVerifierKey(EXAMPLE_KEY, crypto))), EXAMPLE_KEY);
});

test("a verifier key is split at the first two plus signs, for base64 has them too", () => {
  const keys = Array.from({ length: 64 }, () => setupSigner("ed25519", "example.org/log").key);
  const withPlus = keys.map(formatVerifierKey).filter((text) => text.split("+").length > 3);
  assert.ok(withPlus.length > 0);
  for (const text of withPlus) assert.equal(formatVerifierKey(value(parseVerifierKey(text, crypto))), text);
});

test("a verifier key whose id is not the hash of name, type and key is refused", () => {
  for (const text of [
    EXAMPLE_KEY.replace("530d903a", "530d903b"),
    EXAMPLE_KEY.replace("/foo", "/fou"),
    EXAMPLE_KEY.replace("+AekyeRrm", "+BOkyeRrm"),
    EXAMPLE_KEY.replace("530d903a", "530D903A"),
    "example.com/foo+530d903a",
    "",
  ])
    assert.deepEqual(parseVerifierKey(text, crypto), { ok: false, error: { code: "VERIFIER_KEY_INVALID" } });
});

test("a cosignature verifies and says when, to the second", () => {
  const signer = setupSigner("cosignature", "mirror.example.org");
  const note = { text: "a\n1\nb\n", signatures: [cosignNote("a\n1\nb\n", signer, instant(1_679_315_147_900))] };
  const [verified] = value(verifyNote(value(parseNote(formatNote(note))), [signer.key], crypto));
  assert.equal(verified?.cosignedAt, instant(1_679_315_147_000));
});

test("a signature by an unknown key is ignored, and alone is not enough", () => {
  const known = setupSigner("ed25519", "example.org/log");
  const stranger = setupSigner("ed25519", "example.org/log");
  const text = "a\n";
  const both = { text, signatures: [signNote(text, stranger), signNote(text, known)] };
  assert.equal(value(verifyNote(both, [known.key], crypto)).length, 1);
  const alone = { text, signatures: [signNote(text, stranger)] };
  assert.deepEqual(verifyNote(alone, [known.key], crypto), { ok: false, error: { code: "NOTE_SIGNER_UNKNOWN" } });
});

test("one bad signature by a known key spoils the note, whoever else signed", () => {
  const good = setupSigner("ed25519", "a.example");
  const bad = setupSigner("cosignature", "b.example");
  const signatures = [signNote("a\n", good), cosignNote("b\n", bad, instant(1_000))];
  const error = { code: "NOTE_SIGNATURE_INVALID", name: "b.example" };
  assert.deepEqual(verifyNote({ text: "a\n", signatures }, [good.key, bad.key], crypto), { ok: false, error });
});

test("the time of a cosignature is part of what is signed", () => {
  const signer = setupSigner("cosignature", "mirror.example.org");
  const signature = cosignNote("a\n", signer, instant(5_000));
  signature.signature[7] = 6;
  assert.equal(verifyNote({ text: "a\n", signatures: [signature] }, [signer.key], crypto).ok, false);
});

test("a key signs only once in a note", () => {
  const signer = setupSigner("ed25519", "a.example");
  const signature = signNote("a\n", signer);
  assert.equal(verifyNote({ text: "a\n", signatures: [signature, signature] }, [signer.key], crypto).ok, false);
});

test("a key of one kind never passes for the other kind", () => {
  const { signer, key } = setupSigner("ed25519", "a.example");
  const cosigner = noteSignerOf("cosignature", "a.example", signer, crypto);
  assert.notEqual(key.keyId, cosigner.key.keyId);
  const note = { text: "a\n", signatures: [signNote("a\n", { key, signer })] };
  assert.equal(verifyNote(note, [cosigner.key], crypto).ok, false);
});

test("what is not a note is refused", () => {
  for (const text of [
    "",
    "text\n",
    "text\n\n",
    EXAMPLE_NOTE.slice(0, -1),
    EXAMPLE_NOTE.replace("— ", "- "),
    EXAMPLE_NOTE.replace("message", "mes\tsage"),
    EXAMPLE_NOTE.replace("/foo ", "/foo  "),
    EXAMPLE_NOTE.replace("/foo ", "/f+oo "),
    EXAMPLE_NOTE.replace("QM=\n", "QM\n"),
    EXAMPLE_NOTE.replace("Uw2QOkn8", "*w2QOkn8"),
    "a\n\n— b AAAAAA==\n",
  ])
    assert.deepEqual(parseNote(text), { ok: false, error: { code: "NOTE_MALFORMED" } }, JSON.stringify(text));
  assert.equal(parseNote(Uint8Array.of(0xff, 0x0a, 0x0a)).ok, false);
});

test("a note past its limit is refused before it is read", () => {
  const lengthMax = NOTE_LENGTH_MAX;
  const error = { code: "NOTE_TOO_LARGE", length: lengthMax + 1, lengthMax };
  assert.deepEqual(parseNote("x".repeat(lengthMax + 1)), { ok: false, error });
});

test("an empty line in the text does not end it: the last empty line does", () => {
  const signer = setupSigner("ed25519", "a.example");
  const text = "one\n\ntwo\n";
  const note = value(parseNote(formatNote({ text, signatures: [signNote(text, signer)] })));
  assert.equal(note.text, text);
});

test("changing any character of a signed note loses the signature", () => {
  const key: VerifierKey = value(parseVerifierKey(EXAMPLE_KEY, crypto));
  fc.assert(
    fc.property(fc.nat(EXAMPLE_NOTE.length - 1), fc.constantFrom("A", "b", "\n", "=", "é"), (at, other) => {
      if (EXAMPLE_NOTE[at] === other) return;
      const note = parseNote(EXAMPLE_NOTE.slice(0, at) + other + EXAMPLE_NOTE.slice(at + 1));
      assert.equal(note.ok && verifyNote(note.value, [key], crypto).ok, false);
    }),
  );
});

test("any signatures with well-formed names survive formatting and parsing", () => {
  const name = fc.stringMatching(/^[a-z0-9./-]{1,20}$/);
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 80 });
  const signature = fc.record({ name, keyId: fc.nat(0xffff_ffff), signature: bytes });
  fc.assert(
    fc.property(fc.array(signature, { minLength: 1, maxLength: 16 }), (signatures) => {
      const parsed = value(parseNote(formatNote({ text: "x\n\ny\n", signatures })));
      const texts = (list: readonly NoteSignature[]) => list.map((one) => [one.name, one.keyId, base64(one.signature)]);
      assert.deepEqual(texts(parsed.signatures), texts(signatures));
    }),
  );
});

function setupSigner(kind: NoteKeyKind, name: string) {
  return noteSignerOf(kind, name, generateKey("Ed25519"), crypto);
}

function value<T>(result: Result<T, unknown>): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}
