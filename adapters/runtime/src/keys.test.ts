import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { AdapterError, Secret, utf8 } from "@vedette/base";
import { createNodeCrypto } from "./crypto.ts";
import { readKeyFile, writeKeyFile } from "./key-files.ts";
import { generateKey, importKey } from "./keys.ts";

const crypto = createNodeCrypto();
const message = utf8("who goes there");

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof AdapterError && error.code === code;
}

for (const algorithm of ["ES256", "Ed25519"] as const) {
  test(`what a new ${algorithm} key signs verifies with its public key and with no other`, () => {
    const [key, other] = [generateKey(algorithm), generateKey(algorithm)];
    const signature = key.sign(message);
    assert.equal(signature.length, 64);
    assert.equal(crypto.verify(algorithm, key.spki, message, signature), true);
    assert.equal(crypto.verify(algorithm, other.spki, message, signature), false);
  });

  test(`an ${algorithm} key is the same key after export and import`, () => {
    const key = generateKey(algorithm);
    const back = importKey(key.exportPkcs8());
    assert.equal(back.algorithm, algorithm);
    assert.deepEqual(back.spki, key.spki);
    assert.equal(crypto.verify(algorithm, key.spki, message, back.sign(message)), true);
  });
}

test("a key shows nothing of itself in print", () => {
  const key = generateKey("Ed25519");
  const hidden = Buffer.from(key.exportPkcs8().reveal().subarray(-32)).toString("hex");
  const shown = inspect(key, { depth: 9, showHidden: true }) + JSON.stringify(key) + inspect(key.exportPkcs8());
  assert.ok(!shown.includes(hidden) && !shown.includes("PRIVATE"));
});

const foreign = {
  "P-384": generateKeyPairSync("ec", { namedCurve: "P-384" }),
  secp256k1: generateKeyPairSync("ec", { namedCurve: "secp256k1" }),
  X25519: generateKeyPairSync("x25519"),
  RSA: generateKeyPairSync("rsa", { modulusLength: 2_048 }),
};

for (const [kind, { privateKey }] of Object.entries(foreign)) {
  test(`a ${kind} key is refused: nothing of ours signs with one`, () => {
    const pkcs8 = new Secret(new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" })));
    assert.throws(() => importKey(pkcs8), hasCode("KEY_INVALID"));
  });
}

test("what is not PKCS #8 is refused, at whatever byte it was cut", () => {
  const whole = generateKey("ES256").exportPkcs8().reveal();
  for (let length = 0; length < whole.length; length++)
    assert.throws(() => importKey(new Secret(whole.subarray(0, length))), hasCode("KEY_INVALID"), `cut at ${length}`);
});

test("a key file is for its owner alone, and holds the same key", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "node.key");
  const key = generateKey("ES256");
  writeKeyFile(path, key);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readKeyFile(path).spki, key.spki);
});

test("a key file that is missing, of another kind or no key at all is told apart, without its contents", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "node.key");
  assert.throws(() => readKeyFile(path), hasCode("KEY_MISSING"));
  writeFileSync(path, "-----BEGIN PRIVATE KEY-----\nTOPSECRET\n-----END PRIVATE KEY-----\n");
  assert.throws(
    () => readKeyFile(path),
    (error) => hasCode("KEY_INVALID")(error) && !inspect(error).includes("TOPSECRET"),
  );
  writeFileSync(path, foreign.RSA.privateKey.export({ format: "pem", type: "pkcs8" }));
  assert.throws(() => readKeyFile(path), hasCode("KEY_INVALID"));
  writeFileSync(path, foreign.RSA.publicKey.export({ format: "pem", type: "spki" }));
  assert.throws(() => readKeyFile(path), hasCode("KEY_INVALID"));
});

function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "vedette-keys-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
