import type { ClientAnswer, RequestExtras } from "@vedette/net";
import { parseMessage, refusalBody } from "@vedette/protocol";

/** A request to the control plane. Undefined when there was no answer, or none to this node as one in good standing. */
export type FleetRequest = (method: string, path: string, extras?: RequestExtras) => Promise<ClientAnswer | undefined>;

/** The code with which the control plane says that this node must re-attest: it knows the certificate, the node, or its state no more. */
export function standingRefusal({ status, body }: ClientAnswer): string | undefined {
  if (status !== 401 && status !== 403) return undefined;
  const refusal = parseMessage(refusalBody, body);
  const code = refusal.ok ? refusal.value.error.code : "";
  return status === 401 || REATTEST.has(code) ? code : undefined;
}
const REATTEST: ReadonlySet<string> = new Set(["NODE_UNKNOWN", "NODE_CONTRAINDICATED"]);
