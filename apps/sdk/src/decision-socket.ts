import {
  err,
  isJsonObject,
  type Json,
  type JsonObject,
  ok,
  parseUtf8,
  type Result,
  readJson,
  utf8,
} from "@vedette/base";
import type { AccessRequest } from "@vedette/policy";
import { encodeFrame, FRAMES_IN_FLIGHT_MAX, FrameReader, fitsFrame, QUESTIONS_MAX } from "@vedette/protocol";
import { type AccessDecision, type Decider, DecisionUnavailable } from "./access-decision.ts";

/** A stream of bytes in both directions; `net.connect({ path })` of Node is one. */
export interface SocketPort {
  write(bytes: Uint8Array): boolean;
  destroy(): void;
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(event: "close", listener: () => void): unknown;
  on(event: "error", listener: (cause: Error) => void): unknown;
}

export interface DecisionSocketOptions {
  /** Opens a connection to this PEP's socket on a node: `() => connect({ path })`. Called again after one has ended. */
  readonly connect: () => SocketPort;
  /** No answer by then is no answer. */
  readonly timeoutMs?: number;
  /** Questions that may wait for a place on the wire. */
  readonly waitingMax?: number;
}

/** Asks a node over its decision socket. What is asked within one turn travels in one frame. */
export interface DecisionSocket extends Decider, Disposable {
  /** Rejects with `DecisionUnavailable`. */
  decideAccess(request: AccessRequest): Promise<AccessDecision>;
  /** Answers in the same order; they travel together as far as they fit. */
  decideAll(requests: readonly AccessRequest[]): Promise<readonly AccessDecision[]>;
  /** The document at a path such as `app/allow`; undefined is an answer. */
  document(path: string, input?: Json): Promise<Result<Json | undefined, DocumentError>>;
  /** Ends the connection; what still waits is rejected. */
  close(): void;
}

/** The node understood the question and did not answer it. */
export interface DocumentError {
  readonly code: string;
  readonly message: string;
}

/** Longer than any decision, shorter than a person's patience. */
const TIMEOUT_MS = 2_000;
const WAITING_MAX = 16_384;

export function openDecisionSocket(options: DecisionSocketOptions): DecisionSocket {
  return new Client(options);
}

interface Question {
  /** JSON. */
  readonly text: string;
  readonly resolve: (answer: JsonObject) => void;
  readonly reject: (error: DecisionUnavailable) => void;
  readonly deadline: number;
}

