import { type Instant, instant, instantToString, parseInstant } from "@vedette/base";
import type { AttestationState } from "@vedette/policy";
import { UsageError } from "../command.ts";

export const ATTESTATION_STATES: readonly string[] = ["fresh", "stale", "expired", "contraindicated"];

export function isAttestationState(value: unknown): value is AttestationState {
  return typeof value === "string" && ATTESTATION_STATES.includes(value);
}

export function readCount(option: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${option} "${text}" is not a whole number`);
  return Number(text);
}

export function readInstant(text: string): Instant {
  const at = parseInstant(text);
  if (!at.ok) throw new UsageError(`"${text}" is not a time such as ${instantToString(instant(0))}`);
  return at.value;
}

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 6e10, h: 3.6e12 };

/** Nanoseconds of a duration as Go writes it: `500ms`, `1m30s`. */
export function readDuration(option: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  const isWhole = parts.length > 0 && parts.map(([part]) => part).join("") === text;
  if (!isWhole) throw new UsageError(`--${option} "${text}" is not a duration such as 5s or 500ms`);
  return parts.reduce((sum, [, count, unit = "s"]) => sum + Number(count) * (UNITS[unit] ?? 0), 0);
}

/** As Go writes a duration: `1.5ms`. */
export function durationToText(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${round(nanoseconds / 1e3)}µs`;
  if (nanoseconds < 1e9) return `${round(nanoseconds / 1e6)}ms`;
  return `${round(nanoseconds / 1e9)}s`;
}

function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

/** All but the code, which is said already. */
export function factsOf({ code: _, ...facts }: { readonly code: string }): Readonly<Record<string, unknown>> {
  return facts;
}
