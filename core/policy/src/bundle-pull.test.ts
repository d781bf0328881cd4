import assert from "node:assert/strict";
import { test } from "node:test";
import { addDuration, type Instant, instant, milliseconds, minutes, seconds } from "@vedette/base";
import fc from "fast-check";
import {
  LONG_POLLING_TYPE,
  type PullEvent,
  type PullPolicy,
  type PullState,
  startPull,
  stepPull,
} from "./bundle-pull.ts";

const polling: PullPolicy = { delayMin: minutes(1), delayMax: minutes(2), longPoll: undefined };
const held: PullPolicy = { ...polling, longPoll: seconds(30) };
const T0 = instant(1_790_000_000_000);
const trouble = { message: "no" };

function setupPull(policy: PullPolicy = polling, active?: Parameters<typeof startPull>[2]) {
  let state: PullState = startPull("authz", policy, active);
  let now: Instant = T0;
  return {
    get state() {
      return state;
    },
    step(event: PullEvent, chance = 0.5) {
      const step = stepPull(state, event, { policy, now, chance });
      state = step.state;
      return step.effect;
    },
    later(by: number) {
      now = addDuration(now, milliseconds(by));
    },
  };
}

function answer(status: number, headers: Readonly<Record<string, string>> = {}, length = 100): PullEvent {
  return { type: "answered", status, headers, length };
}

test("the first request wants a whole bundle; later ones say what is there, and take changes to it", () => {
  const pull = setupPull();
  assert.deepEqual(pull.step({ type: "due" }), { type: "request", headers: { prefer: "modes=snapshot" }, held: 0 });
  assert.deepEqual(pull.step(answer(200, { etag: '"1"' })), { type: "judge" });
  pull.step({ type: "activated", revision: "r1", kind: "snapshot" });
  assert.deepEqual(pull.step({ type: "due" }), {
    type: "request",
    headers: { prefer: "modes=snapshot,delta", "if-none-match": '"1"' },
    held: 0,
  });
});

test("between tries it waits an even share of the configured delays", () => {
  for (const [chance, delay] of [
    [0, 60_000],
    [0.5, 90_000],
    [0.999, 119_940],
  ] as const) {
    const pull = setupPull(polling, { etag: '"1"', revision: "r1", at: T0 });
    pull.step({ type: "due" });
    assert.deepEqual(pull.step(answer(304), chance), { type: "wait", delay });
  }
});

test("after failures it waits longer each time, up to the longest delay, and goes on where it was after a success", () => {
  const pull = setupPull();
  const waits = Array.from({ length: 14 }, () => {
    pull.step({ type: "due" });
    const effect = pull.step({ type: "unreachable", message: "gone" }, 1 - 2 ** -32);
    return effect.type === "wait" ? Math.round(effect.delay) : 0;
  });
  assert.deepEqual(waits.slice(0, 4), [200, 400, 800, 1_600]);
  assert.equal(waits.at(-1), 120_000);
  pull.step({ type: "due" });
  pull.step(answer(200));
  pull.step({ type: "activated", revision: "r1", kind: "snapshot" });
  assert.equal(pull.state.failures, 0);
});

test("what is refused leaves the tag of what is active, so that the next good one is noticed", () => {
  const pull = setupPull(polling, { etag: '"1"', revision: "r1", at: T0 });
  pull.step({ type: "due" });
  pull.step(answer(200, { etag: '"2"' }));
  pull.step({ type: "refused", trouble, isBaseLost: false });
  assert.deepEqual(
    [pull.state.etag, pull.state.status.activeRevision, pull.state.status.trouble],
    ['"1"', "r1", trouble],
  );
});

test("a delta that does not fit makes it ask for a whole bundle", () => {
  const pull = setupPull(polling, { etag: '"1"', revision: "r1", at: T0 });
  pull.step({ type: "due" });
  pull.step(answer(200, { etag: '"2"' }));
  pull.step({ type: "refused", trouble, isBaseLost: true });
  assert.deepEqual(pull.step({ type: "due" }), { type: "request", headers: { prefer: "modes=snapshot" }, held: 0 });
  assert.equal(pull.state.status.activeRevision, "r1");
});

