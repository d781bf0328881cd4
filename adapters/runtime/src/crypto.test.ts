import assert from "node:assert/strict";
import { constants, generateKeyPairSync, type KeyObject, privateDecrypt, sign } from "node:crypto";
import { test } from "node:test";
import { type SignatureAlgorithm, utf8 } from "@vedette/base";
import fc from "fast-check";
import { createNodeCrypto } from "./crypto.ts";

const crypto = createNodeCrypto();

function bytesOf(...hex: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from(hex.join(""), "hex"));
}

const SPKI_PREFIX = {
  p256: "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
  p384: "3076301006072a8648ce3d020106052b8104002203620004",
  ed25519: "302a300506032b6570032100",
};

test("hashes are those of FIPS 180-4 for abc", () => {
  const abc = utf8("abc");
  assert.deepEqual(crypto.hash("sha1", abc), bytesOf("a9993e364706816aba3e25717850c26c9cd0d89d"));
  assert.deepEqual(
    crypto.hash("sha256", abc),
    bytesOf("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
  );
  assert.deepEqual(
    crypto.hash("sha384", abc),
    bytesOf("cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed", "8086072ba1e7cc2358baeca134c825a7"),
  );
  assert.deepEqual(
    crypto.hash("sha512", abc),
    bytesOf(
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a",
      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
  );
});

test("HMAC-SHA-256 is that of RFC 4231 §4", () => {
  const vectors: readonly (readonly [key: Uint8Array, data: Uint8Array, mac: string])[] = [
    [bytesOf("0b".repeat(20)), utf8("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
    [
      utf8("Jefe"),
      utf8("what do ya want for nothing?"),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ],
    [
      bytesOf("aa".repeat(20)),
      bytesOf("dd".repeat(50)),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ],
    [
      bytesOf("aa".repeat(131)),
      utf8("Test Using Larger Than Block-Size Key - Hash Key First"),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ],
  ];
  for (const [key, data, mac] of vectors) assert.deepEqual(crypto.hmac("sha256", key, data), bytesOf(mac));
});

/** A public key, a message and its signature, all published by others. */
const published: Readonly<Record<string, readonly [SignatureAlgorithm, Uint8Array, Uint8Array, Uint8Array]>> = {
  "RFC 6979 A.2.5 (P-256, SHA-256)": [
    "ES256",
    bytesOf(
      SPKI_PREFIX.p256,
      "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
      "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    ),
    utf8("sample"),
    bytesOf(
      "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
      "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ),
  ],
  "RFC 6979 A.2.6 (P-384, SHA-384)": [
    "ES384",
    bytesOf(
      SPKI_PREFIX.p384,
      "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13",
      "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
    ),
    utf8("sample"),
    bytesOf(
      "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46",
      "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
    ),
  ],
  "RFC 8032 §7.1 test 2 (Ed25519)": [
    "Ed25519",
    bytesOf(SPKI_PREFIX.ed25519, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
    bytesOf("72"),
    bytesOf(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
  ],
};

for (const [name, [algorithm, spki, message, signature]] of Object.entries(published)) {
  test(`the signature of ${name} verifies, and no longer with any one bit changed`, () => {
    assert.equal(crypto.verify(algorithm, spki, message, signature), true);
    for (let bit = 0; bit < signature.length * 8; bit++) {
      const altered = signature.slice();
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(crypto.verify(algorithm, spki, message, altered), false, `bit ${bit}`);
    }
    assert.equal(crypto.verify(algorithm, spki, utf8("another message"), signature), false);
  });
}

const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const message = utf8("who goes there");
const PADDINGS: readonly (readonly [SignatureAlgorithm, string, object])[] = [
  ["RS256", "sha256", { padding: constants.RSA_PKCS1_PADDING }],
  ["RS384", "sha384", { padding: constants.RSA_PKCS1_PADDING }],
  ["RS512", "sha512", { padding: constants.RSA_PKCS1_PADDING }],
  ["PS256", "sha256", { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }],
  ["PS384", "sha384", { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }],
  ["PS512", "sha512", { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 }],
];
const ALGORITHMS: readonly SignatureAlgorithm[] = [
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "Ed25519",
];

function spkiOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: "der", type: "spki" }));
}

test("an RSA signature verifies under its own algorithm and under no other", () => {
  for (const [made, hash, options] of PADDINGS) {
    const signature = sign(hash, message, { key: rsa.privateKey, ...options });
    for (const claimed of ALGORITHMS)
      assert.equal(
        crypto.verify(claimed, spkiOf(rsa.publicKey), message, signature),
        claimed === made,
        `${made} as ${claimed}`,
      );
  }
});

test("PS256 wants a salt as long as the hash (RFC 7518 §3.5)", () => {
  const options = { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 20 };
  assert.equal(crypto.verify("PS256", spkiOf(rsa.publicKey), message, sign("sha256", message, options)), false);
});

test("an RSA key below 2,048 bits verifies nothing", () => {
  const short = generateKeyPairSync("rsa", { modulusLength: 1_024 });
  const signature = sign("sha256", message, short.privateKey);
  assert.equal(crypto.verify("RS256", spkiOf(short.publicKey), message, signature), false);
});

test("a key on another curve is not taken for the algorithm's own", () => {
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const signature = sign("sha256", message, { key: p384.privateKey, dsaEncoding: "ieee-p1363" });
  assert.equal(crypto.verify("ES256", spkiOf(p384.publicKey), message, signature), false);
});

test("an ECDSA signature in DER is refused: raw form is the only one outside of certificates", () => {
  const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = spkiOf(p256.publicKey);
  const raw = { key: p256.privateKey, dsaEncoding: "ieee-p1363" as const };
  assert.equal(crypto.verify("ES256", spki, message, sign("sha256", message, raw)), true);
  assert.equal(crypto.verify("ES256", spki, message, sign("sha256", message, p256.privateKey)), false);
});

const p521 = generateKeyPairSync("ec", { namedCurve: "P-521" });
const PAIRS: readonly (readonly [KeyObject, KeyObject, readonly SignatureAlgorithm[]])[] = [
  [rsa.publicKey, rsa.privateKey, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]],
  ...(["P-256", "P-384", "P-521"] as const).map((namedCurve, i) => {
    const { publicKey, privateKey } = namedCurve === "P-521" ? p521 : generateKeyPairSync("ec", { namedCurve });
    return [publicKey, privateKey, ALGORITHMS.slice(i, i + 1)] as const;
  }),
  (({ publicKey, privateKey }) => [publicKey, privateKey, ["Ed25519"] as const] as const)(
    generateKeyPairSync("ed25519"),
  ),
];

function pkcs8Of(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: "der", type: "pkcs8" }));
}

