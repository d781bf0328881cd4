import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addDuration, days, instantToString, isJsonObject, type JsonObject, readJson } from "@vedette/base";
import { controlStatus } from "@vedette/protocol";
import { systemClock } from "@vedette/runtime";
import { exitCode } from "../command.ts";
import { callLocal } from "../local-api.ts";
import { runVedette, tryVedette } from "./command-run.ts";
import type { Report } from "./report.ts";
import { applicationOf, describe, type Scene, statusOf, until } from "./scene.ts";
import { DEVICES, type DeviceName, machineOf, NODE, SITE, type Stage, start } from "./stage.ts";
import { Application, ruleOf, text } from "./traffic.ts";

export async function enrolNode({ stage, report }: Pick<Scene, "stage" | "report">): Promise<void> {
  const { paths } = stage;
  report.begin(1, "Enrol the node: its TPM proves what it is");
  const joinFor = (name: string, out: string) =>
    runVedette([
      "control",
      "join",
      "--operator",
      paths.operatorSocket,
      "--site",
      SITE,
      "--class",
      "gateway",
      "--name",
      name,
      "--out",
      out,
    ]);
  await joinFor(NODE, paths.join(NODE));
  const enrolled = await runVedette([
    "edge",
    "init",
    "--join",
    paths.join(NODE),
    "--config",
    paths.edgeConfig,
    "--data",
    paths.edgeData,
  ]);
  const ear = decodeEar(text(enrolled["attestationResult"]));
  report.show(
    "EK chain, registered EK, credential activation and a quote bound to the TLS key",
    ear.status === "affirming",
    `attestation result ${ear.status}, for ${Object.keys(ear.vector).join(", ")}`,
    `appraised ${ear.status}`,
  );
  const strangerConfig = join(stage.directory, "stranger.json");
  const config = readJson(readFileSync(paths.edgeConfig, "utf8")) as JsonObject;
  writeFileSync(strangerConfig, JSON.stringify({ ...config, tpm: machineOf(stage, "stranger").tpm.socketPath }));
  await joinFor("edge-9", paths.join("stranger"));
  const refused = await tryVedette([
    "edge",
    "init",
    "--join",
    paths.join("stranger"),
    "--config",
    strangerConfig,
    "--data",
    join(stage.directory, "stranger"),
  ]);
  const status = await callLocal(paths.operatorSocket, "GET", "/v1/status", controlStatus);
  const pending = status.pending.map(({ ek }) => ek);
  const isPending = refused.exit === exitCode.refused && pending.includes(machineOf(stage, "stranger").ek);
  const hasNothing = !existsSync(join(stage.directory, "stranger"));
  report.show(
    "a second genuine TPM that nobody registered gets nothing",
    isPending && hasNothing,
    `exit code ${refused.exit}, listed as pending (EK ${String(pending[0]).slice(0, 16)}…), ${hasNothing ? "no file written" : "files written"}`,
    isPending ? "a stranger left pending" : "a stranger not pending",
  );
  await start(stage, "edge");
}

export async function publishPolicy({
  stage,
  report,
  rules,
}: Pick<Scene, "stage" | "report" | "rules">): Promise<void> {
  report.begin(2, "Publish policy 1: signed, verified from the node's disk, active, acknowledged");
  const took = await publishRules(stage, rules, 1, []);
  report.show(
    "the node runs policy 1 and says so",
    took !== undefined,
    `${took} ms from publication to acknowledgement`,
    `acknowledged after ${took} ms`,
  );
  const { operatorSocket, trustFile } = stage.paths;
  await runVedette(["audit", "trust", "--operator", operatorSocket, "--out", trustFile]);
  report.say("the auditor's trust file is written now, before there is anything to audit");
}

