export {
  createFakeTpm,
  FAKE_AK_ATTRIBUTES,
  type FakeQuote,
  type FakeTpm,
  type FakeTpmOptions,
  type QuoteLies,
} from "./fake-attester.ts";
export { createFakeTpmMaker, type EkCertificateChanges, type FakeTpmMaker } from "./fake-tpm-maker.ts";
export { findSwtpmForTest, type SwtpmFixture, type SwtpmIdentity, setupSwtpm } from "./swtpm.ts";
