// Single TPM commands, for `Tpm.transaction`: what tests need to show a verifier what it must refuse.
export { getRandom, readHandles } from "./capabilities.ts";
export { nvDefineSpace, nvIncrement, nvRead, nvReadPublic, nvUndefineSpace } from "./nv.ts";
export { certify, create, createPrimary, load, quote, readPublic, sign, unseal } from "./objects.ts";
export { extendPcr, readPcrs } from "./pcrs.ts";
export { policyGetDigest, policyPcr, policySecret, startPolicySession } from "./policy.ts";
export { AK_TEMPLATE, EK_TEMPLATE, SRK_TEMPLATE, UNRESTRICTED_KEY_TEMPLATE } from "./templates.ts";
export type { Transaction } from "./transaction.ts";
export { HANDLE } from "./wire.ts";
