import { type Crypto, err, ok, parseUtf8, type Result } from "@vedette/base";
import {
  formatNote,
  type NoteError,
  type NoteSignature,
  type NoteSigner,
  parseNote,
  type SignedNote,
  verifyNote,
} from "@vedette/envelope";
import type { Journal, StoredCheckpoint } from "@vedette/journal";
import type { Log } from "@vedette/runtime";
import {
  afterUpload,
  createTreeHasher,
  planUpload,
  startUpload,
  type TreeHasher,
  type UploadError,
  type UploadState,
} from "@vedette/tlog";
import type { EffectiveClock } from "./effective-clock.ts";
import type { FleetRequest } from "./fleet-request.ts";
import type { PolicyHost } from "./policy-host.ts";

export interface JournalUploadOptions {
  readonly journal: UploadedJournal;
  readonly journalSigner: NoteSigner;
  readonly host: Pick<PolicyHost, "trust">;
  readonly clock: Pick<EffectiveClock, "witnessCosignature">;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly ask: FleetRequest;
}

type UploadedJournal = Pick<
  Journal,
  | "origin"
  | "size"
  | "readEntries"
  | "readTile"
  | "head"
  | "checkpoint"
  | "checkpointAt"
  | "keepCosigned"
  | "cosignedCheckpoint"
>;

/** `refused`: the mirror's answers lead nowhere. `unanswered`: there was none, and the next try goes on where this one was. */
export type UploadOutcome = "mirrored" | "unanswered" | "refused";

type Step = UploadOutcome | "further";

/** Walk 4: what the mirror has not cosigned yet, in resumable pieces with proofs (C2SP tlog-mirror). */
export class JournalUpload {
  readonly #options: JournalUploadOptions;
  readonly #hasher: TreeHasher;
  // INVARIANT: `cosignedSize` is one whose cosignature was verified, whatever the mirror says meanwhile.
  #state: UploadState;
  #trouble: string | undefined;

  constructor(options: JournalUploadOptions) {
    this.#options = options;
    this.#hasher = createTreeHasher(options.crypto);
    const kept = options.journal.cosignedCheckpoint();
    this.#state = startUpload(kept && this.#isProven(kept) ? kept.size : 0);
  }

  /** Everything below is held by the mirror, by a signature that was verified. */
  get mirroredSize(): number {
    return this.#state.cosignedSize;
  }

  /** Throws `AdapterError` when the journal itself fails. */
  async uploadAll(signal: AbortSignal): Promise<UploadOutcome> {
    const { journal, journalSigner } = this.#options;
    if (journal.head().size <= this.mirroredSize) return "mirrored";
    const latest = await journal.checkpoint(journalSigner);
    while (!signal.aborted) {
      const step = await this.#step(latest);
      if (step !== "further") return step;
    }
    return "unanswered";
  }

  async #step(latest: StoredCheckpoint): Promise<Step> {
    const { journal, ask } = this.#options;
    const planned = planUpload(this.#state, latest, journal, this.#hasher);
    if (!planned.ok) return this.#giveUp(planned.error);
    const request = planned.value;
    if (!request) return "mirrored";
    const { contentType, body } = request;
    const answer = await ask("POST", `/v1/journal${request.path}`, { headers: { "content-type": contentType }, body });
    if (!answer) return "unanswered";
    const text = parseUtf8(answer.body);
    const progress = afterUpload(this.#state, request, { status: answer.status, body: text.ok ? text.value : "" });
    if (!progress.ok) return this.#giveUp(progress.error);
    const { state, cosigned } = progress.value;
    const kept = cosigned ? await this.#keep(cosigned.size, cosigned.signatures) : ok(undefined);
    if (!kept.ok) return this.#giveUp(kept.error);
    this.#state = state;
    return "further";
  }

  async #keep(size: number, signatures: readonly NoteSignature[]): Promise<Result<undefined, NoteError>> {
    const { journal, journalSigner, log } = this.#options;
    const own = parseNote(journal.checkpointAt(size, journalSigner).note);
    if (!own.ok) return own;
    const note = { ...own.value, signatures: [...own.value.signatures, ...signatures] };
    const verified = this.#verify(note);
    if (!verified.ok) return verified;
    await journal.keepCosigned({ size, note: formatNote(note) });
    log("info", "the journal is mirrored", { size });
    this.#trouble = undefined;
    return verified;
  }

  /** By a mirror of the trust document; its time is then one the node has witnessed (PROTOCOLS 3.1). */
  #verify(note: SignedNote): Result<undefined, NoteError> {
    const { host, crypto, clock } = this.#options;
    const keys = (host.trust?.mirrors ?? []).map(({ verifierKey }) => verifierKey);
    const verified = verifyNote(note, keys, crypto);
    if (!verified.ok) return err(verified.error);
    for (const { cosignedAt } of verified.value) if (cosignedAt !== undefined) clock.witnessCosignature(cosignedAt);
    return ok(undefined);
  }

  /** What was kept is believed only for this very tree; otherwise the mirror is asked again. */
  #isProven({ size, note }: StoredCheckpoint): boolean {
    const { journal, journalSigner } = this.#options;
    if (size > journal.head().size) return false;
    const kept = parseNote(note);
    const own = parseNote(journal.checkpointAt(size, journalSigner).note);
    return kept.ok && own.ok && kept.value.text === own.value.text && this.#verify(kept.value).ok;
  }

  /** Back to what is proven. Told once, not at every try. */
  #giveUp(error: UploadError | NoteError): "refused" {
    this.#state = startUpload(this.mirroredSize);
    if (error.code !== this.#trouble) {
      if (error.code === "MIRROR_AHEAD")
        this.#options.log("error", "the mirror holds more of this journal than the node; is this an older copy?", {
          ...error,
        });
      else this.#options.log("warn", "the mirror does not take the journal; it is offered again", { ...error });
    }
    this.#trouble = error.code;
    return "refused";
  }
}
