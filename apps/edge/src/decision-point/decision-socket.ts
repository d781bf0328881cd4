import type { Socket } from "node:net";
import { isJsonObject, type Json, type JsonObject, parseUtf8, utf8 } from "@vedette/base";
import {
  type DecisionFrame,
  encodeFrame,
  FRAMES_IN_FLIGHT_MAX,
  FrameReader,
  fitsFrame,
  QUESTIONS_MAX,
} from "@vedette/protocol";
import { isPlainObject, parseJson, type QueryFailure, type Value, valueToJson } from "@vedette/rego";
import { answerText } from "./access-answer.ts";
import type { AccessDesk } from "./access-desk.ts";
import type { QueryAnswer } from "./answers.ts";
import type { DocumentDesk } from "./document-desk.ts";
import { parseRequestJson } from "./json-body.ts";
import type { Pep } from "./pep.ts";
import { inSlices } from "./time-slice.ts";

export interface DecisionSocketOptions {
  readonly access: AccessDesk;
  readonly documents: DocumentDesk;
  /** A connection ended for what it sent, or for what it did not take; for counters. */
  onProblem(code: string): void;
  onBug(error: unknown): void;
  readonly limits?: Partial<DecisionSocketLimits>;
}

interface DecisionSocketLimits {
  /** A frame that has begun is whole by then. */
  readonly frameMs: number;
  /** Answers that nobody takes end the connection after this. */
  readonly stallMs: number;
}

const DECISION_SOCKET_LIMITS: DecisionSocketLimits = {
  // A megabyte through a local socket takes milliseconds.
  frameMs: 5_000,
  stallMs: 30_000,
};

/** Serves frames (docs/reference/decision-socket.md) on a connection of this PEP, until it ends. */
export function serveDecisionSocket(socket: Socket, pep: Pep, options: DecisionSocketOptions): void {
  new Conversation(socket, pep, options).begin();
}

