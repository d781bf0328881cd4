import { createPrivateKey } from "node:crypto";
import { AdapterError, Secret } from "@vedette/base";
import { readFileIfExists, writeFileDurably } from "./files.ts";
import { importKey, type SoftwareKey } from "./keys.ts";

const KEY_FILE_LENGTH_MAX = 4_096;

/** Writes the key as PKCS #8 PEM (RFC 7468 §10), readable by its owner alone. */
export function writeKeyFile(path: string, key: SoftwareKey): void {
  const lines =
    Buffer.from(key.exportPkcs8().reveal())
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  writeFileDurably(path, `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`);
}

/** Throws `AdapterError` KEY_MISSING when there is no such file and KEY_INVALID when it holds no key of a kind we use. */
export function readKeyFile(path: string): SoftwareKey {
  const bytes = readFileIfExists(path, KEY_FILE_LENGTH_MAX);
  if (!bytes) throw new AdapterError("KEY_MISSING", "key file does not exist", { path });
  try {
    const key = createPrivateKey({ key: Buffer.from(bytes), format: "pem" });
    return importKey(new Secret(new Uint8Array(key.export({ format: "der", type: "pkcs8" }))));
  } catch (cause) {
    throw new AdapterError("KEY_INVALID", "key file holds no P-256 or Ed25519 key in PKCS #8 PEM", { path }, cause);
  }
}
