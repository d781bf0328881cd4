// `VEDETTE_OPA=/path/to/opa node testing/conformance/src/rego-differential.ts --count 5000 --seed 1`: the policies that
// the fuzzer makes, asked of OPA itself as well.
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  closures,
  createRegoPolicy,
  type PreparedQuery,
  parseJson,
  type Value,
  valueToJson,
  valueToText,
} from "@vedette/rego";
import { createNodeCrypto, systemClock, systemRandom } from "@vedette/runtime";
import { compileCase } from "./rego-fuzz.ts";
import { type FuzzCase, generateCase, withPlainNumbers } from "./rego-fuzz-modules.ts";

/** Where OPA is; undefined when this machine has none. */
export const OPA: string | undefined = findOpa();
export const opaMissing: false | string =
  OPA === undefined ? "no opa: put it on PATH or name it in VEDETTE_OPA" : false;

function findOpa(): string | undefined {
  const named = process.env["VEDETTE_OPA"];
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return [...(named === undefined ? [] : [named]), ...folders.map((folder) => join(folder, "opa"))].find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false; // not there, or not ours to run: the next place is tried
    }
  });
}

const PATIENCE_MS = 2_000;

class OutOfPatience extends Error {}

interface Answer {
  readonly status: number;
  readonly body: { readonly [key: string]: Value };
}

/** OPA as a server on a socket of its own. */
export class OpaServer implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  private constructor(process: ChildProcess, folder: string) {
    this.#process = process;
    this.#folder = folder;
  }

  static async start(opa: string): Promise<OpaServer> {
    const folder = mkdtempSync(join(tmpdir(), "vedette-opa-"));
    const args = [
      "run",
      "--server",
      "--addr",
      `unix://${join(folder, "s")}`,
      "--log-level",
      "error",
      "--disable-telemetry",
    ];
    const server = new OpaServer(spawn(opa, args, { stdio: "ignore" }), folder);
    for (let attempt = 0; ; attempt++) {
      try {
        await server.ask("GET", "/health", undefined);
        return server;
      } catch (cause) {
        if (attempt === 100) throw cause;
        await sleep(50);
      }
    }
  }

  /** Bodies are texts, so that numbers keep their digits on the way. */
  ask(method: string, path: string, body: string | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { socketPath: join(this.#folder, "s"), path, method, agent: this.#agent };
      const asked = request(options, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(parts).toString("utf8");
          const parsed = text === "" ? undefined : parseJson(text);
          const document = parsed?.ok ? parsed.value : {};
          resolve({ status: response.statusCode ?? 0, body: document as { readonly [key: string]: Value } });
        });
      });
      asked.on("error", reject);
      // OPA has no limit of its own on the work that a query asks for; who goes away, for whom it works no more.
      asked.setTimeout(PATIENCE_MS, () => asked.destroy(new OutOfPatience()));
      asked.end(body);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    this.#process.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What somebody made of a question: the code of an error, or all answers as texts. */
interface Answered {
  readonly error: string | undefined;
  readonly rows: readonly string[];
}

interface Difference {
  readonly seed: number;
  readonly query: string;
  readonly input: string;
  readonly ours: Answered;
  readonly opa: Answered;
  readonly message: string;
}

export interface Comparison {
  readonly compared: number;
  readonly isRefused: boolean;
  readonly differences: readonly Difference[];
}

export async function compareCase(server: OpaServer, item: FuzzCase): Promise<Comparison> {
  const refusal = await install(server, item);
  const compiled = compileCase(item);
  const difference = (query: string, input: string, ours: Answered, opa: Answered, message: string): Difference => ({
    seed: item.seed,
    query,
    input,
    ours,
    opa,
    message,
  });
  if (refusal !== undefined || compiled.type === "refused") {
    const ours = compiled.type === "refused" ? failedWith(compiled.error.code) : NO_ERROR;
    const opa = refusal ?? { ...NO_ERROR, message: "" };
    const message = compiled.type === "refused" ? `${compiled.error.message} / ${opa.message}` : opa.message;
    const isSame = ours.error === opa.error;
    return { compared: 1, isRefused: true, differences: isSame ? [] : [difference("", "", ours, opa, message)] };
  }
  const { queries, data } = compiled.value;
  const policy = createRegoPolicy(compiled.value.compiled, { backEnd: closures, data });
  const differences: Difference[] = [];
  let compared = 0;
  for (const { text, query } of queries) {
    const prepared = policy.prepare(query);
    for (const input of [undefined, ...item.inputs]) {
      const document = input === undefined ? undefined : parseJson(input);
      // What one of the two does not read as JSON at all is no question about policies.
      if (document !== undefined && !document.ok) continue;
      const ours = askOurs(prepared, text, document?.value);
      if (ours === undefined) continue;
      const opa = await askOpa(server, text, input).catch((cause: unknown) => {
        if (cause instanceof OutOfPatience) return undefined;
        throw cause;
      });
      if (opa === undefined) continue;
      compared++;
      if (!isSame(ours, opa)) differences.push(difference(text, input ?? "", ours, opa, opa.message));
    }
  }
  return { compared, isRefused: false, differences };
}

