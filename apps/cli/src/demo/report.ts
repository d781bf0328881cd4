/** One check of the story, and what was seen. */
export interface Shown {
  readonly step: number;
  readonly check: string;
  readonly seen: string;
  readonly held: boolean;
}

interface Step {
  readonly number: number;
  readonly title: string;
  readonly figures: string[];
}

/** Collects what was shown, prints it as it happens, and sums it up in a table that fits a terminal. */
export class Report {
  readonly shown: Shown[] = [];
  readonly #steps: Step[] = [];
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  begin(number: number, title: string): void {
    this.#steps.push({ number, title, figures: [] });
    this.#print(`\n${number}  ${title}`);
  }

  /** Information, not a check. */
  say(text: string): void {
    this.#print(`     ${text}`);
  }

  /** `figure` is what the table at the end repeats. */
  show(check: string, held: boolean, seen: string, figure?: string): void {
    const step = this.#steps.at(-1);
    this.shown.push({ step: step?.number ?? 0, check, seen, held });
    if (figure !== undefined) step?.figures.push(figure);
    this.#print(`   ${held ? "✓" : "✗"} ${check}:\n       ${seen}`);
  }

  get isHeld(): boolean {
    return this.shown.every((each) => each.held);
  }

  table(): string {
    const width = Math.max(...this.#steps.map(({ title }) => title.length));
    const rows = this.#steps.map(({ number, title, figures }) => {
      const checks = this.shown.filter(({ step }) => step === number);
      const held = checks.filter((each) => each.held).length;
      const mark = held === checks.length ? "held  " : "FAILED";
      return ` ${number}  ${title.padEnd(width)}  ${held}/${checks.length} ${mark}  ${figures.join(", ")}`;
    });
    const failed = this.shown.filter(({ held }) => !held);
    const verdict =
      failed.length === 0
        ? `All ${this.shown.length} checks held.`
        : `${failed.length} of ${this.shown.length} checks FAILED:`;
    const names = failed.map(({ step, check, seen }) => ` ${step}  ${check}: ${seen}`);
    return ["", "What was shown", ...rows, "", verdict, ...names].join("\n");
  }
}
