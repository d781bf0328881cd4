import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "@vedette/base";
import { systemRandom } from "@vedette/runtime";
import fc from "fast-check";
import { codeOf, crypto, need } from "./fleet-fixture.test.ts";
import { openFile, sealFile } from "./index.ts";

const deps = { random: systemRandom, crypto };
const dataKey = new Secret(systemRandom.bytes(32));
const PLAINTEXT = Uint8Array.of(1, 2, 3, 4, 5);

test("a file is opened with the key and the purpose that sealed it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (plaintext, purpose) => {
      assert.deepEqual(
        need(openFile(purpose, sealFile(purpose, plaintext, dataKey, deps), dataKey, crypto)),
        plaintext,
      );
    }),
  );
});

test("another key or another purpose does not open it", () => {
  const sealed = sealFile("site-ca-key", PLAINTEXT, dataKey, deps);
  assert.equal(codeOf(openFile("journal-key", sealed, dataKey, crypto)), "SEAL_BROKEN");
  assert.equal(codeOf(openFile("site-ca-key", sealed, new Secret(systemRandom.bytes(32)), crypto)), "SEAL_BROKEN");
});

test("no octet of a sealed file can be changed, cut off or added", () => {
  const sealed = sealFile("site-ca-key", PLAINTEXT, dataKey, deps);
  const judge = (bytes: Uint8Array) => codeOf(openFile("site-ca-key", bytes, dataKey, crypto));
  for (let at = 0; at < sealed.length; at++) {
    const changed = new Uint8Array(sealed);
    changed[at]! ^= 0x40;
    assert.equal(judge(changed), "SEAL_BROKEN", `octet ${at}`);
    assert.equal(judge(sealed.subarray(0, at)), "SEAL_BROKEN", `length ${at}`);
  }
  assert.equal(judge(Uint8Array.of(...sealed, 0)), "SEAL_BROKEN");
});

test("the same file is never sealed to the same bytes", () => {
  const [one, two] = [sealFile("a", PLAINTEXT, dataKey, deps), sealFile("a", PLAINTEXT, dataKey, deps)];
  assert.notDeepEqual(one.subarray(1, 13), two.subarray(1, 13));
});

test("a data key of another length is a bug and not a refusal", () => {
  assert.throws(() => sealFile("a", PLAINTEXT, new Secret(new Uint8Array(16)), deps), /32 octets/);
});