test("a 304 for something that was never there is a failure", () => {
  const pull = setupPull();
  pull.step({ type: "due" });
  pull.step(answer(304));
  assert.equal(pull.state.status.trouble?.httpStatus, 304);
});

test("a server that holds requests is asked again as soon as it has answered", () => {
  const pull = setupPull(held);
  assert.deepEqual(pull.step({ type: "due" }), {
    type: "request",
    headers: { prefer: "modes=snapshot;wait=30" },
    held: 30_000,
  });
  pull.step(answer(200, { etag: '"1"', "content-type": LONG_POLLING_TYPE }));
  assert.deepEqual(pull.step({ type: "activated", revision: "r1", kind: "snapshot" }), { type: "wait", delay: 1_000 });
  pull.later(1_000);
  pull.step({ type: "due" });
  pull.later(30_000);
  assert.deepEqual(pull.step(answer(304)), { type: "wait", delay: 0 });
});

test("a server that promises to hold requests and does not is polled like any other", () => {
  const pull = setupPull(held, { etag: '"1"', revision: "r1", at: T0 });
  pull.step({ type: "due" });
  assert.deepEqual(pull.step(answer(304), 0), { type: "wait", delay: 60_000 });
});

test("a server that does not say that it holds requests is not asked to any more", () => {
  const pull = setupPull(held);
  pull.step({ type: "due" });
  pull.step(answer(200, { etag: '"1"', "content-type": "application/gzip" }));
  assert.deepEqual(pull.step({ type: "activated", revision: "r1", kind: "snapshot" }, 0), {
    type: "wait",
    delay: 60_000,
  });
  const effect = pull.step({ type: "due" });
  assert.ok(effect.type === "request" && effect.held === 0);
});

test("status tells each step apart", () => {
  const pull = setupPull();
  pull.step({ type: "due" });
  pull.later(10);
  pull.step(answer(200, { etag: '"1"' }, 321));
  pull.later(10);
  pull.step({ type: "activated", revision: "r1", kind: "delta" });
  assert.deepEqual(pull.state.status, {
    name: "authz",
    type: "delta",
    activeRevision: "r1",
    size: 321,
    lastRequest: T0,
    lastSuccessfulRequest: T0 + 10,
    lastSuccessfulDownload: T0 + 10,
    lastSuccessfulActivation: T0 + 20,
  });
  pull.step({ type: "due" });
  pull.step(answer(500));
  assert.equal(pull.state.status.trouble?.httpStatus, 500);
  assert.equal(pull.state.status.lastSuccessfulRequest, T0 + 10);
  pull.step({ type: "due" });
  pull.step(answer(304));
  assert.equal(pull.state.status.trouble, undefined, "an answer that nothing is new is good news");
});

test("a tag that is too long to send back is forgotten", () => {
  const pull = setupPull();
  pull.step({ type: "due" });
  pull.step(answer(200, { etag: "x".repeat(2_000) }));
  pull.step({ type: "activated", revision: "r1", kind: "snapshot" });
  assert.equal(pull.state.etag, "");
});

test("whatever a server answers, what is active stays until something else is", () => {
  const event = fc.oneof(
    fc.constant<PullEvent>({ type: "due" }),
    fc.constant<PullEvent>({ type: "unreachable", message: "gone" }),
    fc.integer({ min: 100, max: 599 }).map((status) => answer(status, { etag: `"${status}"` })),
    fc.boolean().map((isBaseLost): PullEvent => ({ type: "refused", trouble, isBaseLost })),
  );
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 30 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (events, chance) => {
        const pull = setupPull(held, { etag: '"1"', revision: "r1", at: T0 });
        for (const each of events) {
          const effect = pull.step(each, chance);
          assert.equal(pull.state.status.activeRevision, "r1");
          assert.ok(['"1"', ""].includes(pull.state.etag));
          if (effect.type === "wait") assert.ok(effect.delay >= 0 && effect.delay <= 120_000);
        }
      },
    ),
  );
});
