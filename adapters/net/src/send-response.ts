import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { declaredLength, hasBody } from "./body.ts";
import type { HttpResponse } from "./http.ts";

/** Up to here an unread body is read and forgotten to keep the connection; beyond, closing costs less. */
const FORGOTTEN_BODY_LENGTH_MAX = 65_536;
/** How long a refused sender may go on sending. Closing at once would reset the connection before the sender has read why. */
const LINGER_MS = 500;

/** Writes an answer and leaves the connection where the next request begins, or closes it. */
export async function sendResponse(
  message: IncomingMessage,
  response: ServerResponse,
  answered: HttpResponse,
): Promise<void> {
  const { status, headers, body } = answered;
  const isUnread = !message.complete && hasBody(message);
  const isLingering = isUnread && (headers["connection"] === "close" || !isForgettable(message));
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (isLingering) response.setHeader("connection", "close");
  if (!(body instanceof Uint8Array)) {
    response.flushHeaders();
    await pipeline(body, response);
    return;
  }
  // RFC 9110 §8.6: no Content-Length with 204, and 304 keeps the one it has.
  if (status !== 204 && status !== 304) response.setHeader("content-length", body.length);
  if (!isLingering) {
    end(response, body);
    return;
  }
  response.write(body);
  await drain(message);
  response.end();
}

/** Node sends a text in one piece with the head, and bytes as a piece of their own, which costs the kernel more than a copy. */
function end(response: ServerResponse, body: Uint8Array): void {
  if (body.length > JOINED_BODY_LENGTH_MAX) response.end(body);
  else response.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1"), "latin1");
}
/** Up to here copying is cheaper. */
const JOINED_BODY_LENGTH_MAX = 4_096;

function isForgettable(message: IncomingMessage): boolean {
  return message.headers["transfer-encoding"] === undefined && declaredLength(message) <= FORGOTTEN_BODY_LENGTH_MAX;
}

function drain(message: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LINGER_MS);
    message.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    message.resume();
  });
}
