import { isJsonObject, type JsonObject } from "@vedette/base";
import { type AccessRequest, parseAccessRequest } from "@vedette/policy";
import type { Activated } from "../policy-host.ts";
import type { AccessDesk } from "./access-desk.ts";
import { NO_POLICY, type Refused, type Unavailable } from "./answers.ts";
import type { DocumentDesk } from "./document-desk.ts";
import { mayClaim, type Pep } from "./pep.ts";
import type { Vocabulary } from "./policy-contents.ts";
import { deviceId } from "./subject.ts";

export type SearchKind = "subject" | "resource" | "action";

export type SearchAnswer = { readonly type: "found"; readonly page: JsonObject } | Refused | Unavailable;

export interface AccessSearchOptions {
  readonly siteDomain: string;
  readonly access: AccessDesk;
  readonly documents: Pick<DocumentDesk, "recordSearch">;
  policy(): Activated | undefined;
  vocabulary(): Vocabulary;
}

const RESULTS_DEFAULT = 100;
const RESULTS_MAX = 1_000;
/** Decided for one page, hits or not: some ten milliseconds of the node's time. */
const CANDIDATES_MAX = 2_000;

/**
 * AuthZEN 1.0 §8, over what the node knows: devices of the site's inventory as subjects; resources and actions that rules
 * name word for word. Whom or what only a pattern, a PEP or Rego knows is not found.
 */
export class AccessSearch {
  readonly #options: AccessSearchOptions;

  constructor(options: AccessSearchOptions) {
    this.#options = options;
  }

  async find(kind: SearchKind, body: JsonObject, pep: Pep): Promise<SearchAnswer> {
    const { access, documents, policy } = this.#options;
    const active = policy();
    if (!active) return NO_POLICY;
    const pattern = parseAccessRequest(withPlaceholder(kind, body));
    if (!pattern.ok) return invalid(`${pattern.error.member}: expected ${pattern.error.expected}`);
    if (!mayClaim(pep, pattern.value.subject)) return notToName(pattern.value.subject.type);
    const page = parsePage(body["page"], active.sequence);
    if (!page)
      return invalid(
        `page: expected {"token": as given, "limit": 1 to ${RESULTS_MAX}}, with the policy of the first page`,
      );
    const candidates = this.#candidates(kind, pattern.value, active);
    const results: JsonObject[] = [];
    let at = page.from;
    for (const end = at + CANDIDATES_MAX; at < Math.min(end, candidates.length) && results.length < page.limit; at++) {
      const candidate = candidates[at] ?? "";
      const request = withCandidate(kind, pattern.value, candidate);
      if (access.wouldAllow(pep, request, active)) results.push(resultOf(kind, request));
    }
    const next = at < candidates.length ? `${active.sequence}.${at}` : "";
    const recorded = await documents.recordSearch(pep, `access/v1/search/${kind}`, body, {
      count: results.length,
      from: page.from,
    });
    if (typeof recorded !== "number") return recorded;
    return {
      type: "found",
      page: { results, page: { next_token: next, count: results.length }, context: { decision_id: String(recorded) } },
    };
  }

  #candidates(kind: SearchKind, { subject, resource }: AccessRequest, { inventory }: Activated): readonly string[] {
    const { siteDomain, vocabulary } = this.#options;
    switch (kind) {
      case "subject":
        return subject.type === "device" ? inventory.devices.map((device) => deviceId(siteDomain, device)) : [];
      case "resource":
        return vocabulary().resourcesByType.get(resource.type) ?? [];
      case "action":
        return vocabulary().actions;
    }
  }
}

/** The entity that is searched for has a type and no name yet; one that is there is ignored (AuthZEN 1.0 §8). */
function withPlaceholder(kind: SearchKind, body: JsonObject): JsonObject {
  if (kind === "action") return { ...body, action: { name: PLACEHOLDER } };
  const entity = body[kind];
  return { ...body, [kind]: entity !== undefined && isJsonObject(entity) ? { ...entity, id: PLACEHOLDER } : null };
}

const PLACEHOLDER = "?";

function withCandidate(kind: SearchKind, pattern: AccessRequest, candidate: string): AccessRequest {
  if (kind === "action") return { ...pattern, action: { ...pattern.action, name: candidate } };
  return { ...pattern, [kind]: { ...pattern[kind], id: candidate } };
}

function resultOf(kind: SearchKind, { subject, action, resource }: AccessRequest): JsonObject {
  if (kind === "action") return { name: action.name };
  const { type, id } = kind === "subject" ? subject : resource;
  return { type, id };
}

/** A token names the policy and the next candidate: another policy has other candidates. */
function parsePage(value: unknown, sequence: number): { readonly from: number; readonly limit: number } | undefined {
  if (value === undefined) return { from: 0, limit: RESULTS_DEFAULT };
  if (!isJsonObject(value)) return undefined;
  const { token = "", limit = RESULTS_DEFAULT } = value;
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1 || limit > RESULTS_MAX) return undefined;
  if (token === "") return { from: 0, limit };
  const [, of = "", from = ""] = /^(\d{1,15})\.(\d{1,15})$/.exec(typeof token === "string" ? token : "") ?? [];
  return of === String(sequence) ? { from: Number(from), limit } : undefined;
}

function invalid(message: string): Refused {
  return { type: "refused", code: "REQUEST_INVALID", message };
}

function notToName(type: string): Refused {
  return {
    type: "refused",
    code: "CLAIM_REFUSED",
    message: `this decision point is not registered to name subjects of type ${type}`,
  };
}
