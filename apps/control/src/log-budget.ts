import { addDuration, type Clock, type Duration, type Instant, minutes } from "@vedette/base";
import type { Log } from "@vedette/runtime";

/** Ten a second, more than ten thousand nodes cause by renewing; a flood is the same few lines a thousand times. */
const LINES_MAX = 600;
const WINDOW: Duration = minutes(1);

/**
 * A log for what strangers can cause: within a window so many lines are written, the rest are counted and told by one line when
 * the next window begins (as PROTOCOLS 6.3 has it for the journal).
 */
export function limitLog(log: Log, clock: Clock, linesMax: number = LINES_MAX): Log {
  let until: Instant | undefined;
  let written = 0;
  let leftOut = 0;
  return (level, message, facts) => {
    const now = clock.now();
    if (until === undefined || now >= until || now < addDuration(until, -WINDOW as Duration)) {
      if (leftOut > 0) log("warn", "lines of the last minute were left out", { leftOut });
      [until, written, leftOut] = [addDuration(now, WINDOW), 0, 0];
    }
    if (written < linesMax) {
      written++;
      log(level, message, facts);
    } else leftOut++;
  };
}
