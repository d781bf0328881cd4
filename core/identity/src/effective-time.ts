import { type Duration, durationBetween, type Instant, latest } from "@vedette/base";

/** What a node knows about the time (PROTOCOLS 3.1). Absent means never seen. */
export interface TimeWitnesses {
  readonly wallClock: Instant;
  readonly journalLeaf?: Instant;
  readonly cosignature?: Instant;
  /** From the sealed state record. */
  readonly sealedFloor?: Instant;
}

export interface EffectiveTime {
  readonly now: Instant;
  /** How far the wall clock is behind what has been witnessed: to be recorded. */
  readonly steppedBack?: Duration;
}

/** The latest of all witnesses: time never runs backwards for a decision, whatever the wall clock says. */
export function effectiveTime(witnesses: TimeWitnesses): EffectiveTime {
  const { wallClock, journalLeaf = wallClock, cosignature = wallClock, sealedFloor = wallClock } = witnesses;
  const now = latest(wallClock, journalLeaf, cosignature, sealedFloor);
  return now === wallClock ? { now } : { now, steppedBack: durationBetween(wallClock, now) };
}
