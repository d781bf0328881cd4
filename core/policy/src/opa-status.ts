import { type Instant, instantToString, type JsonObject } from "@vedette/base";

/** What is known about one bundle that is pulled; a state to show, never to decide by. */
export interface BundleStatus {
  readonly name: string;
  readonly type?: "snapshot" | "delta";
  /** Of what is active; undefined before the first activation. */
  readonly activeRevision?: string;
  readonly lastRequest?: Instant;
  readonly lastSuccessfulRequest?: Instant;
  readonly lastSuccessfulDownload?: Instant;
  readonly lastSuccessfulActivation?: Instant;
  /** Bytes of the last download. */
  readonly size?: number;
  readonly trouble?: BundleTrouble;
}

/** Why the last try left things as they were. */
export interface BundleTrouble {
  readonly message: string;
  readonly httpStatus?: number;
  readonly errors?: readonly JsonObject[];
}

export interface DecisionLogStatus {
  readonly trouble?: Pick<BundleTrouble, "message" | "httpStatus">;
}

/** Go's zero time: how OPA writes "never". */
const NEVER = "0001-01-01T00:00:00Z";
const BUNDLE_ERROR = "bundle_error";
const DECISION_LOG_ERROR = "decision_log_error";

/** The body of OPA's `POST /status` ("Status", "Status Service API"). */
export function statusReport(
  labels: Readonly<Record<string, string>>,
  bundles: readonly BundleStatus[],
  decisionLogs: DecisionLogStatus | undefined,
): JsonObject {
  const isReady = bundles.every(({ lastSuccessfulActivation }) => lastSuccessfulActivation !== undefined);
  return {
    labels,
    bundles: Object.fromEntries(bundles.map((bundle) => [bundle.name, bundleStatusToJson(bundle)])),
    ...(decisionLogs?.trouble && { decision_logs: troubleToJson(decisionLogs.trouble, DECISION_LOG_ERROR) }),
    plugins: {
      bundle: { state: isReady ? "OK" : "NOT_READY" },
      ...(decisionLogs && { decision_logs: { state: "OK" } }),
    },
  };
}

/** One entry of `bundles` in OPA's status. */
export function bundleStatusToJson(status: BundleStatus): JsonObject {
  const { name, type, activeRevision, size, trouble } = status;
  return {
    name,
    ...(type !== undefined && { type }),
    ...(activeRevision !== undefined && activeRevision !== "" && { active_revision: activeRevision }),
    last_request: timeOf(status.lastRequest),
    last_successful_request: timeOf(status.lastSuccessfulRequest),
    last_successful_download: timeOf(status.lastSuccessfulDownload),
    last_successful_activation: timeOf(status.lastSuccessfulActivation),
    ...(size !== undefined && { size }),
    ...(trouble && troubleToJson(trouble, BUNDLE_ERROR)),
  };
}

function troubleToJson({ message, httpStatus, errors = [] }: BundleTrouble, code: string): JsonObject {
  return {
    code,
    message,
    // A number, as Go's `json.Number` writes it.
    ...(httpStatus !== undefined && { http_code: httpStatus }),
    ...(errors.length > 0 && { errors }),
  };
}

function timeOf(instant: Instant | undefined): string {
  return instant === undefined ? NEVER : instantToString(instant);
}
