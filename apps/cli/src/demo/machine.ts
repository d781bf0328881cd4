import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { hex, utf8 } from "@vedette/base";
import { createNodeCrypto } from "@vedette/runtime";
import { manufactureTpm, openTpm, type RunningSwtpm, type SwtpmTools, startSwtpm } from "@vedette/tpm";
import { parseCertificate } from "@vedette/x509";

/** A machine of the demo: its own software TPM, powered on and booted. */
export interface Machine {
  readonly name: string;
  readonly tpm: RunningSwtpm;
  /** SHA-256 of the EK public key, hexadecimal: what an operator registers. */
  readonly ek: string;
  /** PCR values after a healthy boot: what an operator takes as reference values. */
  readonly referenceValues: Readonly<Record<string, readonly string[]>>;
  readonly ekCaCertificates: readonly Uint8Array[];
}

/** The PCRs that a UEFI machine measures firmware, boot loader and secure-boot state into (TCG PC Client PFP §3.3.4). */
export const BOOT_PCRS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];

const crypto = createNodeCrypto();

/** Makes a TPM, powers it on, and measures into it what a boot of this kind of machine measures. */
export async function bootMachine(
  tools: SwtpmTools,
  directory: string,
  name: string,
  kind: string,
  caDirectory: string,
): Promise<Machine> {
  const tpmDirectory = join(directory, "tpm", name);
  mkdirSync(tpmDirectory, { recursive: true, mode: 0o700 });
  const made = await manufactureTpm(tools, tpmDirectory, caDirectory);
  const tpm = await startSwtpm(tools, made.stateDir);
  await using client = await openTpm(tpm.socketPath);
  for (const [pcr, event] of bootEvents(kind)) await client.extendPcr(pcr, crypto.hash("sha256", utf8(event)));
  const values = await client.readPcrs({ bank: "sha256", pcrs: BOOT_PCRS });
  const ekCertificate = parseCertificate((await client.ekCertificate()) ?? new Uint8Array(0));
  if (!ekCertificate.ok) throw new Error(`the EK certificate of ${name} does not parse: ${ekCertificate.error.code}`);
  return {
    name,
    tpm,
    ek: hex(crypto.hash("sha256", ekCertificate.value.spki)),
    referenceValues: Object.fromEntries(Object.entries(values).map(([pcr, value]) => [pcr, [hex(value)]])),
    ekCaCertificates: made.ekCaCertificates,
  };
}

function bootEvents(kind: string): readonly (readonly [number, string])[] {
  return [
    [0, `${kind}: firmware 4.2`],
    [2, `${kind}: option ROM`],
    [4, `${kind}: boot loader 1.9`],
    [5, `${kind}: partition table`],
    [7, "secure boot: on"],
  ];
}
