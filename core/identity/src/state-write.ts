import { assert } from "@vedette/base";

/**
 * The write protocol of PROTOCOLS 4.2 as data: write epoch N+1, fsync, increment the counter, and only then the effect.
 * `settled` is the only phase in which the effects that the record allows may happen.
 */
export type StateWrite =
  | { readonly phase: "settled"; readonly epoch: bigint }
  /** The record of `epoch` is on its way to the disk; the counter is at `epoch - 1`. */
  | { readonly phase: "writing"; readonly epoch: bigint }
  /** The record of `epoch` is durable; the counter is still at `epoch - 1`. */
  | { readonly phase: "incrementing"; readonly epoch: bigint };

export type StateWriteEvent = "change" | "written" | "incremented";

/** What the application has to do now, and to answer with the next event. */
export type StateWriteEffect =
  | { readonly kind: "write-record"; readonly epoch: bigint }
  | { readonly kind: "increment-counter" }
  | { readonly kind: "release-effects" };

export interface StateWriteStep {
  readonly write: StateWrite;
  readonly effect: StateWriteEffect;
}

/** Where the protocol goes on after a start, from what `openStateRecord` said. */
export function resumeStateWrite(epoch: bigint, mustIncrement: boolean): StateWrite {
  return { phase: mustIncrement ? "incrementing" : "settled", epoch };
}

/** One step. A change while a write is under way waits for `settled`: two records of one epoch would be two truths. */
export function stepStateWrite(write: StateWrite, event: StateWriteEvent): StateWriteStep {
  const { phase, epoch } = write;
  switch (event) {
    case "change":
      assert(phase === "settled", "a state write starts when the one before has settled");
      return { write: { phase: "writing", epoch: epoch + 1n }, effect: { kind: "write-record", epoch: epoch + 1n } };
    case "written":
      assert(phase === "writing", "only a record being written becomes durable");
      return { write: { phase: "incrementing", epoch }, effect: { kind: "increment-counter" } };
    case "incremented":
      assert(phase === "incrementing", "the counter follows a durable record");
      return { write: { phase: "settled", epoch }, effect: { kind: "release-effects" } };
  }
}

/** May a record of this epoch be believed while the TPM's counter stands there? */
export function judgeEpoch(epoch: bigint, counter: bigint): "current" | "must-increment" | "rollback" {
  if (epoch === counter) return "current";
  return epoch === counter + 1n ? "must-increment" : "rollback";
}
