export { createNodeCrypto } from "./crypto.ts";
export { makePrivateDirectory, readFileIfExists, writeFileDurably } from "./files.ts";
export { generateKey, importKey, type KeyAlgorithm, type SoftwareKey } from "./keys.ts";
export { systemClock, systemRandom } from "./system.ts";
