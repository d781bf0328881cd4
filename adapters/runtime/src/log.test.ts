import assert from "node:assert/strict";
import { test } from "node:test";
import { AdapterError, type Clock, instant, milliseconds, Secret, utf8 } from "@vedette/base";
import { createLog } from "./log.ts";

const clock: Clock = { now: () => instant(1_700_000_000_000), monotonic: () => milliseconds(0) };

function logged(message: string, facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const lines: string[] = [];
  createLog("edge", clock, (line) => lines.push(line))("warn", message, facts);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^[^\n]+\n$/);
  return JSON.parse(lines[0] ?? "");
}

test("a log line is one JSON object with time, severity, service, message and facts", () => {
  assert.deepEqual(logged("mirror unreachable", { attempt: 3 }), {
    timestamp: "2023-11-14T22:13:20.000Z",
    severity: "warn",
    "service.name": "edge",
    message: "mirror unreachable",
    attempt: 3,
  });
});

test("errors are told with their code, facts and cause; bytes as hex; large numbers as numbers", () => {
  const error = new AdapterError("STORE_FULL", "disk is full", { size: 7 }, new Error("ENOSPC"));
  const line = logged("append failed", { error, id: utf8("ab"), size: 5n });
  assert.deepEqual(line["error"], {
    name: "AdapterError",
    code: "STORE_FULL",
    message: "disk is full",
    facts: { size: 7 },
    cause: { name: "Error", message: "ENOSPC" },
  });
  assert.deepEqual([line["id"], line["size"]], ["6162", 5]);
});

test("a secret is not told", () => {
  assert.equal(logged("key made", { key: new Secret(utf8("ab")) })["key"], "[redacted]");
});

test("a fact with line breaks stays on its line", () => {
  assert.equal(logged("refused", { path: "/a\n{}" })["path"], "/a\n{}");
});
