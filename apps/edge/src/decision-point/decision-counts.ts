import type { DecisionPointStatus } from "@vedette/protocol";

type Counts = { -readonly [Name in keyof DecisionPointStatus]: number };

/** What PEPs asked since the start; for the status page. */
export class DecisionCounts {
  readonly #byPep = new Map<string, Counts>();

  of({ name }: { readonly name: string }): Counts {
    const known = this.#byPep.get(name);
    if (known) return known;
    const counts = { allowed: 0, denied: 0, queried: 0, refused: 0, unavailable: 0 };
    this.#byPep.set(name, counts);
    return counts;
  }

  byPep(): Readonly<Record<string, DecisionPointStatus>> {
    return Object.fromEntries([...this.#byPep].map(([name, counts]) => [name, { ...counts }]));
  }
}
