import type { RegoError } from "../errors.ts";
import { compareText } from "../values/value.ts";

/** As many as `opa check` shows: the first of them are what to mend, the others often follow from them. */
export const ERRORS_MAX = 10;

/**
 * What the stages of one compilation refuse. A stage whose findings would mislead the stages after it ends the
 * compilation; all others may go on, so that one run tells as much as it can.
 */
export class ErrorLog {
  readonly #errors: RegoError[] = [];
  #mustStop = false;

  get mustStop(): boolean {
    return this.#mustStop;
  }

  /** An error after which later stages make no sense. */
  refuse(...errors: readonly RegoError[]): void {
    this.#errors.push(...errors);
    this.#mustStop ||= errors.length > 0;
  }

  /** An error that later stages do not stumble over. */
  report(...errors: readonly RegoError[]): void {
    this.#errors.push(...errors);
    this.#mustStop ||= this.#errors.length >= ERRORS_MAX;
  }

  /** In the order of the text; the first ten that were found. */
  get errors(): readonly RegoError[] {
    return this.#errors.slice(0, ERRORS_MAX).sort(compareErrors);
  }
}

function compareErrors({ location: a, message: x }: RegoError, { location: b, message: y }: RegoError): number {
  return compareText(a.file, b.file) || a.row - b.row || a.col - b.col || compareText(x, y);
}