class Client implements DecisionSocket {
  readonly #options: DecisionSocketOptions;
  readonly #timeoutMs: number;
  #socket: SocketPort | undefined;
  #reader = new FrameReader();
  #waiting: Question[] = [];
  readonly #inFlight = new Map<number, readonly Question[]>();
  #nextId = 1;
  #isScheduled = false;
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: DecisionSocketOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  async decideAccess(request: AccessRequest): Promise<AccessDecision> {
    return toDecision(await this.#ask(JSON.stringify(request)));
  }

  decideAll(requests: readonly AccessRequest[]): Promise<readonly AccessDecision[]> {
    return Promise.all(requests.map((request) => this.decideAccess(request)));
  }

  async document(path: string, input?: Json): Promise<Result<Json | undefined, DocumentError>> {
    const { error, result } = await this.#ask(JSON.stringify({ path, input }));
    if (error === undefined) return ok(result);
    const { code, message } = isJsonObject(error) ? error : {};
    return err({ code: textOf(code), message: textOf(message) });
  }

  close(): void {
    this.#isClosed = true;
    this.#end(new DecisionUnavailable("CLOSED", "the decision socket was closed"));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #ask(text: string): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      const waitingMax = this.#options.waitingMax ?? WAITING_MAX;
      if (this.#isClosed) reject(new DecisionUnavailable("CLOSED", "the decision socket was closed"));
      else if (this.#waiting.length >= waitingMax)
        reject(new DecisionUnavailable("TOO_MANY", "too many questions wait for an answer"));
      else {
        this.#waiting.push({ text, resolve, reject, deadline: performance.now() + this.#timeoutMs });
        this.#schedule();
      }
    });
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#sendAll();
    });
  }

  #sendAll(): void {
    while (this.#waiting.length > 0 && this.#inFlight.size < FRAMES_IN_FLIGHT_MAX) this.#send(this.#takeBatch());
    this.#watch();
  }

  /** As many as fit into one frame; a question that does not fit by itself goes alone, to be refused. */
  #takeBatch(): readonly Question[] {
    let length = 2;
    let count = 0;
    for (const { text } of this.#waiting) {
      // UTF-8 takes at most three bytes for each UTF-16 unit.
      length += 3 * text.length + 1;
      if (count > 0 && (count === QUESTIONS_MAX || !fitsFrame(length))) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  #send(questions: readonly Question[]): void {
    const payload = utf8(`[${questions.map(({ text }) => text).join(",")}]`);
    if (!fitsFrame(payload.length)) {
      rejectAll(questions, new DecisionUnavailable("REFUSED", "the question does not fit into one frame"));
      return;
    }
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    this.#inFlight.set(id, questions);
    try {
      this.#socket ??= this.#connect();
      this.#socket.write(encodeFrame({ kind: "ask", id, payload }));
    } catch (cause) {
      this.#end(new DecisionUnavailable("UNREACHABLE", "the node cannot be reached", cause));
    }
  }

  #connect(): SocketPort {
    const socket = this.#options.connect();
    this.#reader = new FrameReader();
    let cause: Error | undefined;
    socket.on("data", (chunk) => {
      if (socket === this.#socket) this.#onData(chunk);
    });
    socket.on("error", (error) => {
      cause = error;
    });
    socket.on("close", () => {
      if (socket !== this.#socket) return;
      this.#end(new DecisionUnavailable("UNREACHABLE", "the connection to the node has ended", cause));
    });
    return socket;
  }

  #onData(chunk: Uint8Array): void {
    const frames = this.#reader.push(chunk);
    if (!frames.ok) {
      this.#end(new DecisionUnavailable("PROTOCOL", `what came is no frame: ${frames.error.code}`));
      return;
    }
    for (const { kind, id, payload } of frames.value) {
      const value = parsePayload(payload);
      const questions = this.#inFlight.get(id);
      if (kind === "refusal") this.#onRefusal(id, questions, value);
      else if (questions && kind === "answer" && isAnswers(value, questions.length)) {
        this.#inFlight.delete(id);
        for (const [at, question] of questions.entries()) question.resolve(value[at] as JsonObject);
      } else this.#end(new DecisionUnavailable("PROTOCOL", "an answer fits no question"));
    }
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** Under the id 0 the node says why it ends the connection. */
  #onRefusal(id: number, questions: readonly Question[] | undefined, value: Json | undefined): void {
    const { code, message } = value !== undefined && isJsonObject(value) ? value : {};
    const error = new DecisionUnavailable("REFUSED", `${textOf(code)}: ${textOf(message)}`);
    this.#inFlight.delete(id);
    if (questions) rejectAll(questions, error);
    else this.#end(error);
  }

  /** One timer for all: questions wait equally long, so the oldest is due first. */
  #watch(): void {
    const [oldest] = this.#inFlight.values();
    const next = oldest?.[0] ?? this.#waiting[0];
    if (this.#timer !== undefined || !next) return;
    const wait = Math.max(0, next.deadline - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const [stillOldest] = this.#inFlight.values();
      const due = stillOldest?.[0] ?? this.#waiting[0];
      // Answers on this connection are late: what follows would be as well.
      if (due && due.deadline <= performance.now())
        this.#end(new DecisionUnavailable("TIMEOUT", "the node did not answer in time"));
      else this.#watch();
    }, wait);
    if (typeof this.#timer === "object") this.#timer.unref();
  }

  /** Everything that waits is rejected; the next question opens another connection. */
  #end(error: DecisionUnavailable): void {
    const lost = [...this.#inFlight.values()].flat().concat(this.#waiting);
    this.#inFlight.clear();
    this.#waiting = [];
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    rejectAll(lost, error);
  }
}

function rejectAll(questions: readonly Question[], error: DecisionUnavailable): void {
  for (const { reject } of questions) reject(error);
}

function parsePayload(payload: Uint8Array): Json | undefined {
  const text = parseUtf8(payload);
  if (!text.ok) return undefined;
  try {
    return readJson(text.value);
  } catch {
    // Then it answers nothing, and the connection ends for that.
    return undefined;
  }
}

function isAnswers(value: Json | undefined, count: number): value is readonly Json[] {
  return Array.isArray(value) && value.length === count && value.every(isJsonObject);
}

/** A node that could not decide says so in the answer; that is no denial by policy. */
function toDecision({ decision, context }: JsonObject): AccessDecision {
  const said = context !== undefined && isJsonObject(context) ? context : {};
  const { error } = said;
  if (typeof decision !== "boolean") throw new DecisionUnavailable("PROTOCOL", "an answer without a decision");
  if (error === undefined) return { decision, context: said };
  const { code, message } = isJsonObject(error) ? error : {};
  throw new DecisionUnavailable("REFUSED", `${textOf(code)}: ${textOf(message)}`);
}

/** What the node should have said in words. */
function textOf(part: Json | undefined): string {
  return typeof part === "string" ? part : "unknown";
}
