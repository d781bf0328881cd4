/** Between `openJournal` and its worker; one commit is under way at a time. */
export interface WorkerSetup {
  readonly path: string;
  readonly origin: string;
  readonly sizeMax: number | undefined;
}

export type ToWorker =
  | CommitMessage
  | { readonly kind: "limit"; readonly sizeMax: number }
  | { readonly kind: "close" };

export interface CommitMessage {
  readonly kind: "commit";
  /** In tlog-tiles' bundle form. */
  readonly bundle: Uint8Array;
  readonly count: number;
  /** Decision numbers that the entries account for. */
  readonly numbers: number;
  readonly notes: readonly { readonly kind: "signed" | "cosigned"; readonly size: number; readonly note: string }[];
  readonly numbering: NumberingChange | undefined;
}

export type NumberingChange =
  | { readonly kind: "start"; readonly from: number; readonly leasedTo: number }
  | { readonly kind: "lease"; readonly leasedTo: number }
  | { readonly kind: "stop"; readonly at: number };

/** How large a tree is on disk, and its root. */
export interface TreeHead {
  readonly size: number;
  readonly root: Uint8Array;
}

export type FromWorker =
  | OpenedMessage
  | { readonly kind: "committed"; readonly head: TreeHead }
  | { readonly kind: "refused"; readonly error: WorkerError }
  | { readonly kind: "failed"; readonly error: WorkerError }
  | { readonly kind: "closed" };

export interface OpenedMessage {
  readonly kind: "opened";
  readonly head: TreeHead;
  /** The first decision number that was never leased. */
  readonly nextNumber: number;
  /** After an unclean stop: of these numbers at most so many are unaccounted for. */
  readonly gap: NumberGap | undefined;
}

/** Of the decision numbers `from` to `to`, at most `atMost` have no leaf and no summary. */
export interface NumberGap {
  readonly from: number;
  readonly to: number;
  readonly atMost: number;
}

/** An `AdapterError` in pieces: classes do not survive the way between threads. */
export interface WorkerError {
  readonly code: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}
