export { type SwtpmFixture, type SwtpmIdentity, setupSwtpm } from "./swtpm.ts";
