import { base64, err, ok, type Result } from "@vedette/base";
import { contextTag, DerReader, TAG } from "@vedette/x509";
import { numberOfInteger } from "../values/big-number.ts";
import type { PlainObject, Value } from "../values/value.ts";
import { parsePublicKey, readWhole, signedInteger } from "./public-key.ts";
import { type Extension, readExtensionList, readSubjectAltNames, SUBJECT_ALT_NAME_OID } from "./x509-extensions.ts";
import { altNameFields, extensionToValue, listOrNull, publicKeyFields, signatureFields } from "./x509-json.ts";
import { nameToValue, readName, readText } from "./x509-name.ts";
import { oidToValue } from "./x509-oid.ts";
import { readSignatureAlgorithm } from "./x509-signature.ts";

const ATTRIBUTES_MAX = 256;
const EXTENSION_REQUEST_OID = "1.2.840.113549.1.9.14";

interface Attribute {
  readonly type: string;
  readonly values: Uint8Array;
}

/** A PKCS #10 certification request (RFC 2986 §4.1) as Go's `encoding/json` writes it. The signature is not checked. */
export function requestToValue(der: Uint8Array): Result<PlainObject, string> {
  const reader = new DerReader(der);
  const request = reader.within(TAG.sequence, (outer) => ({
    info: outer.peekWhole(TAG.sequence),
    fields: outer.within(TAG.sequence, readInfo),
    algorithm: outer.whole(TAG.sequence),
    signature: outer.octetsOfBitString(),
  }));
  reader.finish();
  if (reader.faultOffset !== undefined) return err("asn1: structure error: malformed certificate request");
  const { version, subject, subjectName, spki, attributes } = request.fields;
  const publicKey = parsePublicKey(spki);
  const extensions = requestedExtensions(attributes);
  const altName = extensions?.find(({ id }) => id === SUBJECT_ALT_NAME_OID);
  const names = altName ? readWhole(altName.value, readSubjectAltNames) : { names: [], uris: [] };
  if (publicKey === undefined) return err("x509: malformed public key");
  if (extensions === undefined || names === undefined) return err("x509: malformed extension request");
  return ok({
    Raw: base64(der),
    RawTBSCertificateRequest: base64(request.info),
    RawSubjectPublicKeyInfo: base64(spki),
    RawSubject: base64(subject),
    Version: numberOfInteger(version),
    ...signatureFields({
      signature: request.signature,
      signatureAlgorithm: readSignatureAlgorithm(request.algorithm),
    }),
    ...publicKeyFields(publicKey),
    Subject: nameToValue(subjectName),
    Attributes: listOrNull(attributes.flatMap(attributeToValue)),
    Extensions: listOrNull(extensions.map(extensionToValue)),
    ExtraExtensions: null,
    ...altNameFields(names),
  });
}

function readInfo(reader: DerReader): {
  readonly version: bigint;
  readonly subject: Uint8Array;
  readonly subjectName: ReturnType<typeof readName>;
  readonly spki: Uint8Array;
  readonly attributes: readonly Attribute[];
} {
  return {
    version: signedInteger(reader),
    subject: reader.peekWhole(TAG.sequence),
    subjectName: readName(reader),
    spki: reader.whole(TAG.sequence),
    attributes: reader.within(contextTag(0, "constructed"), (list) =>
      list.list(ATTRIBUTES_MAX, () =>
        list.within(TAG.sequence, (attribute) => ({ type: attribute.oid(), values: attribute.whole(TAG.set) })),
      ),
    ),
  };
}

/** Undefined when the request for extensions is malformed. */
function requestedExtensions(attributes: readonly Attribute[]): readonly Extension[] | undefined {
  const request = attributes.find(({ type }) => type === EXTENSION_REQUEST_OID);
  return request ? readWhole(request.values, (reader) => reader.within(TAG.set, readExtensionList)) : [];
}

/** Go shows only attributes whose values are lists of types and values, and of each the first value. */
function attributeToValue({ type, values }: Attribute): readonly Value[] {
  const lists = readWhole(values, (reader) =>
    reader.within(TAG.set, (set) =>
      set.list(ATTRIBUTES_MAX, () =>
        set.within(TAG.sequence, (list) =>
          list.list(ATTRIBUTES_MAX, () =>
            list.within(TAG.sequence, (pair) => {
              const value = { Type: oidToValue(pair.oid()), Value: readAny(pair) };
              while (pair.hasMore) pair.element();
              return value;
            }),
          ),
        ),
      ),
    ),
  );
  return lists === undefined ? [] : [{ Type: oidToValue(type), Value: lists }];
}

function readAny(reader: DerReader): Value {
  if (reader.isNext(TAG.integer)) return numberOfInteger(signedInteger(reader));
  const element = reader.element();
  switch (element.tag) {
    case TAG.boolean:
      return element.contents[0] === 0xff;
    case TAG.octetString:
      return base64(element.contents);
    default:
      return readText(element) ?? null;
  }
}
