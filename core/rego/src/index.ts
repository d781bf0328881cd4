export type { Builtin } from "./builtins/builtin.ts";
export { parseVerificationKeys } from "./builtins/jwt-verify.ts";
export { BUILTINS } from "./builtins/registry.ts";
export { parseYaml } from "./builtins/yaml.ts";
export { type BuiltinCall, builtinCalls, inputPaths, inputProjection } from "./compile/calls.ts";
export { type CompiledModules, type CompiledQuery, compileModules, compileQuery } from "./compile/compile.ts";
export type { Program } from "./compile/ir.ts";
export { keepReachable } from "./compile/keep-reachable.ts";
export { requireInput } from "./compile/require-input.ts";
export { type SoundProgram, verifyProgram } from "./compile/verify-program.ts";
export type { RegoError, RegoErrorCode } from "./errors.ts";
export type { BackEnd } from "./evaluate/back-end.ts";
export { closures } from "./evaluate/closures.ts";
export type { Observer, QueryOptions } from "./evaluate/evaluation.ts";
export { javascript } from "./evaluate/javascript.ts";
export {
  bindProgram,
  createRegoPolicy,
  type LinkedProgram,
  linkProgram,
  type PolicyOptions,
  type PreparedQuery,
  type QueryFailure,
  type RegoPolicy,
  type Rows,
} from "./evaluate/query.ts";
export { type FormatOptions, formatModule } from "./format/format.ts";
export { unifiedDiff } from "./format/unified-diff.ts";
export { LimitExceeded } from "./limits.ts";
export { type Parts, runParts } from "./parts.ts";
export type { Annotations, Body, Location, Module, Term } from "./syntax/ast.ts";
export { valueOfTerm } from "./syntax/constant.ts";
export { parseModule, parseQuery, parseTerm } from "./syntax/parse.ts";
export { type AnsweredExpression, answersOf, type QueryAnswer } from "./tools/answers.ts";
export {
  builtinToValue,
  capabilitiesToValue,
  type PolicyTier,
  REFUSED_CALLS,
  type RefusedCall,
  refusedCall,
} from "./tools/capabilities.ts";
export { CoverageObserver, type CoverageReport, type FileCoverage, type SourceRange } from "./tools/coverage.ts";
export {
  type DataDocument,
  type DocumentError,
  type DocumentTextError,
  mergeDocuments,
  parseDocument,
} from "./tools/documents.ts";
export { type ExplainedCall, ExplainingObserver, type Explanation, type GaveUp } from "./tools/explain.ts";
export { explanationToText, gaveUpToText, refToText } from "./tools/explain-text.ts";
export { type Instrumented, instrument } from "./tools/instrument.ts";
export { joinObservers } from "./tools/join-observers.ts";
export { type ProfiledLine, ProfilingObserver } from "./tools/profile.ts";
export { SourceIndex } from "./tools/source-index.ts";
export { findTests, type Test, type TestModules } from "./tools/test-cases.ts";
export {
  createTestSuite,
  type TestCase,
  type TestDeps,
  type TestOptions,
  type TestOutcome,
  type TestResult,
  type TestSuite,
} from "./tools/test-runner.ts";
export { type TraceEvent, TraceObserver, traceToText } from "./tools/trace.ts";
export type { FlatCode } from "./transfer/flat-code.ts";
export { type CodeUnsound, readFlatCode } from "./transfer/flat-reader.ts";
export { FlatWriter } from "./transfer/flat-writer.ts";
export { parseJson, valueToJson } from "./values/json.ts";
export { valueToText } from "./values/print.ts";
export { isPlainObject, type PlainObject, RegoSet, type Value } from "./values/value.ts";
