/** Fewer than the numbers that the journal leases (`NUMBERS_LEASED`), so that the gateway never waits for a PEP's batch. */
export const DECISIONS_IN_FLIGHT_MAX = 2_048;

/** Bounds what is under way at once; who comes too early waits in line. */
export class InFlight {
  readonly #max: number;
  #count = 0;
  readonly #line: { readonly count: number; readonly enter: () => void }[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Resolves when there is room for so many; more than the bound counts as the bound, so that nobody waits for ever. */
  enter(count: number): Promise<void> | undefined {
    const wanted = Math.min(count, this.#max);
    if (this.#line.length === 0 && this.#count + wanted <= this.#max) {
      this.#count += wanted;
      return undefined;
    }
    return new Promise((enter) => this.#line.push({ count: wanted, enter }));
  }

  leave(count: number): void {
    this.#count -= Math.min(count, this.#max);
    for (let [next] = this.#line; next && this.#count + next.count <= this.#max; [next] = this.#line) {
      this.#line.shift();
      this.#count += next.count;
      next.enter();
    }
  }
}
