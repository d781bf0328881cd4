import { gunzipSync, gzipSync } from "node:zlib";
import { base64url, type Crypto, concatBytes, hex, utf8 } from "@vedette/base";
import { createNodeCrypto, generateKey, type SoftwareKey } from "@vedette/runtime";
import type { OpenOpaBundle } from "./opa-bundle.ts";
import { opaJson } from "./opa-json.ts";
import { type OpaVerification, parseOpaKey } from "./opa-signature.ts";
import type { Gzip } from "./policy-bundle.ts";
import { CHECKSUM, checksumText, LINK_NAME, MAGIC, NAME, octal, SIZE, TYPE, USTAR, writeField } from "./tar-header.ts";

// What the tests of stock bundles share: a builder that writes whatever it is told. It holds no tests.

export const crypto: Crypto = createNodeCrypto();
export const signer: SoftwareKey = generateKey("ES256");

export const zlib: Gzip = {
  gzip: (bytes) => new Uint8Array(gzipSync(bytes)),
  gunzip: (bytes, maxOutputLength) => {
    try {
      return new Uint8Array(gunzipSync(bytes, { maxOutputLength }));
    } catch {
      return undefined;
    }
  },
};

export interface TarEntry {
  readonly name: string;
  readonly contents?: string | Uint8Array;
  readonly type?: string;
  readonly linkName?: string;
  readonly magic?: string;
}

/** An archive of exactly these entries, in this order. */
export function testTar(entries: readonly TarEntry[]): Uint8Array {
  const parts = entries.flatMap(({ name, contents = "", type = "0", linkName = "", magic = USTAR }) => {
    const bytes = typeof contents === "string" ? utf8(contents) : contents;
    const header = new Uint8Array(512);
    writeField(header, NAME, name);
    writeField(header, SIZE, `${octal(bytes.length, 11)}\0`);
    writeField(header, TYPE, type);
    writeField(header, LINK_NAME, linkName);
    writeField(header, MAGIC, magic);
    writeField(header, CHECKSUM, checksumText(header));
    return [header, bytes, new Uint8Array((512 - (bytes.length % 512)) % 512)];
  });
  return concatBytes(...parts, new Uint8Array(1_024));
}

export function testBundle(files: Readonly<Record<string, string>>): Uint8Array {
  return zlib.gzip(testTar(Object.entries(files).map(([name, contents]) => ({ name: `/${name}`, contents }))));
}

export interface TokenChanges {
  readonly header?: object;
  readonly claims?: object;
  readonly key?: SoftwareKey;
}

/** As `opa build --signing-key` does it. */
export function testSigned(
  files: Readonly<Record<string, string>>,
  { header = {}, claims = {}, key = signer }: TokenChanges = {},
): Uint8Array {
  const listed = Object.entries(files).map(([name, contents]) => {
    const isStructured = /(?:^|\/)(?:data\.json|\.manifest)$/.test(name);
    const hashed = isStructured ? opaJson(contents) : contents;
    return { name, hash: hex(crypto.hash("sha256", utf8(hashed))), algorithm: "SHA-256" };
  });
  const part = (value: object) => base64url(utf8(JSON.stringify(value)));
  const algorithm = key.algorithm === "ES256" ? "ES256" : "EdDSA";
  const input = `${part({ alg: algorithm, typ: "JWT", kid: "default", ...header })}.${part({ files: listed, ...claims })}`;
  const token = `${input}.${base64url(key.sign(utf8(input)))}`;
  return testBundle({ ...files, ".signatures.json": JSON.stringify({ signatures: [token], plugin: "_default" }) });
}

export function testVerification(changes: Partial<OpaVerification> = {}, scope?: string): OpaVerification {
  const pem = `-----BEGIN PUBLIC KEY-----\n${Buffer.from(signer.spki).toString("base64")}\n-----END PUBLIC KEY-----`;
  const key = parseOpaKey({ keyId: "default", algorithm: "ES256", key: pem, scope });
  if (!key.ok) throw new Error(key.error.code);
  return { keys: [key.value], ...changes };
}

export const unsigned: OpenOpaBundle = { verification: undefined, lengthMax: 1_048_576, crypto, gzip: zlib };

export function opening(verification: OpaVerification = testVerification()): OpenOpaBundle {
  return { ...unsigned, verification };
}
