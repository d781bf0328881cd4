import type { AttestationResult, Verdict } from "@vedette/attestation";
import { type Crypto, hex, type Instant, instant, isJsonObject, type Json, type JsonObject } from "@vedette/base";
import { type Freshness, judgeFreshness } from "@vedette/identity";
import type { Inventory, RegisteredDevice } from "@vedette/protocol";

/** The last appraisal of one device, as the journal has it. */
export interface DeviceStanding {
  readonly name: string;
  readonly deviceClass: string;
  readonly ekHash: string;
  readonly akName: string;
  /** SHA-256 of the TLS key that was attested, hexadecimal: no other key is as fresh. */
  readonly keyHash: string;
  /** The key before it, while connections under it end; absent when it was not in good standing. */
  readonly keyHashBefore: string | undefined;
  readonly verdict: Verdict;
  readonly attestedAt: Instant;
  /** The TPM's own time of the quote. */
  readonly tpmTime: TpmTime;
}

interface TpmTime {
  readonly resetCount: number;
  readonly milliseconds: number;
}

/** A device as its certificate names it. */
export interface PresentedDevice {
  readonly name: string;
  readonly deviceClass: string;
  /** SHA-256 of its key, hexadecimal. */
  readonly keyHash: string;
}

/** The site's devices, as the active policy lists them. */
export interface DeviceList {
  readonly inventory: Inventory;
  readonly deviceByName: ReadonlyMap<string, RegisteredDevice>;
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
    if (!standing) return;
    const before = this.#standingByName.get(standing.name);
    const keyHashBefore = before && before.verdict !== "contraindicated" ? before.keyHash : undefined;
    this.#standingByName.set(standing.name, { ...standing, keyHashBefore });
  }

  /**
   * As `apply`, from a part of the journal that no seal covers, where whoever has the disk could have written. Bad news is
   * believed; good news with the node's own mark, if it is newer than all that is known: a copy of an older one is not.
   */
  applyUnsealed(facts: JsonObject, isMarked: boolean): void {
    const standing = parseStanding(facts);
    if (!standing) return;
    const isGoodNews = standing.verdict !== "contraindicated";
    if (!isGoodNews || (isMarked && isAfter(standing.tpmTime, this.#standingByName.get(standing.name)?.tpmTime)))
      this.apply(facts);
  }

  find(name: string): DeviceStanding | undefined {
    return this.#standingByName.get(name);
  }

  list(): readonly DeviceStanding[] {
    return [...this.#standingByName.values()];
  }

  /**
   * False for a quote made before the last one that was appraised: kept back while the device was still sound, it would
   * undo a later verdict. TPM time only goes forward, within a reset and from one to the next.
   */
  isNewer({ name, clock }: Pick<AttestationResult, "name" | "clock">): boolean {
    const last = this.#standingByName.get(name)?.tpmTime;
    return clock ? isAfter(clock, last) : last === undefined;
  }

  /**
   * Expired for whoever was never appraised here, or with another key or class, or is no longer in the inventory.
   * A PCR without reference values (`warning`) is at best stale: nobody vouches for it.
   */
  freshnessOf(device: PresentedDevice, { inventory, deviceByName }: DeviceList, now: Instant): Freshness {
    const { name, deviceClass, keyHash } = device;
    const standing = this.#standingByName.get(name);
    if (standing?.verdict === "contraindicated") return "contraindicated";
    const profile = Object.hasOwn(inventory.classes, deviceClass) ? inventory.classes[deviceClass] : undefined;
    const listed = deviceByName.get(name);
    if (!standing || !profile || listed?.class !== deviceClass || listed.ek !== standing.ekHash) return "expired";
    if (keyHash !== standing.keyHash && keyHash !== standing.keyHashBefore) return "expired";
    const judged = this.#judgedByName.get(name);
    const freshness = judgeFreshness({
      attestedAt: standing.attestedAt,
      verdict: standing.verdict,
      now,
      limits: { stale: profile.staleAfter, expired: profile.expiredAfter },
      previous: judged?.standing === standing ? judged.freshness : bestOf(standing.verdict),
    });
    this.#judgedByName.set(name, { standing, freshness });
    return freshness;
  }
}

function isAfter(time: TpmTime, last: TpmTime | undefined): boolean {
  if (!last) return true;
  if (time.resetCount !== last.resetCount) return time.resetCount > last.resetCount;
  return time.milliseconds > last.milliseconds;
}

/** The facts of the `appraisal` event for a result. */
export function appraisalFacts(result: AttestationResult, crypto: Crypto): JsonObject {
  const { resetCount = 0, milliseconds = 0 } = result.clock ?? {};
  return {
    device: result.name,
    class: result.deviceClass,
    ek: result.ekHash,
    ak: result.akName,
    key: hex(crypto.hash("sha256", result.spki)),
    verdict: result.verdict,
    at: result.attestedAt,
    tpmTime: { resetCount, milliseconds },
    reasons: result.reasons.map((reason): Json => ({ ...reason })),
  };
}

function bestOf(verdict: Verdict): Freshness {
  return verdict === "warning" ? "stale" : "fresh";
}

const VERDICTS: readonly string[] = ["affirming", "warning", "contraindicated"];

function parseStanding(facts: JsonObject): DeviceStanding | undefined {
  const { device, class: deviceClass, ek, ak, key, verdict, at, tpmTime } = facts;
  if (typeof device !== "string" || typeof deviceClass !== "string" || typeof ek !== "string") return undefined;
  if (typeof ak !== "string" || typeof key !== "string" || typeof at !== "number" || !isVerdict(verdict))
    return undefined;
  const time = parseTpmTime(tpmTime);
  if (!time) return undefined;
  const keys = { keyHash: key, keyHashBefore: undefined };
  return {
    name: device,
    deviceClass,
    ekHash: ek,
    akName: ak,
    ...keys,
    verdict,
    attestedAt: instant(at),
    tpmTime: time,
  };
}

function parseTpmTime(value: Json | undefined): TpmTime | undefined {
  if (value === undefined || !isJsonObject(value)) return undefined;
  const { resetCount, milliseconds } = value;
  return typeof resetCount === "number" && typeof milliseconds === "number" ? { resetCount, milliseconds } : undefined;
}

function isVerdict(value: unknown): value is Verdict {
  return typeof value === "string" && VERDICTS.includes(value);
}
