/**
 * The worker beside this module: `policy-worker.ts` when run from source; when bundled, a second bundle of it named
 * `policy-worker` with the extension of the program, in the same folder.
 */
export const policyWorkerUrl: URL = new URL(workerName(import.meta.url), import.meta.url);

function workerName(url: string): string {
  return `./policy-worker${url.slice(url.lastIndexOf("."))}`;
}
