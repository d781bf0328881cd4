import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  findSwtpm,
  manufactureTpm,
  openTpm,
  type RunningSwtpm,
  type SwtpmTools,
  startSwtpm,
  type Tpm,
} from "@vedette/tpm";

/** A real swtpm, powered on, with a real EK certificate; switched off and removed after the test. */
export interface SwtpmFixture {
  /** One client at a time: close the `Tpm` of one before another opens. It changes with `restart`. */
  readonly socketPath: string;
  readonly pid: number;
  /** DER: the issuer of the EK certificate, then its root. */
  readonly ekCaCertificates: readonly Uint8Array[];
  /** A client that is closed after the test. */
  open(): Promise<Tpm>;
  /** Power cycle: PCRs and loaded objects are gone, NV and seeds stay. */
  restart(): Promise<void>;
}

export interface SwtpmIdentity {
  /** The same device and maker give a TPM with the same EK within a test process, each time in its factory state. */
  readonly device: string;
  /** Devices of one maker have EK certificates of one CA. */
  readonly maker: string;
}

/**
 * Undefined after `t.skip` when no swtpm is there: `const swtpm = await setupSwtpm(t); if (!swtpm) return;`.
 * With CI=true a missing swtpm throws: a build server must not pass what it did not run.
 */
export async function setupSwtpm(
  t: TestContext,
  identity: Partial<SwtpmIdentity> = {},
): Promise<SwtpmFixture | undefined> {
  const tools = findSwtpmForTest(t);
  if (!tools) return undefined;
  const factory = await manufactured(tools, { device: "device-1", maker: "maker-1", ...identity });
  const stateDir = mkdtempSync(join(workDirectory(), "tpm-"));
  cpSync(factory.stateDir, stateDir, { recursive: true });
  let running: RunningSwtpm = await startSwtpm(tools, stateDir);
  t.after(() => running.stop());
  return {
    get socketPath() {
      return running.socketPath;
    },
    get pid() {
      return running.pid;
    },
    ekCaCertificates: factory.ekCaCertificates,
    async open() {
      const tpm = await openTpm(running.socketPath);
      t.after(() => tpm.close());
      return tpm;
    },
    async restart() {
      await running.stop();
      running = await startSwtpm(tools, stateDir);
    },
  };
}

/** Its programs, for tests that make their own TPM. Undefined after `t.skip`; with CI=true a missing swtpm throws. */
export function findSwtpmForTest(t: TestContext): SwtpmTools | undefined {
  const tools = findSwtpm(TOP);
  if (tools) return tools;
  if (process.env["CI"] === "true") throw new Error("swtpm is missing, and CI=true allows no skipping");
  t.skip("swtpm is missing: `node tools/swtpm.ts` fetches it");
  return undefined;
}

const TOP = process.env["VEDETTE_TOP"] ?? join(import.meta.dirname, "../../..");

type Factory = Awaited<ReturnType<typeof manufactureTpm>>;
const factories = new Map<string, Promise<Factory>>();
let shared: string | undefined;

function manufactured(tools: SwtpmTools, { device, maker }: SwtpmIdentity): Promise<Factory> {
  const key = join(maker, device);
  const made =
    factories.get(key) ?? manufactureTpm(tools, join(workDirectory(), key), join(workDirectory(), maker, "ca"));
  factories.set(key, made);
  return made;
}

function workDirectory(): string {
  if (shared) return shared;
  const directory = mkdtempSync(join(tmpdir(), "vedette-swtpm-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  shared = directory;
  return directory;
}
