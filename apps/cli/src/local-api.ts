import { isJsonObject, type JsonObject, parseUtf8 } from "@vedette/base";
import { connectUnix } from "@vedette/net";
import { exitCode } from "./command.ts";
import { Refusal } from "./refusal.ts";

/** Asks one of our own processes on its Unix socket. Ends the command with the refusal's code when it refuses. */
export async function callLocal(socket: string, method: string, path: string, body?: Uint8Array): Promise<JsonObject> {
  using client = connectUnix({ path: socket });
  const answer = await client.request(method, path, body ? { body } : {});
  const text = parseUtf8(answer.body);
  const value: unknown = text.ok && text.value ? JSON.parse(text.value) : {};
  if (answer.status < 300 && isJsonObject(value)) return value;
  const error = isJsonObject(value) && isJsonObject(value["error"]) ? value["error"] : {};
  const { code, message, ...facts } = error;
  throw new Refusal(
    String(code ?? "REFUSED"),
    String(message ?? `refused with status ${answer.status}`),
    facts,
    exitCode.refused,
  );
}