test("what a private key signs verifies under its public key, and a key signs with the algorithms of its kind only", () => {
  for (const [publicKey, privateKey, own] of PAIRS)
    for (const algorithm of ALGORITHMS) {
      const signature = crypto.sign(algorithm, pkcs8Of(privateKey), message);
      assert.equal(signature !== undefined, own.includes(algorithm), algorithm);
      if (signature) assert.equal(crypto.verify(algorithm, spkiOf(publicKey), message, signature), true, algorithm);
    }
});

test("a private key has one public key, and hostile octets none", () => {
  for (const [publicKey, privateKey] of PAIRS)
    assert.deepEqual(crypto.publicKeyOf(pkcs8Of(privateKey)), spkiOf(publicKey));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      assert.equal(crypto.publicKeyOf(bytes), undefined);
      assert.equal(crypto.sign("ES256", bytes, message), undefined);
    }),
  );
});

test("in DER, an ECDSA signature goes with any hash, and only with a key on a curve", () => {
  const signature = sign("sha256", message, p521.privateKey);
  assert.equal(crypto.verifyEcdsaDer("sha256", spkiOf(p521.publicKey), message, signature), true);
  assert.equal(crypto.verifyEcdsaDer("sha384", spkiOf(p521.publicKey), message, signature), false);
  assert.equal(crypto.verifyEcdsaDer("sha256", spkiOf(p521.publicKey), message, utf8("no signature")), false);
  const byRsa = sign("sha256", message, rsa.privateKey);
  assert.equal(crypto.verifyEcdsaDer("sha256", spkiOf(rsa.publicKey), message, byRsa), false);
});

test("MD5 is that of RFC 1321, and HMAC-MD5 that of RFC 2202 §2", () => {
  assert.deepEqual(crypto.legacyHash("md5", utf8("abc")), bytesOf("900150983cd24fb0d6963f7d28e17f72"));
  assert.deepEqual(
    crypto.legacyHmac("md5", utf8("Jefe"), utf8("what do ya want for nothing?")),
    bytesOf("750c783e6ab0b503eaa86e310a5db738"),
  );
});

