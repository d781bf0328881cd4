import { type Clock, instantToString } from "@vedette/base";

export type LogLevel = "info" | "warn" | "error";

/** Structured log lines, one JSON object each. Messages are constant; facts are fields. */
export type Log = (level: LogLevel, message: string, facts?: Readonly<Record<string, unknown>>) => void;

export function createLog(service: string, clock: Clock, write: (line: string) => void): Log {
  return (level, message, facts = {}) => {
    const line = {
      timestamp: instantToString(clock.now()),
      severity: level,
      "service.name": service,
      message,
      ...facts,
    };
    write(`${JSON.stringify(line, readable)}\n`);
  };
}

/** Errors and bytes have no JSON of their own worth reading. */
function readable(_key: string, value: unknown): unknown {
  if (value instanceof Error)
    return {
      ...value,
      name: value.name,
      message: value.message,
      ...(value.cause === undefined ? {} : { cause: value.cause }),
    };
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return typeof value === "bigint" ? Number(value) : value;
}
