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
export { type Chunk, type ChunkFill, type ChunkLimits, packChunk, startFill } from "./log-chunk.ts";
export { encodeEvent, eventOfLeaf, type LeafPlace, withoutInput } from "./opa-log.ts";