test("hostile keys and signatures are false, never an exception, also the second time", () => {
  const [, goodKey] = published["RFC 8032 §7.1 test 2 (Ed25519)"] ?? [];
  assert.ok(goodKey);
  const anyBytes = fc.uint8Array({ maxLength: 100 });
  fc.assert(
    fc.property(fc.constantFrom(...ALGORITHMS), anyBytes, anyBytes, (algorithm, key, signature) => {
      assert.equal(crypto.verify(algorithm, key, message, signature), false);
      assert.equal(crypto.verify(algorithm, key, message, signature), false);
      assert.equal(crypto.verify(algorithm, goodKey, message, signature), false);
    }),
  );
});

test("AES-256-GCM is test case 16 of its specification", () => {
  const key = bytesOf("feffe9928665731c6d6a8f9467308308".repeat(2));
  const nonce = bytesOf("cafebabefacedbaddecaf888");
  const associated = bytesOf("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const plaintext = bytesOf(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
  );
  const sealed = bytesOf(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
    "76fc6ece0f4e1768cddf8853bb2d551b",
  );
  assert.deepEqual(crypto.sealAead(key, nonce, plaintext, associated), sealed);
  assert.deepEqual(crypto.openAead(key, nonce, sealed, associated), plaintext);
});

test("sealed bytes open only whole, with their key, nonce and associated data", () => {
  const [key, nonce, associated] = [new Uint8Array(32).fill(1), new Uint8Array(12).fill(2), utf8("state/1")];
  const sealed = crypto.sealAead(key, nonce, message, associated);
  for (let length = 0; length < sealed.length; length++)
    assert.equal(crypto.openAead(key, nonce, sealed.subarray(0, length), associated), undefined);
  for (let at = 0; at < sealed.length; at++) {
    const altered = sealed.slice();
    altered[at] = (altered[at] ?? 0) ^ 1;
    assert.equal(crypto.openAead(key, nonce, altered, associated), undefined);
  }
  assert.equal(crypto.openAead(new Uint8Array(32), nonce, sealed, associated), undefined);
  assert.equal(crypto.openAead(key, new Uint8Array(12), sealed, associated), undefined);
  assert.equal(crypto.openAead(key, nonce, sealed, utf8("state/2")), undefined);
});

test("AES-CFB is that of NIST SP 800-38A §F.3.13", () => {
  const key = bytesOf("2b7e151628aed2a6abf7158809cf4f3c");
  const iv = bytesOf("000102030405060708090a0b0c0d0e0f");
  const plaintext = bytesOf("6bc1bee22e409f96e93d7e117393172a", "ae2d8a571e03ac9c9eb76fac45af8e51");
  const ciphertext = bytesOf("3b3fd92eb72dad20333449f8e83cfb4a", "c8a64537a0b3a93fcde3cdad9f1ce58b");
  assert.deepEqual(crypto.encryptAesCfb(key, iv, plaintext), ciphertext);
});

test("OAEP opens with the same hash and label, and only for an RSA key", () => {
  const label = utf8("IDENTITY\0");
  const sealed = crypto.encryptRsaOaep(spkiOf(rsa.publicKey), "sha256", label, message);
  assert.ok(sealed);
  const options = { key: rsa.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
  assert.deepEqual(new Uint8Array(privateDecrypt({ ...options, oaepLabel: label }, sealed)), message);
  assert.throws(() => privateDecrypt({ ...options, oaepLabel: utf8("OTHER\0") }, sealed));
  const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
  assert.equal(crypto.encryptRsaOaep(spkiOf(p256.publicKey), "sha256", label, message), undefined);
  assert.equal(crypto.encryptRsaOaep(utf8("no key"), "sha256", label, message), undefined);
});

test("equality is that of the contents, and of the length", () => {
  assert.equal(crypto.isEqual(utf8("same"), utf8("same")), true);
  assert.equal(crypto.isEqual(utf8("same"), utf8("sane")), false);
  assert.equal(crypto.isEqual(utf8("same"), utf8("same!")), false);
  assert.equal(crypto.isEqual(new Uint8Array(0), new Uint8Array(0)), true);
});
