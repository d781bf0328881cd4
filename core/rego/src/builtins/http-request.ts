import { valueToText } from "../values/print.ts";
import { memberOf, type ObjectValue, RegoSet, sortedKeysOf, type Value } from "../values/value.ts";
import type { BuiltinFailure } from "./builtin.ts";
import { operandMeaningFailure } from "./operands.ts";

export const HTTP_REQUEST_REQUIRED: readonly string[] = ["method", "url"];

/** OPA policy reference, "HTTP": the parameters of a request. */
const HTTP_REQUEST_KNOWN: ReadonlySet<Value> = new Set<Value>([
  ...HTTP_REQUEST_REQUIRED,
  "body",
  "cache",
  "cache_ignored_headers",
  "caching_mode",
  "enable_redirect",
  "force_cache",
  "force_cache_duration_seconds",
  "force_json_decode",
  "force_yaml_decode",
  "headers",
  "max_retry_attempts",
  "raise_error",
  "raw_body",
  "timeout",
  "tls_ca_cert",
  "tls_ca_cert_env_variable",
  "tls_ca_cert_file",
  "tls_client_cert",
  "tls_client_cert_env_variable",
  "tls_client_cert_file",
  "tls_client_key",
  "tls_client_key_env_variable",
  "tls_client_key_file",
  "tls_insecure_skip_verify",
  "tls_server_name",
  "tls_use_system_certs",
]);

/** Whether an object, the first operand, has the parameters of a request and no others. Their values are not looked at. */
export function checkHttpRequest(request: ObjectValue): BuiltinFailure | undefined {
  const unknown = sortedKeysOf(request).filter((key) => !HTTP_REQUEST_KNOWN.has(key));
  if (unknown.length > 0) return namesFailure(1, "invalid request parameters(s)", unknown);
  const missing = HTTP_REQUEST_REQUIRED.filter((name) => memberOf(request, name) === undefined);
  return missing.length > 0 ? namesFailure(1, "missing required request parameters(s)", missing) : undefined;
}

/** `operand 1 missing required request parameters(s): {"method", "url"}`. */
export function namesFailure(position: number, what: string, names: readonly Value[]): BuiltinFailure {
  return operandMeaningFailure(position, `${what}: ${valueToText(RegoSet.of(names))}`);
}
