import { type Duration, durationBetween, type Instant, milliseconds, seconds } from "@vedette/base";
import type { BundleStatus, BundleTrouble } from "./opa-status.ts";

/** How one bundle is looked for (OPA, "Bundles", "Bundle Service API"). */
export interface PullPolicy {
  readonly delayMin: Duration;
  readonly delayMax: Duration;
  /** How long the server may hold a request until there is something new; undefined for plain polling. */
  readonly longPoll: Duration | undefined;
}

/** What is active, what is asked for, and what became of the last try. A failure leaves the first of them alone. */
export interface PullState {
  readonly status: BundleStatus;
  /** Of what is active; empty before that, and when a whole bundle is wanted. */
  readonly etag: string;
  /** Of what has arrived and is being judged. */
  readonly offered: { readonly etag: string; readonly size: number } | undefined;
  readonly isLongPolling: boolean;
  readonly askedAt: Instant | undefined;
  readonly failures: number;
}

export type PullEvent =
  /** It is time to ask. */
  | { readonly type: "due" }
  | { readonly type: "answered"; readonly status: number; readonly headers: Headers; readonly length: number }
  | { readonly type: "unreachable"; readonly message: string }
  | { readonly type: "activated"; readonly revision: string; readonly kind: "snapshot" | "delta" }
  /** `isBaseLost`: a delta that does not fit; only a whole bundle can help. */
  | { readonly type: "refused"; readonly trouble: BundleTrouble; readonly isBaseLost: boolean };

type Headers = Readonly<Record<string, string>>;

/** Exactly one for each event. */
export type PullEffect =
  | {
      readonly type: "request";
      readonly headers: Headers;
      /** How much longer than usual the answer may take. */
      readonly held: Duration;
    }
  /** The body of the answer: open it, activate it, and say what came of it. */
  | { readonly type: "judge" }
  | { readonly type: "wait"; readonly delay: Duration };

export interface PullStep {
  readonly state: PullState;
  readonly effect: PullEffect;
}

const OK = 200;
const NOT_MODIFIED = 304;
/** By it a server says that it holds requests. */
export const LONG_POLLING_TYPE = "application/vnd.openpolicyagent.bundles";
/** A server that promises to hold a request and answers sooner is not asked at once again. */
const HELD_MIN: Duration = seconds(1);
const RETRY_MIN: Duration = milliseconds(100);
const FAILURES_MAX = 32;
const ETAG_LENGTH_MAX = 1_024;

/** `active` is what a restart found on its disk and activated again. */
export function startPull(
  name: string,
  policy: PullPolicy,
  active?: { readonly etag: string; readonly revision: string; readonly at: Instant },
): PullState {
  const found = active && { activeRevision: active.revision, lastSuccessfulActivation: active.at };
  return {
    status: { name, ...found },
    etag: active?.etag ?? "",
    offered: undefined,
    // As OPA does: the first request asks to be held, and the answer's type says whether it may be.
    isLongPolling: policy.longPoll !== undefined,
    askedAt: undefined,
    failures: 0,
  };
}

/** The next state and what to do about it. `chance` is in [0, 1). */
export function stepPull(
  state: PullState,
  event: PullEvent,
  { policy, now, chance }: { readonly policy: PullPolicy; readonly now: Instant; readonly chance: number },
): PullStep {
  switch (event.type) {
    case "due":
      return ask({ ...state, askedAt: now, status: { ...state.status, lastRequest: now } }, policy);
    case "unreachable":
      return fail(state, { message: event.message }, policy, chance);
    case "answered":
      return hear(state, event, policy, now, chance);
    case "activated": {
      const { trouble: _, ...status } = state.status;
      const { etag = "", size = 0 } = state.offered ?? {};
      const done = { type: event.kind, activeRevision: event.revision, lastSuccessfulActivation: now, size };
      const next = { ...state, etag, offered: undefined, failures: 0, status: { ...status, ...done } };
      return { state: next, effect: rest(next, policy, now, chance, true) };
    }
    case "refused": {
      const next = { ...state, offered: undefined, etag: event.isBaseLost ? "" : state.etag };
      return fail(next, event.trouble, policy, chance);
    }
  }
}

function ask(state: PullState, { longPoll }: PullPolicy): PullStep {
  // A server that knows what we have may send what has changed since (RFC 7240).
  const modes = state.etag === "" ? "modes=snapshot" : "modes=snapshot,delta";
  const isHeld = state.isLongPolling && longPoll !== undefined;
  const prefer = isHeld ? `${modes};wait=${Math.ceil(longPoll / 1_000)}` : modes;
  const headers = { prefer, ...(state.etag !== "" && { "if-none-match": state.etag }) };
  return { state, effect: { type: "request", headers, held: isHeld ? longPoll : milliseconds(0) } };
}

function hear(
  state: PullState,
  { status, headers, length }: Extract<PullEvent, { type: "answered" }>,
  policy: PullPolicy,
  now: Instant,
  chance: number,
): PullStep {
  if (status === NOT_MODIFIED && state.etag !== "") {
    const { trouble: _, ...known } = state.status;
    const next = { ...state, failures: 0, status: { ...known, lastSuccessfulRequest: now } };
    return { state: next, effect: rest(next, policy, now, chance, false) };
  }
  if (status !== OK)
    return fail(state, { message: `server replied with ${status}`, httpStatus: status }, policy, chance);
  const etag = headers["etag"] ?? "";
  const isLongPolling = policy.longPoll !== undefined && headers["content-type"] === LONG_POLLING_TYPE;
  const heard = {
    ...state,
    isLongPolling,
    offered: { etag: etag.length <= ETAG_LENGTH_MAX ? etag : "", size: length },
    status: { ...state.status, lastSuccessfulRequest: now, lastSuccessfulDownload: now },
  };
  return { state: heard, effect: { type: "judge" } };
}

/** What was active stays. */
function fail(state: PullState, trouble: BundleTrouble, { delayMax }: PullPolicy, chance: number): PullStep {
  const failures = Math.min(state.failures + 1, FAILURES_MAX);
  const bound = Math.min(delayMax, RETRY_MIN * 2 ** failures);
  const delay = milliseconds(RETRY_MIN + chance * Math.max(0, bound - RETRY_MIN));
  return { state: { ...state, failures, status: { ...state.status, trouble } }, effect: { type: "wait", delay } };
}

function rest(
  state: PullState,
  { delayMin, delayMax }: PullPolicy,
  now: Instant,
  chance: number,
  isNews: boolean,
): PullEffect {
  const wasHeld = state.askedAt !== undefined && durationBetween(state.askedAt, now) >= HELD_MIN;
  if (state.isLongPolling && wasHeld) return { type: "wait", delay: milliseconds(0) };
  // Whoever has news all the time is asked no more often than that.
  if (state.isLongPolling && isNews) return { type: "wait", delay: HELD_MIN };
  return { type: "wait", delay: milliseconds(delayMin + chance * (delayMax - delayMin)) };
}
