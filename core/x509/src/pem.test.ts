import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { codeOf, need, testCreateRoot } from "./authority-fixture.test.ts";
import { certificatesToPem, PEM_CERTIFICATES_MAX, parsePem } from "./pem.ts";

test("certificates go to PEM and come back in order", () => {
  const blocks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 5 });
  fc.assert(fc.property(blocks, (ders) => assert.deepEqual(need(parsePem(certificatesToPem(ders))), ders)));
});

test("OpenSSL reads our PEM, and we read OpenSSL's", () => {
  const { der } = testCreateRoot().certificate;
  const theirs = new X509Certificate(certificatesToPem([der]));
  assert.deepEqual(new Uint8Array(theirs.raw), der);
  assert.deepEqual(need(parsePem(theirs.toString())), [der]);
});

test("lines may end as on Windows, and blank lines may stand between blocks", () => {
  const pem = certificatesToPem([Uint8Array.of(1), Uint8Array.of(2)]).replaceAll("\n", "\r\n");
  assert.equal(need(parsePem(`\r\n${pem}\r\n`)).length, 2);
});

const block = certificatesToPem([Uint8Array.of(1, 2, 3)]);
const REFUSED: Readonly<Record<string, string>> = {
  "a private key": block.replaceAll("CERTIFICATE", "PRIVATE KEY"),
  "text before the block": `issued by somebody\n${block}`,
  "a block that does not end": block.slice(0, -30),
  "a block without contents": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
  "contents that are not base64": block.replace("AQID", "AQI!"),
  "one block inside another": block.replace("AQID", `AQID\n${block}`),
  "more certificates than anybody has": block.repeat(PEM_CERTIFICATES_MAX + 1),
};

for (const [name, pem] of Object.entries(REFUSED)) {
  test(`${name} is refused`, () => assert.equal(codeOf(parsePem(pem)), "PEM_MALFORMED"));
}

test("a text beyond the size limit is refused unread", () => {
  assert.equal(codeOf(parsePem("\n".repeat(1_048_577))), "PEM_TOO_LARGE");
});