const NO_ERROR: Answered = { error: undefined, rows: [] };

function failedWith(error: string): Answered {
  return { error, rows: [] };
}

async function install(server: OpaServer, item: FuzzCase): Promise<(Answered & { message: string }) | undefined> {
  for (const index of item.modules.keys())
    await server.ask("DELETE", `/v1/policies/${item.modules.length - 1 - index}`, undefined);
  await server.ask("PUT", "/v1/data", item.data);
  for (const [index, module] of item.modules.entries()) {
    const { status, body } = await server.ask("PUT", `/v1/policies/${index}`, module);
    if (status !== 200) return { ...failedWith(codeOf(body)), message: messageOf(body) };
  }
  return undefined;
}

/** Undefined when there is nothing to compare: we ran into a limit, of which OPA has none, or OPA may say either. */
function askOurs(prepared: PreparedQuery, text: string, input: Value | undefined): Answered | undefined {
  const result = prepared.evaluate({
    input,
    now: systemClock.now(),
    crypto: createNodeCrypto(),
    random: systemRandom,
    fuel: 100_000,
  });
  if (!result.ok) return result.error.code === "limit" ? undefined : failedWith(result.error.code);
  // Whether OPA shows an answer in which a statement is false depends on how it wrote the statement anew.
  const hasFalse = result.value.some((row) => row.slice(prepared.names.length).includes(false));
  if (hasFalse && !isReference(text)) return undefined;
  const rows = result.value.map((row) => {
    if (isReference(text)) return asJson(row[0]!);
    return JSON.stringify(prepared.names.map((name, index) => [name, asJson(row[index]!)]).sort());
  });
  return { error: undefined, rows: rows.sort() };
}

async function askOpa(
  server: OpaServer,
  query: string,
  input: string | undefined,
): Promise<Answered & { readonly message: string }> {
  const text = isReference(query) ? `fuzz_value = ${query}` : query;
  const body = `{"query":${JSON.stringify(text)}${input === undefined ? "" : `,"input":${input}`}}`;
  const answer = await server.ask("POST", "/v1/query", body);
  if (answer.status !== 200) return { ...failedWith(codeOf(answer.body)), message: messageOf(answer.body) };
  const rows = ((answer.body["result"] ?? []) as readonly { readonly [key: string]: Value }[]).map((row) => {
    if (isReference(query)) return asJson(row["fuzz_value"]!);
    return JSON.stringify(
      Object.keys(row)
        .map((name) => [name, asJson(row[name]!)])
        .sort(),
    );
  });
  return { error: undefined, rows: rows.sort(), message: "" };
}

/** A document by its path. */
function isReference(query: string): boolean {
  return /^data(?:\.\w+|\["[^"]*"\])+$/.test(query);
}

/** As JSON shows it to both: sets are arrays there, and keys texts. */
function asJson(value: Value): string {
  const text = valueToJson(value);
  const parsed = parseJson(text);
  // Nested deeper than what is read.
  return parsed.ok ? valueToText(parsed.value) : text;
}

function isSame(ours: Answered, opa: Answered): boolean {
  if (ours.error !== undefined || opa.error !== undefined) return ours.error === opa.error;
  return JSON.stringify(ours.rows) === JSON.stringify(opa.rows);
}

function codeOf(body: Answer["body"]): string {
  const first = firstError(body);
  return textOf(first?.["code"] ?? body["code"]);
}

function messageOf(body: Answer["body"]): string {
  const first = firstError(body);
  return textOf(first?.["message"] ?? body["message"]);
}

function firstError(body: Answer["body"]): { readonly [key: string]: Value } | undefined {
  const errors = body["errors"];
  return Array.isArray(errors) ? (errors[0] as { readonly [key: string]: Value }) : undefined;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { count: { type: "string", default: "1000" }, seed: { type: "string", default: "1" } },
  });
  if (OPA === undefined) {
    process.stderr.write(`skipped: ${opaMissing}\n`);
    return;
  }
  await using server = await OpaServer.start(OPA);
  const sums = { cases: 0, refused: 0, compared: 0, differences: 0 };
  for (let seed = Number(values.seed); sums.cases < Number(values.count); seed++) {
    const { compared, isRefused, differences } = await compareCase(server, withPlainNumbers(generateCase(seed)));
    sums.cases++;
    sums.refused += isRefused ? 1 : 0;
    sums.compared += compared;
    sums.differences += differences.length;
    for (const difference of differences) process.stdout.write(`${JSON.stringify(difference)}\n`);
    if (sums.cases % 500 === 0) process.stderr.write(`${JSON.stringify({ ...sums, next: seed + 1 })}\n`);
  }
  process.stderr.write(`${JSON.stringify(sums)}\n`);
}

if (import.meta.main) await main();

function textOf(part: unknown): string {
  return typeof part === "string" ? part : "";
}
