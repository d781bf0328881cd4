import { setTimeout as sleep } from "node:timers/promises";
import { isJsonObject, type Json, type JsonObject } from "@vedette/base";
import { type EdgeStatus, edgeStatus } from "@vedette/protocol";
import { callLocal } from "../local-api.ts";
import type { Report } from "./report.ts";
import type { DeviceName, Stage } from "./stage.ts";
import { type Answer, type Application, reasonOf, ruleOf } from "./traffic.ts";

const POLL_MS = 100;
const WAIT_MS = 30_000;

/** What the steps share. */
export interface Scene {
  readonly stage: Stage;
  readonly report: Report;
  readonly rules: string;
  readonly applications: ReadonlyMap<DeviceName, Application>;
}

export function applicationOf({ applications }: Pick<Scene, "applications">, name: DeviceName): Application {
  const application = applications.get(name);
  if (!application) throw new Error(`the demo has no device ${name}`);
  return application;
}

export async function renewalsOf({ applications }: Pick<Scene, "applications">): Promise<readonly number[]> {
  return Promise.all([...applications.values()].map(async (application) => (await application.status()).renewals));
}

export function statusOf({ paths }: Stage): Promise<EdgeStatus> {
  return callLocal(paths.statusSocket, "GET", "/v1/status", edgeStatus);
}

export async function until(isTrue: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + WAIT_MS;
  while (performance.now() < end) {
    if (await isTrue().catch(() => false)) return true; // not there yet counts as not yet
    await sleep(POLL_MS);
  }
  return false;
}

export function describe(answer: Answer): string {
  const rule = ruleOf(answer);
  return `${answer.status}, ${reasonOf(answer)}${rule === "-" ? "" : `, rule ${rule}`}`;
}

export function list(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
