/**
 * Work that stops between its parts, each of them microseconds: whoever does it on an event loop lets others have their
 * turn when it has taken long enough.
 */
export type Parts<T> = Generator<undefined, T>;

/** Without a stop. */
export function runParts<T>(parts: Parts<T>): T {
  for (;;) {
    const part = parts.next();
    if (part.done === true) return part.value;
  }
}
