import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** A maker of TPMs: an EK root and what it signs. Its DER is written by hand, so that it agrees with our parser only if both are right. */
export interface FakeTpmMaker {
  /** DER. */
  readonly anchor: Uint8Array;
  /** An EK certificate (TCG EK Credential Profile §3) for an SPKI, as a maker would issue it or with what `changes` says. */
  issue(spki: Uint8Array, changes?: EkCertificateChanges): Uint8Array;
}

export interface EkCertificateChanges {
  readonly notAfter?: Date;
  /** Of RFC 5280 §4.2.1.3; "none" leaves the extension out. */
  readonly keyUsage?: "keyEncipherment" | "digitalSignature" | "none";
  /** OID, hexadecimal without tag; "none" leaves the extension out. */
  readonly extendedKeyUsage?: string;
  readonly isCa?: boolean;
  readonly signer?: KeyObject;
}

export function createFakeTpmMaker(name: string): FakeTpmMaker {
  const root = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = distinguishedName(name);
  const anchorSpki = root.publicKey.export({ format: "der", type: "spki" });
  const anchor = certificate(issuer, issuer, anchorSpki, YEAR_2100, root.privateKey, [
    extension(BASIC_CONSTRAINTS, true, sequence(der(0x01, Buffer.of(0xff)))),
    extension(KEY_USAGE, true, der(0x03, Buffer.of(2, 0x04))), // keyCertSign
  ]);
  return {
    anchor,
    issue(spki, changes = {}) {
      const { keyUsage = "keyEncipherment", extendedKeyUsage = EK_PURPOSE, isCa = false, signer } = changes;
      const extensions = [
        // Critical, because the subject is empty: a directory name with the TPM's maker, model and version.
        extension(SUBJECT_ALT_NAME, true, sequence(der(0xa4, distinguishedName("id:FA4E0001")))),
        extension(BASIC_CONSTRAINTS, true, isCa ? sequence(der(0x01, Buffer.of(0xff))) : sequence()),
      ];
      if (keyUsage !== "none") extensions.push(extension(KEY_USAGE, true, der(0x03, KEY_USAGE_BITS[keyUsage])));
      if (extendedKeyUsage !== "none")
        extensions.push(extension(EXTENDED_KEY_USAGE, false, sequence(oid(extendedKeyUsage))));
      const until = changes.notAfter ?? YEAR_2100;
      return certificate(issuer, sequence(), spki, until, signer ?? root.privateKey, extensions);
    },
  };
}

const YEAR_2100 = new Date("2100-01-01T00:00:00Z");
const YEAR_2020 = new Date("2020-01-01T00:00:00Z");
const ECDSA_WITH_SHA256 = "2a8648ce3d040302";
const COMMON_NAME = "550403";
const KEY_USAGE = "551d0f";
const SUBJECT_ALT_NAME = "551d11";
const BASIC_CONSTRAINTS = "551d13";
const EXTENDED_KEY_USAGE = "551d25";
const EK_PURPOSE = "6781050801"; // 2.23.133.8.1
const KEY_USAGE_BITS = { keyEncipherment: Buffer.of(5, 0x20), digitalSignature: Buffer.of(7, 0x80) } as const;

function certificate(
  issuer: Buffer,
  subject: Buffer,
  spki: Uint8Array,
  notAfter: Date,
  signer: KeyObject,
  extensions: readonly Buffer[],
): Uint8Array {
  const algorithm = sequence(oid(ECDSA_WITH_SHA256));
  const tbs = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(0x40), randomBytes(8)])),
    algorithm,
    issuer,
    sequence(time(YEAR_2020), time(notAfter)),
    subject,
    Buffer.from(spki),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", tbs, signer);
  return new Uint8Array(sequence(tbs, algorithm, der(0x03, Buffer.concat([Buffer.of(0), signature]))));
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  const critical = isCritical ? der(0x01, Buffer.of(0xff)) : Buffer.alloc(0);
  return sequence(oid(id), critical, der(0x04, value));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0c, Buffer.from(commonName)))));
}

function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, "");
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits));
}

function oid(contents: string): Buffer {
  return der(0x06, Buffer.from(contents, "hex"));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function der(tag: number, contents: Buffer): Buffer {
  const { length } = contents;
  const header = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  // 128 to 255 octets need the one-octet long form: DER takes the shortest.
  if (length >= 0x80 && length < 0x100) header.splice(1, 3, 0x81, length);
  return Buffer.concat([Buffer.from(header), contents]);
}
