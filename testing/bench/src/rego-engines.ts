import { execFileSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { preparsePolicySet, statefulIsAuthorized } from "@cedar-policy/cedar-wasm/nodejs";
import { loadPolicy } from "@open-policy-agent/opa-wasm";
import {
  type BackEnd,
  BUILTINS,
  compileModules,
  compileQuery,
  createRegoPolicy,
  type PreparedQuery,
  parseJson,
  parseModule,
  parseQuery,
} from "@vedette/rego";
import { createNodeCrypto, systemClock, systemRandom } from "@vedette/runtime";
import type { Question, Scenario } from "./rego-scenario.ts";

/** Answers a question that was parsed just before, as if from the wire. */
export type Engine = (question: Question) => boolean;

export function createOurs({ module, entrypoint, data }: Scenario, backEnd: BackEnd): Engine {
  const parsed = need(parseModule(module, { file: "bench.rego" }));
  const compiled = need(compileModules([parsed], BUILTINS));
  const query = need(compileQuery(compiled, need(parseQuery(`data.${entrypoint.replaceAll("/", ".")}`))));
  const facts = need(parseJson(JSON.stringify(data)));
  const prepared: PreparedQuery = createRegoPolicy(compiled, { backEnd, data: facts }).prepare(query);
  const [crypto, random, now] = [createNodeCrypto(), systemRandom, systemClock.now()];
  return (question) => {
    const rows = prepared.evaluate({ input: question, now, crypto, random });
    return rows.ok && rows.value[0]?.[0] === true;
  };
}

/** Entities travel with each call: the API has no handle to them. Policies are parsed before. */
export function createCedar({ name, cedar, entities }: Scenario): Engine {
  const parsed = preparsePolicySet(name, { staticPolicies: cedar });
  if (parsed.type !== "success") throw new Error("Cedar refuses the bench's policies", { cause: parsed.errors });
  return ({ user, action, resource, type }) => {
    const answer = statefulIsAuthorized({
      principal: { type: "User", id: user },
      action: { type: "Action", id: action },
      resource: { type, id: resource },
      context: {},
      preparsedPolicySetId: name,
      entities,
    });
    if (answer.type !== "success") throw new Error("Cedar refuses a question", { cause: answer.errors });
    return answer.response.decision === "allow";
  };
}

/** Compiled by OPA itself; undefined where there is no `opa`, or one that cannot. */
export async function createOpaWasm({ module, entrypoint, data }: Scenario): Promise<Engine | undefined> {
  const wasm = inFolder((folder) => {
    writeFileSync(join(folder, "bench.rego"), module);
    if (runOpa(["build", "-t", "wasm", "-e", entrypoint, "-o", "bundle.tar.gz", "bench.rego"], folder) === undefined)
      return undefined;
    return execFileSync("tar", ["-xzPOf", "bundle.tar.gz", "/policy.wasm"], { cwd: folder, maxBuffer: 1 << 28 });
  });
  if (wasm === undefined) return undefined;
  const policy = await loadPolicy(wasm);
  policy.setData(data);
  return (question) => policy.evaluate(question, entrypoint)[0]?.result === true;
}

/** Nanoseconds of one decision as `opa bench` reports them, the median over some questions. */
export function benchOpa({ module, entrypoint, data }: Scenario, question: Question): number | undefined {
  return inFolder((folder) => {
    writeFileSync(join(folder, "bench.rego"), module);
    writeFileSync(join(folder, "data.json"), JSON.stringify(data));
    writeFileSync(join(folder, "input.json"), JSON.stringify(question));
    const query = `data.${entrypoint.replaceAll("/", ".")}`;
    const args = ["bench", "--format", "json", "--metrics=false", "-d", "bench.rego", "-d", "data.json"];
    const text = runOpa([...args, "-i", "input.json", query], folder);
    if (text === undefined) return undefined;
    const { T: elapsed, N: count }: { T: number; N: number } = JSON.parse(text);
    return elapsed / count;
  });
}

function inFolder<T>(act: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "vedette-bench-rego-"));
  try {
    return act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runOpa(args: readonly string[], cwd: string): string | undefined {
  const opa = findOpa();
  return opa === undefined ? undefined : execFileSync(opa, args, { cwd, encoding: "utf8" });
}

/** The one that VEDETTE_OPA names, else the first on the PATH. */
export function findOpa(): string | undefined {
  const named = process.env["VEDETTE_OPA"];
  if (named !== undefined) return named;
  const candidates = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "opa"));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false; // not there, or not ours to run
    }
  });
}

export function versionOf(name: "@open-policy-agent/opa-wasm" | "@cedar-policy/cedar-wasm"): string {
  const file = join(import.meta.dirname, "../../../node_modules", name, "package.json");
  const { version }: { version: string } = JSON.parse(readFileSync(file, "utf8"));
  return `${name.replace(/^.*\//, "")} ${version}`;
}

function need<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown },
): T {
  if (!result.ok) throw new Error("the bench's own policy is refused", { cause: result.error });
  return result.value;
}
