import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setupSwtpm } from "@vedette/fakes";
import { nvDefineSpace, nvIncrement, nvUndefineSpace } from "./nv.ts";
import type { Tpm } from "./tpm.ts";
import { ALGORITHM, NV } from "./wire.ts";

const INDEX = 0x0150_0016;

async function setupTpm(t: TestContext): Promise<Tpm | undefined> {
  return (await setupSwtpm(t))?.open();
}

function refusedWith(code: string) {
  return (error: unknown) => error instanceof Error && "code" in error && error.code === code;
}

function define(tpm: Tpm, attributes: number, index = INDEX): Promise<void> {
  const area = { index, nameAlgorithm: ALGORITHM.sha256, attributes, policy: new Uint8Array(0), size: 8 };
  return tpm.transaction((on) => nvDefineSpace(on, area));
}

function undefine(tpm: Tpm, index = INDEX): Promise<void> {
  return tpm.transaction((on) => nvUndefineSpace(on, index));
}

test("a counter that nobody made is missing", async (t) => {
  const tpm = await setupTpm(t);
  if (!tpm) return;
  await assert.rejects(tpm.readCounter(INDEX), refusedWith("TPM_COUNTER_MISSING"));
  await assert.rejects(tpm.incrementCounter(INDEX), refusedWith("TPM_COUNTER_MISSING"));
});

test("a new counter can be read, steps by one, and keeps its value when it is defined again", async (t) => {
  const tpm = await setupTpm(t);
  if (!tpm) return;
  const first = await tpm.defineCounter(INDEX);
  assert.equal(await tpm.readCounter(INDEX), first);
  assert.equal(await tpm.incrementCounter(INDEX), first + 1n);
  assert.equal(await tpm.incrementCounter(INDEX), first + 2n);
  assert.equal(await tpm.defineCounter(INDEX), first + 2n);
});

test("a counter outlives a power cycle", async (t) => {
  const swtpm = await setupSwtpm(t);
  if (!swtpm) return;
  const tpm = await swtpm.open();
  await tpm.defineCounter(INDEX);
  const value = await tpm.incrementCounter(INDEX);
  await tpm.close();
  await swtpm.restart();
  assert.equal(await (await swtpm.open()).readCounter(INDEX), value);
});

test("deleting a counter and making it again does not set it back", async (t) => {
  const tpm = await setupTpm(t);
  if (!tpm) return;
  await tpm.defineCounter(INDEX);
  const before = await tpm.incrementCounter(INDEX);
  await undefine(tpm);
  await assert.rejects(tpm.readCounter(INDEX), refusedWith("TPM_COUNTER_MISSING"));
  assert.ok((await tpm.defineCounter(INDEX)) > before);
});

test("a counter that was defined but never stepped is not taken for ours, and making it finishes it", async (t) => {
  const tpm = await setupTpm(t);
  if (!tpm) return;
  const before = await tpm.defineCounter(INDEX);
  await undefine(tpm);
  await define(tpm, NV.ownerWrite | NV.authWrite | NV.typeCounter | NV.ownerRead | NV.authRead | NV.noDictionaryAttack);
  await assert.rejects(tpm.readCounter(INDEX), refusedWith("TPM_COUNTER_ALTERED"));
  assert.ok((await tpm.defineCounter(INDEX)) > before);
});

test("a counter with other attributes is not ours", async (t) => {
  const tpm = await setupTpm(t);
  if (!tpm) return;
  await define(tpm, NV.authWrite | NV.typeCounter | NV.authRead);
  await tpm.transaction((on) => nvIncrement(on, INDEX));
  for (const use of [tpm.readCounter(INDEX), tpm.incrementCounter(INDEX), tpm.defineCounter(INDEX)])
    await assert.rejects(use, refusedWith("TPM_COUNTER_ALTERED"));
});

test("eight bytes that anyone may write are not a counter", async (t) => {
  const tpm = await setupTpm(t);
  if (!tpm) return;
  await define(tpm, NV.ownerWrite | NV.authWrite | NV.ownerRead | NV.authRead | NV.noDictionaryAttack);
  await assert.rejects(tpm.readCounter(INDEX), refusedWith("TPM_COUNTER_ALTERED"));
});

test("an index is not read with a wrong password", async (t) => {
  const tpm = await setupTpm(t);
  if (!tpm) return;
  await tpm.defineCounter(INDEX);
  const guessed = tpm.transaction((on) =>
    on.execute(
      {
        name: "NV_Read",
        handles: [INDEX, INDEX],
        authorizations: [{ kind: "password", value: Uint8Array.of(1) }],
        parameters: Uint8Array.from([0, 8, 0, 0]),
      },
      (reader) => reader.sized16(),
    ),
  );
  await assert.rejects(guessed, refusedWith("TPM_RC_BAD_AUTH"));
});
