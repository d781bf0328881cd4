export type { Builtin } from "./builtins/builtin.ts";
export { BUILTINS } from "./builtins/registry.ts";
export { type BuiltinCall, builtinCalls, inputPaths, inputProjection } from "./compile/calls.ts";
export { type CompiledModules, type CompiledQuery, compileModules, compileQuery } from "./compile/compile.ts";
export type { Program } from "./compile/ir.ts";
export { requireInput } from "./compile/require-input.ts";
export type { RegoError, RegoErrorCode } from "./errors.ts";
export type { BackEnd } from "./evaluate/back-end.ts";
export { closures } from "./evaluate/closures.ts";
export type { Observer, QueryOptions } from "./evaluate/evaluation.ts";
export { javascript } from "./evaluate/javascript.ts";
export {
  createRegoPolicy,
  type PolicyOptions,
  type PreparedQuery,
  type QueryFailure,
  type RegoPolicy,
  type Rows,
} from "./evaluate/query.ts";
export { LimitExceeded } from "./limits.ts";
export type { Body, Location, Module, Term } from "./syntax/ast.ts";
export { valueOfTerm } from "./syntax/constant.ts";
export { parseModule, parseQuery, parseTerm } from "./syntax/parse.ts";
export { parseJson, valueToJson } from "./values/json.ts";
export { isPlainObject, RegoSet, type Value } from "./values/value.ts";
