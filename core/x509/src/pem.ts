import { base64, err, ok, parseBase64, type Result } from "@vedette/base";
import type { PemError } from "./errors.ts";

/** A trust file holds a handful of anchors, a chain three certificates. */
export const PEM_CERTIFICATES_MAX = 64;
const PEM_LENGTH_MAX = 1_048_576;
const LINE_LENGTH = 64;
const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";

/** RFC 7468 §5.1, one block after another. */
export function certificatesToPem(certificates: readonly Uint8Array[]): string {
  return certificates.map((certificate) => `${BEGIN}\n${wrap(base64(certificate))}\n${END}\n`).join("");
}

/**
 * The DER of each certificate in the text; at most `PEM_CERTIFICATES_MAX`. Only blank lines may stand between blocks: a
 * private key or a half block is a refusal, not something to be skipped.
 */
export function parsePem(text: string): Result<readonly Uint8Array[], PemError> {
  if (text.length > PEM_LENGTH_MAX)
    return err({ code: "PEM_TOO_LARGE", length: text.length, lengthMax: PEM_LENGTH_MAX });
  const certificates: Uint8Array[] = [];
  let block: string[] | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (block === undefined && line === "") continue;
    if (block === undefined && line !== BEGIN) return err({ code: "PEM_MALFORMED" });
    if (block === undefined) block = [];
    else if (line !== END) block.push(line);
    else {
      const certificate = parseBase64(block.join(""));
      if (!certificate.ok || certificate.value.length === 0 || certificates.length === PEM_CERTIFICATES_MAX)
        return err({ code: "PEM_MALFORMED" });
      certificates.push(certificate.value);
      block = undefined;
    }
  }
  return block === undefined ? ok(certificates) : err({ code: "PEM_MALFORMED" });
}

function wrap(text: string): string {
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += LINE_LENGTH) lines.push(text.slice(at, at + LINE_LENGTH));
  return lines.join("\n");
}
