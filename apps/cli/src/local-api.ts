import { connectUnix } from "@vedette/net";
import { parseMessage, refusalBody, type Schema } from "@vedette/protocol";
import { exitCode } from "./command.ts";
import { Refusal } from "./refusal.ts";

/** A status with ten thousand nodes is about 3 MB. */
const ANSWER_LENGTH_MAX = 16_777_216;

/** Asks one of our own processes on its Unix socket. Ends the command with the refusal's code when it refuses. */
export async function callLocal<T>(
  socket: string,
  method: string,
  path: string,
  schema: Schema<T>,
  body?: Uint8Array,
): Promise<T> {
  using client = connectUnix({ path: socket });
  const answer = await client.request(method, path, body ? { body } : {});
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
  if (!refusal.ok) throw new Refusal("REFUSED", `${socket} refused with status ${answer.status}`, {}, exitCode.refused);
  const { code, message, ...facts } = refusal.value.error;
  throw new Refusal(code, message, facts, exitCode.refused);
}
