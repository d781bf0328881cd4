import { type Crypto, err, hex, ok, type Result } from "@vedette/base";
import { isPrincipalCurrent, type Principal, principalOf, type TrustDocument } from "@vedette/identity";
import type { ConnectionLedger, HttpRequest } from "@vedette/net";
import { parseCertificate } from "@vedette/x509";
import type { EffectiveClock } from "./effective-clock.ts";

/** Who is at the other end of a connection, and under which key. */
export interface Caller {
  readonly principal: Principal;
  /** SHA-256 of the key, hexadecimal. */
  readonly keyHash: string;
}

export interface CallersOptions {
  readonly siteDomain: string;
  readonly ledger: ConnectionLedger;
  readonly clock: EffectiveClock;
  readonly crypto: Crypto;
  trust(): TrustDocument | undefined;
}

interface Known extends Caller {
  readonly trustVersion: number;
}

/**
 * Resolves the caller once for each connection and each trust document; that it still holds is asked on every request
 * (PROTOCOLS 3.2). The error is a code for counters.
 */
export class Callers {
  readonly #options: CallersOptions;
  readonly #knownByChannel = new Map<string, Known>();

  constructor(options: CallersOptions) {
    this.#options = options;
  }

  recognise(http: HttpRequest): Result<Caller, string> {
    const { clock, trust } = this.#options;
    const document = trust();
    if (!document) return err("TRUST_MISSING");
    const known = this.#knownByChannel.get(http.channel);
    if (known?.trustVersion !== document.version) return this.#resolve(http, document);
    return isPrincipalCurrent(known.principal, clock.now()) ? ok(known) : err("PRINCIPAL_EXPIRED");
  }

  #resolve(http: HttpRequest, document: TrustDocument): Result<Caller, string> {
    const { siteDomain, ledger, clock, crypto } = this.#options;
    const [leaf, ...intermediates] = http.peer?.certificateChain ?? [];
    const certificate = leaf && parseCertificate(leaf);
    if (!leaf || !certificate?.ok) return err("CERTIFICATE_MISSING");
    const principal = principalOf({ leaf, intermediates }, document, clock.now(), crypto);
    if (!principal.ok) return err(principal.error.code);
    if (principal.value.kind === "node") return err("NODE_AT_GATEWAY");
    // Another site may have a device of the same name; what is known of ours must not stand for it.
    if (principal.value.trustDomain !== siteDomain) return err("SITE_FOREIGN");
    if (ledger.bind(http.connection, principal.value) === "full") return err("LEDGER_FULL");
    const keyHash = hex(crypto.hash("sha256", certificate.value.spki));
    const known = { principal: principal.value, keyHash, trustVersion: document.version };
    if (!this.#knownByChannel.has(http.channel))
      http.connection.onClose(() => this.#knownByChannel.delete(http.channel));
    this.#knownByChannel.set(http.channel, known);
    return ok(known);
  }
}
