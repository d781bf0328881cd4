/**
 * The worker beside this module: `worker.ts` when run from source; when bundled, a second bundle of `src/worker.ts` named
 * `journal-worker` with the extension of the program, in the same folder.
 */
export const workerUrl: URL = new URL(workerName(import.meta.url), import.meta.url);

function workerName(url: string): string {
  const extension = url.slice(url.lastIndexOf("."));
  return extension === ".ts" ? "./worker.ts" : `./journal-worker${extension}`;
}
