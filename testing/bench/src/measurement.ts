/** One figure of a bench, with the limit it is held to and the peer it was measured against in the same run. */
export interface Measurement {
  readonly bench: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  /** What the ratio is against, with its version when it has one. */
  readonly peer?: string;
  /** How many times better than the peer: above 1 is in our favour, whatever the unit. */
  readonly ratio?: number;
}

/** A figure without a limit is information and always counts as met. */
export function isMet(measurement: Measurement): boolean {
  const { value, atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = measurement;
  return value <= atMost && value >= atLeast;
}
