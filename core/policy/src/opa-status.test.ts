import assert from "node:assert/strict";
import { test } from "node:test";
import { instant } from "@vedette/base";
import { type BundleStatus, statusReport } from "./opa-status.ts";

const at = instant(Date.UTC(2026, 10, 22, 12));
const AT = "2026-11-22T12:00:00.000Z";
const NEVER = "0001-01-01T00:00:00Z";
const labels = { id: "edge-1" };

test("a report has the members of OPA's status, with Go's zero time for never", () => {
  const bundle: BundleStatus = {
    name: "authz",
    lastRequest: at,
    trouble: { message: "server replied with 404", httpStatus: 404 },
  };
  assert.deepEqual(statusReport(labels, [bundle], undefined), {
    labels,
    bundles: {
      authz: {
        name: "authz",
        last_request: AT,
        last_successful_request: NEVER,
        last_successful_download: NEVER,
        last_successful_activation: NEVER,
        code: "bundle_error",
        message: "server replied with 404",
        http_code: 404,
      },
    },
    plugins: { bundle: { state: "NOT_READY" } },
  });
});

test("a bundle that is active has a revision, a type and a size, and the plugin is ready", () => {
  const bundle: BundleStatus = {
    name: "authz",
    type: "snapshot",
    activeRevision: "r1",
    size: 321,
    lastRequest: at,
    lastSuccessfulRequest: at,
    lastSuccessfulDownload: at,
    lastSuccessfulActivation: at,
  };
  const report = statusReport(labels, [bundle], { trouble: { message: "server replied with 503", httpStatus: 503 } });
  assert.deepEqual(report["plugins"], { bundle: { state: "OK" }, decision_logs: { state: "OK" } });
  assert.deepEqual(report["decision_logs"], {
    code: "decision_log_error",
    message: "server replied with 503",
    http_code: 503,
  });
  assert.deepEqual(report["bundles"], {
    authz: {
      name: "authz",
      type: "snapshot",
      active_revision: "r1",
      size: 321,
      last_request: AT,
      last_successful_request: AT,
      last_successful_download: AT,
      last_successful_activation: AT,
    },
  });
});
