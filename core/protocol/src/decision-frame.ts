import { err, ok, type Result } from "@vedette/base";

/**
 * One message of the decision socket (docs/reference/decision-socket.md). On the wire, big-endian:
 * `length: u32` of all that follows · `version: u8` · `kind: u8` · `id: u32` · `payload`.
 */
export interface DecisionFrame {
  readonly kind: FrameKind;
  /** Chosen by whoever asks; the answer bears the same. */
  readonly id: number;
  /** JSON in UTF-8; whoever reads it parses it. */
  readonly payload: Uint8Array;
}

/** `ask`: a list of questions. `answer`: their answers, in the same order. `refusal`: why a whole frame has no answer. */
export type FrameKind = "ask" | "answer" | "refusal";

/** What cannot be read: after it nobody knows where the next frame begins, so the connection ends. */
export type FrameError =
  | { readonly code: "FRAME_TOO_LARGE"; readonly length: number; readonly lengthMax: number }
  | { readonly code: "FRAME_TOO_SHORT"; readonly length: number }
  | { readonly code: "FRAME_VERSION_UNKNOWN"; readonly version: number }
  | { readonly code: "FRAME_KIND_UNKNOWN"; readonly kind: number };

const FRAME_VERSION = 1;
/** A thousand questions of a kilobyte; also what one connection may make the other side hold. */
export const FRAME_LENGTH_MAX = 1_048_576;
/** Questions of one frame: one commit of the journal. */
export const QUESTIONS_MAX = 1_024;
/** Frames without an answer that one connection may have; beyond, the node reads no further. */
export const FRAMES_IN_FLIGHT_MAX = 64;

const LENGTH_LENGTH = 4;
const HEAD_LENGTH = 10;
const kindByByte: readonly (FrameKind | undefined)[] = [undefined, "ask", "answer", "refusal"];

/** The caller has seen to it that the payload fits into `FRAME_LENGTH_MAX`. */
export function encodeFrame({ kind, id, payload }: DecisionFrame): Uint8Array {
  const bytes = new Uint8Array(HEAD_LENGTH + payload.length);
  writeU32(bytes, 0, bytes.length - LENGTH_LENGTH);
  bytes[4] = FRAME_VERSION;
  bytes[5] = kindByByte.indexOf(kind);
  writeU32(bytes, 6, id);
  bytes.set(payload, HEAD_LENGTH);
  return bytes;
}

/** Whether a payload of that many bytes fits into one frame. */
export function fitsFrame(payloadLength: number): boolean {
  return HEAD_LENGTH - LENGTH_LENGTH + payloadLength <= FRAME_LENGTH_MAX;
}

/** Finds frames in bytes that arrive in any pieces. Holds at most one frame; each byte is copied at most once. */
export class FrameReader {
  readonly #head = new Uint8Array(HEAD_LENGTH);
  #headLength = 0;
  #payload: Uint8Array | undefined;
  #payloadLength = 0;

  /** The frames that are now whole. After an error it is of no use. */
  push(chunk: Uint8Array): Result<readonly DecisionFrame[], FrameError> {
    const frames: DecisionFrame[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#payload === undefined) {
        at += this.#takeHead(chunk, at);
        if (this.#headLength < HEAD_LENGTH) break;
        const length = this.#checkHead();
        if (!length.ok) return length;
        // A payload that lies whole in this chunk is not copied.
        const isHere = chunk.length - at >= length.value;
        this.#payload = isHere ? chunk.subarray(at, at + length.value) : new Uint8Array(length.value);
        this.#payloadLength = isHere ? length.value : 0;
        if (isHere) at += length.value;
      } else at += this.#takePayload(chunk, at);
      if (this.#isWhole()) frames.push(this.#takeFrame());
    }
    return ok(frames);
  }

  /** True between two frames: an end of the stream here cuts nothing off. */
  get isBetweenFrames(): boolean {
    return this.#headLength === 0;
  }

  #isWhole(): boolean {
    return this.#payload !== undefined && this.#payloadLength === this.#payload.length;
  }

  #takeHead(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + HEAD_LENGTH - this.#headLength);
    this.#head.set(part, this.#headLength);
    this.#headLength += part.length;
    return part.length;
  }

  /** The length of the payload. Checked before a byte of it is held. */
  #checkHead(): Result<number, FrameError> {
    const length = readU32(this.#head, 0);
    if (length > FRAME_LENGTH_MAX) return err({ code: "FRAME_TOO_LARGE", length, lengthMax: FRAME_LENGTH_MAX });
    if (length < HEAD_LENGTH - LENGTH_LENGTH) return err({ code: "FRAME_TOO_SHORT", length });
    const [version = 0, kind = 0] = this.#head.subarray(LENGTH_LENGTH);
    if (version !== FRAME_VERSION) return err({ code: "FRAME_VERSION_UNKNOWN", version });
    if (kindByByte[kind] === undefined) return err({ code: "FRAME_KIND_UNKNOWN", kind });
    return ok(length - (HEAD_LENGTH - LENGTH_LENGTH));
  }

  #takePayload(chunk: Uint8Array, at: number): number {
    const payload = this.#payload ?? new Uint8Array(0);
    const part = chunk.subarray(at, at + payload.length - this.#payloadLength);
    payload.set(part, this.#payloadLength);
    this.#payloadLength += part.length;
    return part.length;
  }

  #takeFrame(): DecisionFrame {
    const payload = this.#payload ?? new Uint8Array(0);
    const kind = kindByByte[this.#head[5] ?? 0] ?? "refusal";
    this.#payload = undefined;
    this.#headLength = 0;
    return { kind, id: readU32(this.#head, 6), payload };
  }
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! * 0x100_0000 + (bytes[at + 1]! << 16) + (bytes[at + 2]! << 8) + bytes[at + 3]!) >>> 0;
}
