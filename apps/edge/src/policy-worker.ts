import { type MessagePort, parentPort } from "node:worker_threads";
import { assert, hex, ok } from "@vedette/base";
import { compileBundle, openPolicyBundle, packPolicy } from "@vedette/policy";
import { createNodeCrypto, gunzip, gzip, yieldToOtherThreads } from "@vedette/runtime";
import type { OpenAnswer, OpenRequest } from "./policy-thread.ts";

// The entry point of the thread that opens policy bundles: see policy-worker-url.ts for how it is found when bundled.
assert(parentPort !== null, "the policy worker runs as a worker");
// A decision waits for nobody; a policy can wait.
yieldToOtherThreads();
serve(parentPort);

function serve(port: MessagePort): void {
  port.on("message", (request: OpenRequest) => {
    const { answer, buffers } = open(request);
    port.postMessage(answer, buffers);
  });
}

function open({ bytes, terms, wants }: OpenRequest): { answer: OpenAnswer; buffers: ArrayBuffer[] } {
  const crypto = createNodeCrypto();
  const bundle = openPolicyBundle(bytes, { ...terms, crypto, gzip: { gzip, gunzip } });
  if (!bundle.ok || wants === "verification") return { answer: bundle.ok ? ok(undefined) : bundle, buffers: [] };
  const compiled = compileBundle(bundle.value);
  if (!compiled.ok) return { answer: compiled, buffers: [] };
  const { transfer, buffers } = packPolicy(bundle.value, compiled.value);
  const answer = ok({ ...transfer, digest: hex(crypto.hash("sha256", bytes)) });
  return { answer, buffers: buffers.filter((buffer) => buffer instanceof ArrayBuffer) };
}
