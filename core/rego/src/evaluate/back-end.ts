import type { SoundProgram, SoundQuery } from "../compile/verify-program.ts";
import type { Value } from "../values/value.ts";
import type { Evaluation, RunRule } from "./evaluation.ts";

/** Runs verified programs, and no others. Both back ends give the same answers to the same questions. */
export type BackEnd = (program: SoundProgram) => {
  readonly runRule: RunRule;
  readonly query: (query: SoundQuery) => (evaluation: Evaluation) => readonly (readonly Value[])[];
};
