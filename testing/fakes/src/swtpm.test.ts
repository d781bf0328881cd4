import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { setupSwtpm } from "./swtpm.ts";

/** Asks for swtpm on a machine that has none, in a process of its own, because it is the environment that is asked. */
function askWithoutSwtpm(environment: Readonly<Record<string, string>>): string {
  const script = `
    const { findSwtpmForTest } = await import(${JSON.stringify(join(import.meta.dirname, "swtpm.ts"))});
    try {
      findSwtpmForTest({ skip: (reason) => console.log("skipped:", reason) });
    } catch (error) {
      console.log("failed:", error.message);
    }`;
  const env = { PATH: "/nonexistent", VEDETTE_TOP: "/nonexistent", ...environment };
  return spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8", env }).stdout;
}

test("a test without swtpm is skipped aloud", () => {
  assert.match(askWithoutSwtpm({}), /^skipped: swtpm is missing/);
});

test("with CI=true a test without swtpm fails", () => {
  assert.match(askWithoutSwtpm({ CI: "true" }), /^failed: swtpm is missing/);
});

test("a device comes in its factory state each time, and differs from the maker's other devices", async (t) => {
  const [a, again, other] = [await setupSwtpm(t), await setupSwtpm(t), await setupSwtpm(t, { device: "device-2" })];
  if (!a || !again || !other) return;
  const first = await a.open();
  await first.defineCounter(0x0150_0016);
  const second = await again.open();
  assert.deepEqual(await second.ekCertificate(), await first.ekCertificate());
  await assert.rejects(second.readCounter(0x0150_0016), { code: "TPM_COUNTER_MISSING" });
  assert.notDeepEqual(await (await other.open()).ekCertificate(), await first.ekCertificate());
  assert.deepEqual(other.ekCaCertificates, a.ekCaCertificates);
});
