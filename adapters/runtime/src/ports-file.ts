import { join } from "node:path";
import { isJsonObject, parseUtf8, readJson } from "@vedette/base";
import { readFileIfExists, writeFileDurably } from "./files.ts";

const PORTS_FILE_LENGTH_MAX = 4_096;

/**
 * Port 0 means "any free port", but others remember where we listened: the port chosen at the first start is kept
 * in `<directory>/ports.json` and asked for again. A damaged file is only a forgotten port.
 */
export function rememberedPort(directory: string, name: string, configured: number): number {
  if (configured !== 0) return configured;
  const port = readPorts(directory)[name];
  return typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0;
}

export function rememberPort(directory: string, name: string, port: number): void {
  const ports = readPorts(directory);
  if (ports[name] !== port) writeFileDurably(join(directory, "ports.json"), JSON.stringify({ ...ports, [name]: port }));
}

function readPorts(directory: string): Readonly<Record<string, unknown>> {
  const bytes = readFileIfExists(join(directory, "ports.json"), PORTS_FILE_LENGTH_MAX);
  const text = bytes && parseUtf8(bytes);
  if (!text?.ok) return {};
  try {
    const ports: unknown = readJson(text.value);
    return isJsonObject(ports) ? ports : {};
  } catch {
    // See above: a forgotten port.
    return {};
  }
}
