/** What one step of the story claimed, and what was seen. */
export interface Shown {
  readonly step: number;
  readonly claim: string;
  readonly seen: string;
  readonly held: boolean;
}

/** Collects what was shown and prints it as it happens. */
export class Report {
  readonly shown: Shown[] = [];
  readonly #print: (line: string) => void;
  #step = 0;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  begin(step: number, title: string): void {
    this.#step = step;
    this.#print(`\n${step}  ${title}`);
  }

  /** A figure that is information, not a claim. */
  say(text: string): void {
    this.#print(`     ${text}`);
  }

  show(claim: string, held: boolean, seen: string): void {
    this.shown.push({ step: this.#step, claim, seen, held });
    this.#print(`   ${held ? "✓" : "✗"} ${claim}: ${seen}`);
  }

  get isHeld(): boolean {
    return this.shown.every((each) => each.held);
  }

  table(): string {
    const width = Math.max(...this.shown.map(({ claim }) => claim.length));
    const rows = this.shown.map(
      ({ step, claim, seen, held }) => ` ${step}  ${held ? "held  " : "FAILED"}  ${claim.padEnd(width)}  ${seen}`,
    );
    const failed = this.shown.filter(({ held }) => !held).length;
    const verdict = failed === 0 ? `All ${rows.length} claims held.` : `${failed} of ${rows.length} claims FAILED.`;
    return ["", "What was shown", ...rows, verdict].join("\n");
  }
}
