export { gunzip, gzip } from "./compression.ts";
export { createNodeCrypto } from "./crypto.ts";
export { makePrivateDirectory, readFileIfExists, writeFileDurably } from "./files.ts";
export { readKeyFile, writeKeyFile } from "./key-files.ts";
export { generateKey, importKey, type KeyAlgorithm, type SoftwareKey } from "./keys.ts";
export { createLog, type Log, type LogLevel } from "./log.ts";
export { returnMemory } from "./memory.ts";
export { rememberedPort, rememberPort } from "./ports-file.ts";
export { systemClock, systemRandom } from "./system.ts";