class Conversation {
  readonly #socket: Socket;
  readonly #pep: Pep;
  readonly #options: DecisionSocketOptions;
  readonly #limits: DecisionSocketLimits;
  readonly #reader = new FrameReader();
  #inFlight = 0;
  #hasEnded = false;
  #frameTimer: NodeJS.Timeout | undefined;
  #stallTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, pep: Pep, options: DecisionSocketOptions) {
    this.#socket = socket;
    this.#pep = pep;
    this.#options = options;
    this.#limits = { ...DECISION_SOCKET_LIMITS, ...options.limits };
  }

  begin(): void {
    this.#socket
      .on("data", (chunk: Uint8Array) => this.#onData(chunk))
      .on("drain", () => this.#onDrain())
      .on("end", () => this.#onEnd())
      // A broken connection is told by "close" too; without a listener it would end the process.
      .on("error", () => {})
      .on("close", () => {
        clearTimeout(this.#frameTimer);
        clearTimeout(this.#stallTimer);
      });
  }

  #onData(chunk: Uint8Array): void {
    if (this.#hasEnded) return;
    const frames = this.#reader.push(chunk);
    if (!frames.ok) {
      this.#refuseConnection(frames.error.code);
      return;
    }
    for (const frame of frames.value) this.#take(frame);
    this.#watchFrame();
    this.#mindPressure();
  }

  #take(frame: DecisionFrame): void {
    if (frame.kind !== "ask") this.#refuseConnection("FRAME_KIND_UNEXPECTED");
    if (this.#hasEnded) return;
    this.#inFlight++;
    void this.#answer(frame);
  }

  async #answer({ id, payload }: DecisionFrame): Promise<void> {
    try {
      this.#send(await this.#reply(id, payload));
    } catch (error) {
      this.#options.onBug(error);
      this.#send(refusal(id, "INTERNAL", "the questions could not be answered"));
    }
    this.#inFlight--;
    this.#mindPressure();
    if (this.#hasEnded && this.#inFlight === 0) this.#socket.end();
  }

  /** What the frame says, and nothing of its text or questions outlives this call. */
  #reply(id: number, payload: Uint8Array): DecisionFrame | Promise<DecisionFrame> {
    const text = parseUtf8(payload);
    if (!text.ok) return refusal(id, "PAYLOAD_INVALID", "the payload is not UTF-8");
    const questions = parseRequestJson(text.value);
    if (!questions.ok) return refusal(id, "PAYLOAD_INVALID", questions.error.message);
    if (!isJsonArray(questions.value)) return refusal(id, "PAYLOAD_INVALID", "expected a list of questions");
    if (questions.value.length > QUESTIONS_MAX)
      return refusal(id, "TOO_MANY_QUESTIONS", `at most ${QUESTIONS_MAX} questions in one frame`);
    return this.#answersTo(questions.value, text.value).then((answers) => answerFrame(id, answers));
  }

  /** JSON texts. */
  #answersTo(questions: readonly Json[], text: string): Promise<readonly string[]> {
    const { access, documents } = this.#options;
    if (!questions.some(isDocumentQuestion)) return access.decideAll(this.#pep, questions, answerText);
    // Inputs of documents are exact: they are read once more, by a reader that keeps every digit.
    const exact = parseJson(text);
    const exactItems = exact.ok && Array.isArray(exact.value) ? exact.value : [];
    return inSlices(questions, async (question, at) => {
      if (!isDocumentQuestion(question)) return answerText(await access.decide(this.#pep, question));
      const { path, input } = readDocumentQuestion(exactItems[at]);
      if (path === undefined) return PATH_INVALID;
      return documentAnswer(await documents.document(this.#pep, path, input));
    });
  }

  #send(frame: DecisionFrame): void {
    if (this.#socket.destroyed || this.#socket.write(encodeFrame(frame))) return;
    this.#stallTimer ??= setTimeout(() => this.#drop("SOCKET_STALLED"), this.#limits.stallMs);
  }

  #onDrain(): void {
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#mindPressure();
  }

  /** Nothing more is read while too much is unanswered, or while answers are not taken. */
  #mindPressure(): void {
    const mustWait = this.#inFlight >= FRAMES_IN_FLIGHT_MAX || this.#socket.writableNeedDrain;
    if (mustWait === this.#socket.isPaused() || this.#hasEnded) return;
    if (mustWait) this.#socket.pause();
    else this.#socket.resume();
  }

  /** From the first byte of a frame to its last: more bytes, however many, do not buy more time. */
  #watchFrame(): void {
    if (this.#reader.isBetweenFrames) {
      clearTimeout(this.#frameTimer);
      this.#frameTimer = undefined;
    } else this.#frameTimer ??= setTimeout(() => this.#refuseConnection("FRAME_TIMEOUT"), this.#limits.frameMs);
  }

  /** The other side has said all it will: what it asked is answered, then this side ends too. */
  #onEnd(): void {
    if (!this.#reader.isBetweenFrames) this.#options.onProblem("FRAME_CUT_OFF");
    this.#hasEnded = true;
    if (this.#inFlight === 0) this.#socket.end();
  }

  /** Nobody knows where the next frame begins: says why, under the id 0, and ends. */
  #refuseConnection(code: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#options.onProblem(code);
    clearTimeout(this.#frameTimer);
    this.#socket.pause();
    this.#socket.end(encodeFrame(refusal(0, code, "the connection ends: no frame can be read from it")), () =>
      this.#socket.destroy(),
    );
  }

  #drop(code: string): void {
    this.#options.onProblem(code);
    this.#socket.destroy();
  }
}

function answerFrame(id: number, answers: readonly string[]): DecisionFrame {
  const payload = utf8(`[${answers.join(",")}]`);
  return fitsFrame(payload.length)
    ? { kind: "answer", id, payload }
    : refusal(id, "ANSWER_TOO_LARGE", "the answers do not fit into one frame");
}

function refusal(id: number, code: string, message: string): DecisionFrame {
  return { kind: "refusal", id, payload: utf8(JSON.stringify({ code, message })) };
}

/** An access request has no member `path`; what has one asks for a document. */
function isDocumentQuestion(question: Json): question is JsonObject {
  return isJsonObject(question) && Object.hasOwn(question, "path");
}

/** `{"path": "app/allow", "input": …}`; the empty path is all of `data`. */
function readDocumentQuestion(question: Value | undefined): {
  readonly path: readonly string[] | undefined;
  readonly input: Value | undefined;
} {
  const { path, input } = question !== undefined && isPlainObject(question) ? question : {};
  if (typeof path !== "string") return { path: undefined, input };
  return { path: path === "" ? [] : path.split("/"), input };
}

const PATH_INVALID = JSON.stringify({ error: { code: "REQUEST_INVALID", message: "path: expected a text" } });

function documentAnswer(answer: QueryAnswer<Value | undefined>): string {
  switch (answer.type) {
    case "answered":
      return valueToJson({
        decision_id: String(answer.number),
        ...(answer.value !== undefined && { result: answer.value }),
      });
    case "failed":
      return JSON.stringify({ decision_id: String(answer.number), error: failureJson(answer.failure) });
    default:
      return JSON.stringify({ error: { code: answer.code, message: answer.message } });
  }
}

function failureJson({ code, message }: QueryFailure): JsonObject {
  return { code, message };
}

function isJsonArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
