import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";

const SOURCE = `
import { createPdp } from "./index.ts";
globalThis.answer = createPdp({
  modules: { "app.rego": 'package app\\n\\nallow if input.user == "bob"' },
  rules: { kind: "rules/v1", id: "r", default: "deny", rules: [
    { id: "menu", effect: "allow", subject: { type: "user" }, action: ["read"], resource: { type: "menu" }, safe: true },
  ] },
  host: globalThis,
}).then((pdp) => {
  if (!pdp.ok) throw new Error(JSON.stringify(pdp.error));
  const request = { subject: { type: "user", id: "ann" }, action: { name: "read" }, resource: { type: "menu", id: "m" } };
  return JSON.stringify([pdp.value.decide("data.app.allow", { user: "bob" }), pdp.value.decideAccess(request)]);
});
`;

test("the SDK runs where there is nothing but what every browser has, under a policy that forbids code from text", async (t) => {
  const bundled = await build({
    stdin: { contents: SOURCE, resolveDir: import.meta.dirname, loader: "ts" },
    bundle: true,
    minify: true,
    write: false,
    platform: "browser",
    format: "iife",
    target: "es2024",
    absWorkingDir: join(import.meta.dirname, "../../.."),
    logLevel: "silent",
  });
  assert.deepEqual(bundled.errors, []);
  const text = bundled.outputFiles[0]?.text ?? "";
  assert.doesNotMatch(text, /["'`]node:/);
  t.diagnostic(`${(text.length / 1_000).toFixed(0)} kB`);
  const { TextEncoder, TextDecoder, crypto, DecompressionStream, queueMicrotask } = globalThis;
  const context = createContext(
    { TextEncoder, TextDecoder, crypto, DecompressionStream, queueMicrotask },
    { codeGeneration: { strings: false, wasm: false } },
  );
  runInContext(text, context);
  const [document, access] = JSON.parse(await runInContext("answer", context));
  assert.deepEqual(document, { ok: true, value: true });
  assert.equal(access.decision, true);
});
