export { DENIAL_LIMITS, DenialBudget, type DenialLimits, type DenialVerdict } from "./denial-budget.ts";
export type { LeafError } from "./errors.ts";
export {
  type DecisionLeaf,
  type EventLeaf,
  encodeLeaf,
  type GapLeaf,
  LEAF_VERSION,
  type Leaf,
  numbersIn,
  parseLeaf,
  type SummaryLeaf,
} from "./leaf.ts";
