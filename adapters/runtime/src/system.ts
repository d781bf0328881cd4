import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { type Clock, instant, milliseconds, type Random } from "@vedette/base";

export const systemClock: Clock = {
  now: () => instant(Date.now()),
  monotonic: () => milliseconds(performance.now()),
};

export const systemRandom: Random = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
};