/** Builds, signs and publishes a policy. Milliseconds until the node acknowledged it; undefined when it did not. */
export async function publishRules(
  { paths }: Stage,
  rules: string,
  sequence: number,
  code: readonly string[],
): Promise<number | undefined> {
  const notAfter = instantToString(addDuration(systemClock.now(), days(30)));
  const bundle = paths.bundle(sequence);
  const sources = ["--rules", rules, "--inventory", paths.inventory, "--site", SITE, "--sequence", `${sequence}`];
  await runVedette(["policy", "build", ...code, ...sources, "--not-after", notAfter, "--out", bundle]);
  await runVedette(["policy", "sign", bundle, "--key", join(paths.authority, "policy.key")]);
  const begun = performance.now();
  await runVedette(["policy", "publish", bundle, "--operator", paths.operatorSocket, "--site", SITE]);
  const acknowledged = await until(async () => {
    const status = await callLocal(paths.operatorSocket, "GET", "/v1/status", controlStatus);
    return status.nodes[0]?.policySequence === sequence;
  });
  return acknowledged ? Math.round(performance.now() - begun) : undefined;
}

export async function attachDevices(stage: Stage, report: Report): Promise<ReadonlyMap<DeviceName, Application>> {
  for (const device of DEVICES) {
    const names = ["--class", device.class, "--name", device.name];
    await runVedette([
      "device",
      "join",
      "--edge",
      stage.paths.statusSocket,
      ...names,
      "--out",
      stage.paths.join(device.name),
    ]);
  }
  const begun = performance.now();
  await Promise.all(DEVICES.map((device) => start(stage, device.name)));
  const after = await statusOf(stage);
  const fresh = after.devices.filter(({ state, verdict }) => state === "fresh" && verdict === "affirming");
  report.show(
    "three devices enrol at the gateway, each with its own TPM, by the same verifier code",
    fresh.length === DEVICES.length,
    `${fresh.map(({ name }) => name).join(", ")} in ${Math.round(performance.now() - begun)} ms`,
    `${fresh.length} devices enrolled`,
  );
  return new Map(DEVICES.map((device) => [device.name, new Application(stage.paths.deviceSocket(device.name))]));
}

export async function decideRequests({ stage, report, ...scene }: Scene): Promise<void> {
  report.begin(3, "Decide on the spot");
  const price = await applicationOf(scene, "pos-1").getPrice();
  report.show(
    "the till may ask for prices",
    price.status === 200,
    `200, ${text(price.body["price"])} ${text(price.body["currency"])}, ${price.milliseconds.toFixed(1)} ms`,
    `first answer ${price.milliseconds.toFixed(0)} ms`,
  );
  const kiosk = await applicationOf(scene, "kiosk-2").getPrice();
  report.show(
    "the kiosk may not, and is told by which rule",
    kiosk.status === 403 && ruleOf(kiosk) === "kiosk-reads-no-prices",
    describe(kiosk),
  );
  const atm = applicationOf(scene, "atm-3");
  const small = [await atm.withdraw(150), await atm.withdraw(150)];
  report.show(
    "withdrawals up to the floor limit are paid",
    small.every((each) => each.status === 201),
    "150 and 150: 201, 201",
  );
  const large = await atm.withdraw(250);
  report.show(
    "above it they are not",
    large.status === 403 && ruleOf(large) === "no-cash-above-floor-limit",
    `250: ${describe(large)}`,
  );
  const { epoch } = (await statusOf(stage)).state;
  report.say(`300 of 500 is spent today; the amount is sealed under state epoch ${epoch} of the node's TPM counter`);
}

/** The appraisal inside an attestation result: a JWS whose payload is readable by anybody. */
function decodeEar(token: string): { readonly status: string; readonly vector: JsonObject } {
  const payload: unknown = readJson(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  const submods = isJsonObject(payload) && isJsonObject(payload["submods"]) ? payload["submods"] : {};
  const [appraisal] = Object.values(submods);
  const claims = appraisal !== undefined && isJsonObject(appraisal) ? appraisal : {};
  const vector = claims["ear.trustworthiness-vector"];
  return { status: text(claims["ear.status"]), vector: vector !== undefined && isJsonObject(vector) ? vector : {} };
}
