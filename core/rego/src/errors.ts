import type { Location } from "./syntax/ast.ts";

/** OPA's error codes, so that tools which read them go on working. */
export type RegoErrorCode =
  | "rego_parse_error"
  | "rego_compile_error"
  | "rego_type_error"
  | "rego_unsafe_var_error"
  | "rego_recursion_error";

/** What is wrong with a module. `message` is lower-case and says what to do where that is known. */
export interface RegoError {
  readonly code: RegoErrorCode;
  readonly message: string;
  readonly location: Location;
}
