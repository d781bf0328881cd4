export * as tpmCommands from "./commands.ts";
export {
  type ManufacturedTpm,
  manufactureTpm,
  type RunningSwtpm,
  startSwtpm,
} from "./development-tpm.ts";
export { TpmError, type TpmErrorCode, type TpmErrorSubject } from "./errors.ts";
export type { AttestedBytes, LoadedObject, ObjectBlob } from "./objects.ts";
export {
  findPrivateSwtpm,
  findSwtpm,
  PRIVATE_SWTPM_FILE,
  type PrivateSwtpm,
  privateSwtpmDirectory,
  SWTPM_PROGRAMS,
  type SwtpmTools,
} from "./swtpm-tools.ts";
export { type AkPublic, openTpm, type SignedQuote, type Tpm } from "./tpm.ts";
