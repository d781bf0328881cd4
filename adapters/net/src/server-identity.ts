import { createHash, X509Certificate } from "node:crypto";
import { checkServerIdentity, connect, type DetailedPeerCertificate, type PeerCertificate } from "node:tls";
import { type AdapterError, err, ok, type Result } from "@vedette/base";
import { parseSpiffeId } from "@vedette/identity";
import { parseCertificate } from "@vedette/x509";
import { certificateChainOf, chainOf, isSelfSigned } from "./certificates.ts";
import { netError } from "./errors.ts";

/** Who must be at the other end, beyond a path to an anchor. There is no "anybody". */
export type ExpectedServer =
  /** A DNS name of its certificate (RFC 9525); also sent as SNI, so the URL may hold an address. */
  | { readonly dns: string }
  /** Its only URI name, exactly, and a valid SPIFFE ID (X.509-SVID §2). */
  | { readonly spiffeId: string }
  /** DER, leaf first. */
  | { readonly accepts: (chain: readonly Uint8Array[]) => boolean };

/** Undefined when the certificate is the expected server's, else the refusal that ends the handshake. */
export function checkServer(expected: ExpectedServer, certificate: PeerCertificate): AdapterError | undefined {
  if ("dns" in expected) {
    const cause = checkServerIdentity(expected.dns, certificate);
    return cause && refusal("SERVER_NAME_MISMATCH", { expected: expected.dns }, cause);
  }
  // Node passes the detailed form here (`getPeerCertificate(true)`); a plain one is a chain of one.
  const chain = chainOf(certificate as DetailedPeerCertificate);
  if ("spiffeId" in expected) {
    const found = uriNamesOf(chain[0]);
    const only = found.length === 1 ? parseSpiffeId(found[0] ?? "") : undefined;
    const isExpected = only?.ok === true && only.value === expected.spiffeId;
    return isExpected ? undefined : refusal("SERVER_ID_MISMATCH", { expected: expected.spiffeId, found });
  }
  return expected.accepts(chain) ? undefined : refusal("SERVER_NOT_ACCEPTED", {});
}

function uriNamesOf(leaf: Uint8Array | undefined): readonly string[] {
  const certificate = leaf && parseCertificate(leaf);
  if (!certificate?.ok) return [];
  return certificate.value.subjectAltNames.flatMap((name) => (name.kind === "uri" ? [name.value] : []));
}

function refusal(reason: string, facts: Readonly<Record<string, unknown>>, cause?: unknown): AdapterError {
  return netError("NET_TLS_REFUSED", "the server is not the expected one", { reason, ...facts }, cause);
}

export interface PinnedRootQuery {
  readonly host: string;
  readonly port: number;
  readonly servername: string;
  /** SHA-256 of the root's DER, lower-case hexadecimal. */
  readonly pinnedRoot: string;
  readonly timeoutMs: number;
}

/**
 * Asks a server for its chain and returns the self-signed certificate with the pinned hash, in PEM: the join file brings the hash,
 * the server the certificate (PROTOCOLS 2.1). Nothing else is believed: the connection carries no request, and the one that
 * does is made anew with this root as its only anchor. Throws `AdapterError` as a client does.
 */
export async function fetchPinnedRoot(query: PinnedRootQuery): Promise<string> {
  const chain = await presentedChain(query);
  const root = chain.find((der) => createHash("sha256").update(der).digest("hex") === query.pinnedRoot);
  const certificate = root && checkSelfSigned(root);
  if (!certificate) throw refusal("PINNED_ROOT_MISSING", { pinnedRoot: query.pinnedRoot });
  if (!certificate.ok) throw refusal(certificate.error, { pinnedRoot: query.pinnedRoot });
  return certificate.value;
}

/** A pinned certificate that is no root would silently become an anchor of its own. */
function checkSelfSigned(der: Uint8Array): Result<string, "PINNED_ROOT_NOT_SELF_SIGNED"> {
  const certificate = new X509Certificate(der);
  return isSelfSigned(certificate) ? ok(certificate.toString()) : err("PINNED_ROOT_NOT_SELF_SIGNED");
}

function presentedChain({ host, port, servername, timeoutMs }: PinnedRootQuery): Promise<readonly Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      servername,
      minVersion: "TLSv1.3",
      // Only here, and only to read certificates: the anchor is not known yet, and its hash is what proves it.
      rejectUnauthorized: false,
    });
    const timer = setTimeout(() => {
      socket.destroy(netError("NET_TIMEOUT", "no connection in time", { phase: "connect", timeoutMs }));
    }, timeoutMs);
    socket.once("secureConnect", () => {
      resolve(certificateChainOf(socket));
      socket.destroy();
    });
    socket.once("error", reject);
    socket.once("close", () => clearTimeout(timer));
  });
}
