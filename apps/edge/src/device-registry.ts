import type { AttestationResult, Verdict } from "@vedette/attestation";
import { type Instant, isJsonObject, type Json, type JsonObject } from "@vedette/base";
import { type Freshness, judgeFreshness } from "@vedette/identity";
import type { Inventory } from "@vedette/protocol";

/** The last appraisal of one device, as the journal has it. */
export interface DeviceStanding {
  readonly name: string;
  readonly deviceClass: string;
  readonly ekHash: string;
  readonly akName: string;
  readonly verdict: Verdict;
  readonly attestedAt: Instant;
}

/** The name of the journal event that carries a standing. */
export const APPRAISAL_EVENT = "appraisal";

/**
 * What the gateway knows about its devices: a fold over the appraisals in its journal, so that a restart forgets
 * nothing and an older copy of anything else cannot bring a contraindicated device back.
 */
export class DeviceRegistry {
  readonly #standingByName = new Map<string, DeviceStanding>();
  // PROTOCOLS 3.1: a clock that steps back makes nothing fresher.
  readonly #judgedByName = new Map<string, { readonly standing: DeviceStanding; readonly freshness: Freshness }>();

  /** Takes the facts of an `appraisal` event; anything else is not one of ours and changes nothing. */
  apply(facts: JsonObject): void {
    const standing = parseStanding(facts);
    if (standing) this.#standingByName.set(standing.name, standing);
  }

  find(name: string): DeviceStanding | undefined {
    return this.#standingByName.get(name);
  }

  list(): readonly DeviceStanding[] {
    return [...this.#standingByName.values()];
  }

  /** Expired for whoever was never appraised here, or under another class than it claims, or is no longer in the inventory. */
  freshnessOf(name: string, deviceClass: string, inventory: Inventory, now: Instant): Freshness {
    const standing = this.#standingByName.get(name);
    if (standing?.verdict === "contraindicated") return "contraindicated";
    const profile = Object.hasOwn(inventory.classes, deviceClass) ? inventory.classes[deviceClass] : undefined;
    const isListed = inventory.devices.some(
      (device) => device.name === name && device.class === deviceClass && device.ek === standing?.ekHash,
    );
    if (!standing || !profile || !isListed) return "expired";
    const limits = { stale: profile.staleAfter, expired: profile.expiredAfter };
    const judged = this.#judgedByName.get(name);
    const freshness = judgeFreshness({
      attestedAt: standing.attestedAt,
      verdict: standing.verdict,
      now,
      limits,
      ...(judged?.standing === standing ? { previous: judged.freshness } : {}),
    });
    this.#judgedByName.set(name, { standing, freshness });
    return freshness;
  }
}

/** The facts of the `appraisal` event for a result. */
export function appraisalFacts(result: AttestationResult): JsonObject {
  return {
    device: result.name,
    class: result.deviceClass,
    ek: result.ekHash,
    ak: result.akName,
    verdict: result.verdict,
    at: result.attestedAt,
    reasons: result.reasons.map((reason): Json => ({ ...reason })),
  };
}

const VERDICTS: readonly string[] = ["affirming", "warning", "contraindicated"];

function parseStanding(facts: JsonObject): DeviceStanding | undefined {
  if (!isJsonObject(facts)) return undefined;
  const { device, class: deviceClass, ek, ak, verdict, at } = facts;
  if (typeof device !== "string" || typeof deviceClass !== "string" || typeof ek !== "string") return undefined;
  if (typeof ak !== "string" || typeof at !== "number" || !isVerdict(verdict)) return undefined;
  return { name: device, deviceClass, ekHash: ek, akName: ak, verdict, attestedAt: at as Instant };
}

function isVerdict(value: unknown): value is Verdict {
  return typeof value === "string" && VERDICTS.includes(value);
}
