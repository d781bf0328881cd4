import { AdapterError, isJsonObject, type Json, type JsonObject, parseUtf8, readJson, utf8 } from "@vedette/base";
import { connectUnix, type HttpClient } from "@vedette/net";
import { type DeviceStatus, deviceStatus, parseValue } from "@vedette/protocol";

/** One answer as the application on the device saw it. */
export interface Answer {
  readonly status: number;
  readonly milliseconds: number;
  readonly body: JsonObject;
  /** The decision's number; absent when no decision was made. */
  readonly decision: number | undefined;
}

/** An application on a device: plain HTTP to the device's socket, and a memory of every decision it was told. */
export class Application implements Disposable {
  readonly decisions: number[] = [];
  readonly milliseconds: number[] = [];
  readonly #client: HttpClient;

  constructor(socket: string) {
    this.#client = connectUnix({ path: socket });
  }

  getPrice(): Promise<Answer> {
    return this.#call("GET", "/pricing/items/4006381333931");
  }

  withdraw(amount: number): Promise<Answer> {
    return this.#call("POST", "/cash/withdrawals", { amount });
  }

  /** What the device's agent says of itself. */
  async status(): Promise<DeviceStatus> {
    const status = parseValue(deviceStatus, (await this.#call("GET", "/.vedette/status")).body);
    if (!status.ok)
      throw new AdapterError(status.error.code, "the device's status is not in a form this version knows", {});
    return status.value;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async #call(method: string, path: string, body?: object): Promise<Answer> {
    const begun = performance.now();
    const extras = body ? { body: utf8(JSON.stringify(body)), headers: { "content-type": "application/json" } } : {};
    const answer = await this.#client.request(method, path, extras).catch((error: unknown) => {
      if (error instanceof AdapterError)
        return { status: 0, headers: {} as Record<string, string>, body: utf8(error.code) };
      throw error;
    });
    const milliseconds = performance.now() - begun;
    const parsed = parse(answer.body);
    const error = isJsonObject(parsed["error"]) ? parsed["error"] : {};
    const number = Number(answer.headers["x-vedette-decision"] ?? error["decision"] ?? Number.NaN);
    const decision = Number.isNaN(number) ? undefined : number;
    if (decision !== undefined) {
      this.decisions.push(decision);
      this.milliseconds.push(milliseconds);
    }
    return { status: answer.status, milliseconds, body: parsed, decision };
  }
}

/** The reason of a refusal, `-` when there is none. */
export function reasonOf(answer: Answer): string {
  return text(errorOf(answer)["reason"] ?? errorOf(answer)["code"]);
}

export function ruleOf(answer: Answer): string {
  return text(errorOf(answer)["rule"]);
}

function errorOf({ body }: Answer): JsonObject {
  const error = body["error"];
  return error !== undefined && isJsonObject(error) ? error : {};
}

/** A JSON value for people; `-` when there is none. */
export function text(value: Json | undefined): string {
  if (value === undefined || value === null) return "-";
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function percentile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

function parse(bytes: Uint8Array): JsonObject {
  const text = parseUtf8(bytes);
  try {
    const value: unknown = text.ok ? readJson(text.value) : undefined;
    return isJsonObject(value) ? value : {};
  } catch {
    // An answer without a JSON body.
    return {};
  }
}
