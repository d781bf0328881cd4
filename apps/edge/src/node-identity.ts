import { AdapterError, type Clock, type Crypto, type Instant, instant, type Random, Secret } from "@vedette/base";
import type { Journal } from "@vedette/journal";
import type { TlsCertificate } from "@vedette/net";
import { generateKey, importKey, type SoftwareKey, writeFileDurably } from "@vedette/runtime";
import { certificatesToPem, parseCertificate, parsePem } from "@vedette/x509";
import { type EdgeFiles, readTextIfExists, sealed } from "./edge-files.ts";
import { checkGrant } from "./grant.ts";
import type { NodeFacts } from "./node-facts.ts";
import { attestNode, renewalDue } from "./renewal.ts";
import type { StateKeeper } from "./state-keeper.ts";
import type { TpmAccess } from "./tpm-access.ts";
import type { Vault } from "./vault.ts";

interface NodeIdentityOptions {
  readonly vault: Vault;
  readonly tpm: TpmAccess;
  readonly facts: NodeFacts;
  readonly files: EdgeFiles;
  readonly journal: Journal;
  readonly state: StateKeeper;
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
}

/** The node's fleet-facing SVID and its site CA, as the last attestation left them. */
export class NodeIdentity {
  readonly siteCaKey: SoftwareKey;
  readonly #options: NodeIdentityOptions;
  readonly #journalSpki: Uint8Array;
  #certificate: TlsCertificate;
  #siteCaChain: readonly Uint8Array[];
  #notAfter: Instant;
  #onSiteCa: (chain: readonly Uint8Array[]) => void = () => {};

  constructor(options: NodeIdentityOptions) {
    const { vault, files } = options;
    this.#options = options;
    this.siteCaKey = keyOf(vault, sealed.siteCaKey);
    this.#journalSpki = keyOf(vault, sealed.journalKey).spki;
    const svid = readChain(files.svid);
    this.#certificate = { chainPem: certificatesToPem(svid), key: keyOf(vault, sealed.nodeKey).exportPkcs8() };
    this.#notAfter = endOf(svid);
    this.#siteCaChain = readChain(files.siteCa);
  }

  get certificate(): TlsCertificate {
    return this.#certificate;
  }
  get siteCaChain(): readonly Uint8Array[] {
    return this.#siteCaChain;
  }
  get notAfter(): Instant {
    return this.#notAfter;
  }
  get siteCaNotAfter(): Instant {
    return endOf(this.#siteCaChain);
  }
  get renewalDue(): Instant {
    const { clock, random } = this.#options;
    return renewalDue(clock, this.#notAfter, random);
  }

  onSiteCa(listener: (chain: readonly Uint8Array[]) => void): void {
    this.#onSiteCa = listener;
  }

  /** Re-attestation with a fresh TLS key; the old identity stays until the new one is checked and stored. */
  async renew(): Promise<Instant> {
    const { vault, tpm, facts, files, journal, state, clock, crypto } = this.#options;
    const tlsKey = generateKey("ES256");
    const grant = await attestNode({
      tpm,
      crypto,
      verifier: { url: facts.enrolUrl, rootHash: facts.rootHash, fleet: facts.fleet },
      site: facts.site,
      class: facts.class,
      name: facts.name,
      tlsKey,
      siteCaSpki: this.siteCaKey.spki,
      journalSpki: this.#journalSpki,
      purpose: "reattest",
      journal: journal.head(),
    });
    const checked = checkGrant(grant, {
      facts,
      nodeSpki: tlsKey.spki,
      siteCaSpki: this.siteCaKey.spki,
      trustVersionAtLeast: state.record.trustVersion,
      now: clock.now(),
      crypto,
    });
    vault.write(sealed.nodeKey, tlsKey.exportPkcs8().reveal());
    writeFileDurably(files.svid, certificatesToPem(grant.svid));
    writeFileDurably(files.siteCa, certificatesToPem(grant.siteCa));
    this.#certificate = { chainPem: certificatesToPem(grant.svid), key: tlsKey.exportPkcs8() };
    this.#notAfter = checked.svidNotAfter;
    this.#siteCaChain = grant.siteCa;
    this.#onSiteCa(grant.siteCa);
    await state.change({});
    return this.renewalDue;
  }
}

export function keyOf(vault: Vault, name: string): SoftwareKey {
  return importKey(new Secret(vault.require(name)));
}

function readChain(path: string): readonly Uint8Array[] {
  const chain = parsePem(readTextIfExists(path) ?? "");
  if (!chain.ok || chain.value.length === 0)
    throw new AdapterError("CERTIFICATE_FILE_INVALID", "a certificate file is missing or damaged", { path });
  return chain.value;
}

function endOf(chain: readonly Uint8Array[]): Instant {
  const certificate = parseCertificate(chain[0] ?? new Uint8Array(0));
  return certificate.ok ? certificate.value.notAfter : instant(0);
}
