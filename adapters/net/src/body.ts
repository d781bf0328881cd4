import type { IncomingMessage } from "node:http";
import { type Readable, Transform } from "node:stream";
import { concatBytes } from "@vedette/base";
import { requestError } from "./errors.ts";

/** Reads a body of at most `lengthMax` bytes; a declared length beyond it is refused before the first byte is read. */
export function readBody(message: IncomingMessage, lengthMax: number, timeoutMs: number): Promise<Uint8Array> {
  const tooLarge = () => requestError("HTTP_BODY_TOO_LARGE", { lengthMax });
  if (declaredLength(message) > lengthMax) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let length = 0;
    const onData = (part: Uint8Array) => {
      length += part.length;
      if (length > lengthMax) settle(() => reject(tooLarge()));
      else parts.push(part);
    };
    const onEnd = () => settle(() => resolve(joined(parts)));
    const onClose = () => settle(() => reject(requestError("HTTP_BODY_ABORTED", { length })));
    const timer = setTimeout(
      () => settle(() => reject(requestError("HTTP_BODY_TIMEOUT", { timeoutMs, length }))),
      timeoutMs,
    );
    function settle(answer: () => void): void {
      clearTimeout(timer);
      message.off("data", onData).off("end", onEnd).off("close", onClose).pause();
      answer();
    }
    message.on("data", onData).on("end", onEnd).on("close", onClose);
    // A broken connection is reported by "close" too; without a listener "error" would end the process.
    message.on("error", () => {});
  });
}

/** Most bodies come in one part, which needs no copy. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first, second] = parts;
  return first && !second ? new Uint8Array(first.buffer, first.byteOffset, first.length) : concatBytes(...parts);
}

/** The body as it arrives; fails with HTTP_BODY_TOO_LARGE as soon as it passes `lengthMax`. */
export function streamBody(message: IncomingMessage, lengthMax: number): Readable {
  let length = 0;
  const counted = new Transform({
    transform(part: Uint8Array, _encoding, done) {
      length += part.length;
      if (length > lengthMax) done(requestError("HTTP_BODY_TOO_LARGE", { lengthMax }));
      else done(null, part);
    },
  });
  if (declaredLength(message) > lengthMax) {
    counted.destroy(requestError("HTTP_BODY_TOO_LARGE", { lengthMax }));
    return counted;
  }
  message.on("error", () => {});
  message.once("close", () => {
    if (!message.complete) counted.destroy(requestError("HTTP_BODY_ABORTED", { length }));
  });
  return message.pipe(counted);
}

/** RFC 9112 §6.3: a body is there when Content-Length or Transfer-Encoding says so. */
export function hasBody(message: IncomingMessage): boolean {
  return message.headers["transfer-encoding"] !== undefined || declaredLength(message) > 0;
}

export function declaredLength(message: IncomingMessage): number {
  return Number(message.headers["content-length"] ?? 0);
}
