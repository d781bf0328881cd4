import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { AdapterError, assert, unreachable } from "@vedette/base";
import { JournalFile } from "./journal-file.ts";
import type { FromWorker, ToWorker, WorkerError, WorkerSetup } from "./messages.ts";

// The entry point of the journal's thread: see worker-url.ts for how it is found when bundled.
assert(parentPort !== null, "the journal's worker runs as a worker");
serve(parentPort, workerData as WorkerSetup);

function serve(port: MessagePort, setup: WorkerSetup): void {
  const file = attempt(port, () => new JournalFile(setup));
  if (!file) return;
  port.on("message", (message: ToWorker) => attempt(port, () => handle(file, message, port)));
  answer(port, file.opened);
}

function handle(file: JournalFile, message: ToWorker, port: MessagePort): void {
  switch (message.kind) {
    case "commit":
      answer(port, { kind: "committed", head: file.commit(message) });
      file.tidy();
      break;
    case "limit":
      file.limit(message.sizeMax);
      break;
    case "close":
      file.close();
      answer(port, { kind: "closed" });
      port.close();
      break;
    default:
      unreachable(message);
  }
}

/** STORE_FULL is refused and survived; anything else ends the thread, so that nothing goes on over an unknown state. */
function attempt<T>(port: MessagePort, work: () => T): T | undefined {
  try {
    return work();
  } catch (cause) {
    const error = workerErrorOf(cause);
    if (error.code === "STORE_FULL") answer(port, { kind: "refused", error });
    else {
      answer(port, { kind: "failed", error });
      port.close();
    }
    return undefined;
  }
}

function answer(port: MessagePort, message: FromWorker): void {
  port.postMessage(message);
}

function workerErrorOf(cause: unknown): WorkerError {
  if (cause instanceof AdapterError) return { code: cause.code, message: cause.message, facts: cause.facts };
  return { code: "JOURNAL_FAILED", message: "journal worker failed", facts: { cause: String(cause) } };
}
