import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeResponseCode, TpmError } from "./errors.ts";

test("a format-one code names the session, handle or parameter that it blames", () => {
  assert.deepEqual(decodeResponseCode(0x99d), { code: "TPM_RC_POLICY_FAIL", subject: { kind: "session", number: 1 } });
  assert.deepEqual(decodeResponseCode(0x18b), { code: "TPM_RC_HANDLE", subject: { kind: "handle", number: 1 } });
  assert.deepEqual(decodeResponseCode(0x3d5), { code: "TPM_RC_SIZE", subject: { kind: "parameter", number: 3 } });
  assert.deepEqual(decodeResponseCode(0xfdf), { code: "TPM_RC_INTEGRITY", subject: { kind: "parameter", number: 15 } });
});

test("a format-zero code and a warning blame the command", () => {
  const subject = { kind: "command", number: 0 };
  assert.deepEqual(decodeResponseCode(0x14c), { code: "TPM_RC_NV_DEFINED", subject });
  assert.deepEqual(decodeResponseCode(0x902), { code: "TPM_RC_OBJECT_MEMORY", subject });
});

test("a code that no table knows is unknown, and keeps its number", () => {
  const error = new TpmError("Unseal", 0xb_0902);
  assert.equal(error.code, "TPM_RC_UNKNOWN");
  assert.equal(error.responseCode, 0xb_0902);
});

test("whatever number a TPM returns, it has a name", () => {
  const anyCode = fc.integer({ min: 1, max: 0xffff_ffff });
  fc.assert(fc.property(anyCode, (responseCode) => decodeResponseCode(responseCode).code.startsWith("TPM_RC_")));
});
