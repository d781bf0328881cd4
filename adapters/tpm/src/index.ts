export * as tpmCommands from "./commands.ts";
export {
  type ManufacturedTpm,
  manufactureTpm,
  type RunningSwtpm,
  startSwtpm,
} from "./development-tpm.ts";
export { TpmError, type TpmErrorCode, type TpmErrorSubject } from "./errors.ts";
export type { AttestedBytes, LoadedObject, ObjectBlob } from "./objects.ts";
export { findSwtpm, type SwtpmTools } from "./swtpm-tools.ts";
export { openTpm, type Tpm, type TpmPublic, type TpmQuote } from "./tpm.ts";
