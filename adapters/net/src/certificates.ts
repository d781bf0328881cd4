import { constants, createPrivateKey, type X509Certificate } from "node:crypto";
import { createSecureContext, type DetailedPeerCertificate, type SecureContextOptions, type TLSSocket } from "node:tls";
import type { Secret } from "@vedette/base";
import { netError } from "./errors.ts";

/** A certificate and its key, as a listener or a client presents it. */
export interface TlsCertificate {
  /** Leaf first. A server that is pinned by its root (PROTOCOLS 2.1) sends the root as well, as the last one. */
  readonly chainPem: string;
  /** PKCS #8, DER. */
  readonly key: Secret;
}

/** Leaf, site CA, issuing CA, root, and room for cross-signs; a longer chain is not one of ours. */
const CHAIN_LENGTH_MAX = 8;

/**
 * What both sides always use: TLS 1.3, a stated set of anchors, no resumption. Throws `AdapterError` NET_CERTIFICATE_INVALID.
 */
export function secureOptions(
  certificate: TlsCertificate | undefined,
  anchors: readonly string[] | undefined,
): SecureContextOptions {
  const options: SecureContextOptions = {
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    // PROTOCOLS 3.2: with this flag TLS 1.3 tickets only name a server-side session, and nobody keeps those.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  if (anchors) options.ca = [...anchors];
  try {
    if (certificate) {
      options.cert = certificate.chainPem;
      options.key = keyToPem(certificate.key);
    }
    createSecureContext(options);
  } catch (cause) {
    throw netError("NET_CERTIFICATE_INVALID", "certificate, key or authorities do not load", {}, cause);
  }
  return options;
}

export function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.ca && certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
}

/** DER, the other side's leaf first; empty when it sent none. On a server only the anchors complete it (nodejs/node#65579). */
export function certificateChainOf(socket: TLSSocket): readonly Uint8Array[] {
  return chainOf(socket.getPeerCertificate(true));
}

export function chainOf(leaf: DetailedPeerCertificate): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  let next: DetailedPeerCertificate | undefined = leaf;
  while (next?.raw && chain.length < CHAIN_LENGTH_MAX) {
    chain.push(new Uint8Array(next.raw));
    // A self-signed certificate names itself as its issuer.
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}

function keyToPem(key: Secret): string | Buffer {
  return createPrivateKey({ key: Buffer.from(key.reveal()), format: "der", type: "pkcs8" }).export({
    format: "pem",
    type: "pkcs8",
  });
}
