export { QUEUE_BYTES_MAX, QUEUE_ENTRIES_MAX } from "./commit-queue.ts";
export { exportLog } from "./export.ts";
export { type Journal, type JournalOptions, NUMBERS_LEASED, openJournal } from "./journal.ts";
export type { NumberGap, TreeHead } from "./messages.ts";
export { type Mirror, type MirroredCopy, type MirrorOptions, openMirror } from "./mirror.ts";
export { openStoredLog, type StoredLog } from "./stored-log.ts";
export type { StoredCheckpoint } from "./tree-store.ts";
