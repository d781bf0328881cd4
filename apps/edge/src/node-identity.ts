import { AdapterError, type Clock, type Crypto, type Instant, instant, type Random, Secret, utf8 } from "@vedette/base";
import type { Journal } from "@vedette/journal";
import type { TlsCertificate } from "@vedette/net";
import { encodeMessage, type NodeIdentityFile, nodeIdentityFile, parseMessage } from "@vedette/protocol";
import { generateKey, importKey, type SoftwareKey } from "@vedette/runtime";
import { certificatesToPem, parseCertificate } from "@vedette/x509";
import { sealed } from "./edge-files.ts";
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
  readonly journal: Journal;
  readonly state: StateKeeper;
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
}

/** What else came with a renewal. */
export interface Renewed {
  readonly siteCa: readonly Uint8Array[];
  readonly trustDocument: string;
}

/** The node's fleet-facing SVID and its site CA, as the last attestation left them. */
export class NodeIdentity {
  readonly siteCaKey: SoftwareKey;
  readonly #options: NodeIdentityOptions;
  readonly #journalSpki: Uint8Array;
  #identity: NodeIdentityFile;
  #onRenewed: (renewed: Renewed) => void = () => {};

  constructor(options: NodeIdentityOptions) {
    const { vault } = options;
    this.#options = options;
    this.siteCaKey = keyOf(vault, sealed.siteCaKey);
    this.#journalSpki = keyOf(vault, sealed.journalKey).spki;
    const stored = parseMessage(nodeIdentityFile, vault.require(sealed.identity));
    if (!stored.ok)
      throw new AdapterError("NODE_IDENTITY_INVALID", "the sealed identity is not in a form this version knows", {
        ...stored.error,
      });
    this.#identity = stored.value;
  }

  get certificate(): TlsCertificate {
    return { chainPem: certificatesToPem(this.#identity.svid), key: new Secret(this.#identity.key) };
  }
  get siteCaChain(): readonly Uint8Array[] {
    return this.#identity.siteCa;
  }
  get notAfter(): Instant {
    return endOf(this.#identity.svid);
  }
  get siteCaNotAfter(): Instant {
    return endOf(this.#identity.siteCa);
  }
  get renewalDue(): Instant {
    const { clock, random } = this.#options;
    return renewalDue(clock, this.notAfter, random);
  }

  onRenewed(listener: (renewed: Renewed) => void): void {
    this.#onRenewed = listener;
  }

  /** Re-attestation with a fresh TLS key; the old identity stays until the new one is checked and stored. */
  async renew(): Promise<Instant> {
    const { vault, tpm, facts, journal, state, clock, crypto } = this.#options;
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
    checkGrant(grant, {
      facts,
      nodeSpki: tlsKey.spki,
      siteCaSpki: this.siteCaKey.spki,
      trustVersionAtLeast: state.record.trustVersion,
      now: clock.now(),
      crypto,
    });
    const { svid, siteCa, trustDocument } = grant;
    const identity: NodeIdentityFile = { format: 1, key: tlsKey.exportPkcs8().reveal(), svid, siteCa };
    vault.write(sealed.identity, utf8(encodeMessage(identity)));
    this.#identity = identity;
    this.#onRenewed({ siteCa, trustDocument });
    await state.change({});
    return this.renewalDue;
  }
}

export function keyOf(vault: Vault, name: string): SoftwareKey {
  return importKey(new Secret(vault.require(name)));
}

function endOf(chain: readonly Uint8Array[]): Instant {
  const certificate = parseCertificate(chain[0] ?? new Uint8Array(0));
  return certificate.ok ? certificate.value.notAfter : instant(0);
}
