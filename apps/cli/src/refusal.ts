import { exitCode } from "./command.ts";

/** A command's way to end with a clear no: what happened, what was done, what to do. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly exit: number;
  constructor(
    code: string,
    message: string,
    facts: Readonly<Record<string, unknown>> = {},
    exit: number = exitCode.no,
  ) {
    super(message);
    this.code = code;
    this.facts = facts;
    this.exit = exit;
  }
}
