import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type HttpHandler, listenUnix } from "@vedette/net";
import { systemRandom } from "@vedette/runtime";

// What the tests of OPA's services share. It holds no tests.

export function testDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "vedette-opa-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Somebody else's service, on a Unix socket. */
export async function testService(t: TestContext, handler: HttpHandler): Promise<string> {
  const path = join(testDirectory(t), "service.sock");
  const ignore = () => undefined;
  const options = { path, handler, random: systemRandom, onConnectionError: ignore, onHandlerError: ignore };
  const listener = await listenUnix({ ...options });
  t.after(() => listener.close({ graceMs: 0 }));
  return path;
}

export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; !condition(); i++) {
    if (i > 2_000) throw new Error("it never happened");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
