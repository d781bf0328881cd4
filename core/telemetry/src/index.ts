export { DECISIONS_MAX, type NumberedRecord, type NumberedText } from "./decision-batch.ts";
export { DENIAL_LIMITS, DenialBudget, type DenialLimits, type DenialVerdict } from "./denial-budget.ts";
export type { LeafError } from "./errors.ts";
export {
  type DecisionLeaf,
  type DecisionsLeaf,
  decisionsIn,
  type EventLeaf,
  encodeLeaf,
  type GapLeaf,
  type Leaf,
  numbersIn,
  parseLeaf,
  type SummaryLeaf,
} from "./leaf.ts";
export { type Chunk, type ChunkFill, type ChunkLimits, packChunk, startFill } from "./log-chunk.ts";
export { encodeEvent, eventsOfLeaf, type LeafPlace, withoutInput } from "./opa-log.ts";
export { type PackedDecisions, packDecisions } from "./pack-decisions.ts";
export { type RecordText, recordText } from "./record-text.ts";
