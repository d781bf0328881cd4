import { AdapterError } from "@vedette/base";
import { connectUnix, type HttpClient } from "@vedette/net";
import { parseMessage, refusalBody, type Schema } from "@vedette/protocol";
import { exitCode } from "./command.ts";
import { Refusal } from "./refusal.ts";

/** A status with ten thousand nodes is about 3 MB. */
const ANSWER_LENGTH_MAX = 16_777_216;

/**
 * Asks one of our own processes on its Unix socket. Ends the command with the refusal's code when it refuses, and with the
 * path of the socket when nobody answers there.
 */
export async function callLocal<T>(
  socket: string,
  method: string,
  path: string,
  schema: Schema<T>,
  body?: Uint8Array,
): Promise<T> {
  using client = connectUnix({ path: socket });
  const answer = await request(client, socket, method, path, body);
  if (answer.status < 300) {
    const value = parseMessage(schema, answer.body, ANSWER_LENGTH_MAX);
    if (value.ok) return value.value;
    throw new Refusal(
      value.error.code,
      `${socket} answered in a form this version does not know`,
      { ...value.error },
      exitCode.unavailable,
    );
  }
  const refusal = parseMessage(refusalBody, answer.body, ANSWER_LENGTH_MAX);
  const exit = answer.status >= 500 ? exitCode.unavailable : exitCode.refused;
  if (!refusal.ok) throw new Refusal("REFUSED", `${socket} refused with status ${answer.status}`, {}, exit);
  const { code, message, ...facts } = refusal.value.error;
  throw new Refusal(code, message, facts, exit);
}

async function request(client: HttpClient, socket: string, method: string, path: string, body?: Uint8Array) {
  try {
    return await client.request(method, path, body ? { body } : {});
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    const { code, facts } = error;
    throw new Refusal(code, `nobody answers on the socket ${socket}`, { ...facts }, exitCode.unavailable);
  }
}
