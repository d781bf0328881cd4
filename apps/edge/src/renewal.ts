import {
  AdapterError,
  addDuration,
  type Clock,
  type Crypto,
  type Duration,
  days,
  type Instant,
  milliseconds,
  type Random,
  seconds,
} from "@vedette/base";
import { connectTls } from "@vedette/net";
import { type NodeGrant, nodeGrant, parseMessage } from "@vedette/protocol";
import type { SoftwareKey } from "@vedette/runtime";
import { type AttesterOptions, attest } from "./attester.ts";
import type { TpmAccess } from "./tpm-access.ts";

interface VerifierAddress {
  readonly url: string;
  /** SHA-256 of the fleet root, hexadecimal. */
  readonly rootHash: string;
  readonly fleet: string;
}

export interface NodeAttestation {
  readonly tpm: TpmAccess;
  readonly crypto: Crypto;
  readonly verifier: VerifierAddress;
  readonly site: string;
  readonly class: string;
  readonly name: string;
  readonly claim?: string | undefined;
  readonly tlsKey: SoftwareKey;
  readonly siteCaSpki: Uint8Array;
  readonly journalSpki: Uint8Array;
  readonly purpose: AttesterOptions["purpose"];
  readonly journal: AttesterOptions["journal"];
}

/**
 * The evidence walk of a node: both messages on one connection to the control plane, whose root is pinned.
 * Throws `AdapterError` ATTESTATION_PENDING or ATTESTATION_REFUSED (with the verifier's `reason`), and what fails underneath.
 */
export async function attestNode(options: NodeAttestation): Promise<NodeGrant> {
  const { verifier } = options;
  using client = connectTls({
    url: verifier.url,
    anchors: { pinnedRoot: verifier.rootHash },
    expectedServer: { dns: `control.${verifier.fleet}` },
  });
  const answer = await client.withConnection((connection) =>
    attest({ post: (path, body) => connection.request("POST", path, { body }) }, options),
  );
  if (!answer.ok) throw refusalError(answer.error);
  const grant = parseMessage(nodeGrant, answer.value, GRANT_LENGTH_MAX);
  if (!grant.ok)
    throw new AdapterError("ATTESTATION_ANSWER_MALFORMED", "the verifier's grant is not well formed", {
      ...grant.error,
    });
  return grant.value;
}

/** A grant carries a trust document of at most a mebibyte. */
export const GRANT_LENGTH_MAX = 1_572_864;

export function refusalError(refusal: { readonly code: string }): AdapterError {
  const facts = { ...refusal };
  if (refusal.code === "PENDING")
    return new AdapterError("ATTESTATION_PENDING", "this TPM is genuine, but nobody has registered it yet", facts);
  return new AdapterError("ATTESTATION_REFUSED", "the verifier refused the evidence", facts);
}

/** However short a life is, or however wrong a clock, renewals have a pause between them. */
const RENEWAL_PAUSE: Duration = seconds(5);
/** Node's timers hold 31 bits of milliseconds. */
const RENEWAL_WAIT_MAX: Duration = days(24);

/** After a third of the life that is left, give or take a tenth, so that a fleet does not renew in step. */
export function renewalDue(clock: Clock, notAfter: Instant, random: Random): Instant {
  const now = clock.now();
  const [spread = 0] = random.bytes(1);
  const wait = (notAfter - now) * (0.3 + (spread / 255) * 0.066);
  return addDuration(now, milliseconds(Math.min(Math.max(wait, RENEWAL_PAUSE), RENEWAL_WAIT_MAX)));
}
