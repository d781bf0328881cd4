import type { AttestationResult } from "@vedette/attestation";
import { AdapterError, type Clock, type Crypto, type Duration, type Random, type Result } from "@vedette/base";
import { type CertificateAuthority, type IssuanceError, mintDeviceSvid, mintGatewaySvid } from "@vedette/identity";
import type { TlsCertificate } from "@vedette/net";
import { generateKey, type SoftwareKey } from "@vedette/runtime";
import { type Certificate, certificatesToPem, parseCertificate } from "@vedette/x509";

/** The site's own CA: it names the gateway and the devices of this site, and can name nothing else (PROTOCOLS §1). */
export class SiteAuthority {
  #authority: CertificateAuthority;
  /** DER: site CA, issuing CA. */
  #chain: readonly Uint8Array[];
  readonly #root: Uint8Array;
  readonly #deps: { readonly clock: Clock; readonly random: Random; readonly crypto: Crypto };

  constructor(
    key: SoftwareKey,
    chain: readonly Uint8Array[],
    root: Uint8Array,
    deps: { readonly clock: Clock; readonly random: Random; readonly crypto: Crypto },
  ) {
    this.#authority = { certificate: firstOf(chain), signer: key };
    this.#chain = chain;
    this.#root = root;
    this.#deps = deps;
  }

  get notAfter(): number {
    return this.#authority.certificate.notAfter;
  }

  /** DER: whose leaves are clients here. */
  get clientAuthorities(): readonly Uint8Array[] {
    return [...this.#chain, this.#root];
  }

  /** A renewed certificate for the same key. */
  replaceChain(chain: readonly Uint8Array[]): void {
    this.#authority = { ...this.#authority, certificate: firstOf(chain) };
    this.#chain = chain;
  }

  /** For the gateway's listeners, root last, because a device's first contact pins the root. */
  gatewayCertificate(lifetime: Duration): { readonly tls: TlsCertificate; readonly notAfter: number } {
    const key = generateKey("ES256");
    const leaf = issued(mintGatewaySvid({ spki: key.spki }, this.#authority, this.#issuance(lifetime)));
    const chainPem = certificatesToPem([leaf.der, ...this.#chain, this.#root]);
    return { tls: { chainPem, key: key.exportPkcs8() }, notAfter: leaf.notAfter };
  }

  /** DER, leaf first, up to below the root. */
  deviceSvid(
    result: AttestationResult,
    lifetime: Duration,
  ): { readonly certificates: readonly Uint8Array[]; readonly leaf: Certificate } {
    const { deviceClass, name, spki } = result;
    const leaf = issued(mintDeviceSvid({ deviceClass, name, spki }, this.#authority, this.#issuance(lifetime)));
    return { certificates: [leaf.der, ...this.#chain], leaf };
  }

  #issuance(lifetime: Duration) {
    const { clock, random, crypto } = this.#deps;
    return { now: clock.now(), lifetime, random, crypto };
  }
}

function issued(minted: Result<Uint8Array, IssuanceError>): Certificate {
  if (!minted.ok)
    throw new AdapterError(minted.error.code, "the site CA cannot mint this certificate", { ...minted.error });
  return firstOf([minted.value]);
}

function firstOf(chain: readonly Uint8Array[]): Certificate {
  const certificate = parseCertificate(chain[0] ?? new Uint8Array(0));
  if (!certificate.ok) throw new AdapterError(certificate.error.code, "the site CA's certificate does not parse", {});
  return certificate.value;
}
