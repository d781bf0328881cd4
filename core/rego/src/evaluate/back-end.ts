import type { Block, Program } from "../compile/ir.ts";
import type { Value } from "../values/value.ts";
import type { Evaluation, RunRule } from "./evaluation.ts";

/** Runs programs. Both back ends give the same answers to the same questions. */
export type BackEnd = (program: Program) => {
  readonly runRule: RunRule;
  readonly query: (query: RunnableQuery) => (evaluation: Evaluation) => readonly (readonly Value[])[];
};

export interface RunnableQuery {
  /** Emits one row for each answer. */
  readonly body: Block;
  /** Slots of its frame. */
  readonly frame: number;
}
