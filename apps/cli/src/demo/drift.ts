import { utf8 } from "@vedette/base";
import { createNodeCrypto } from "@vedette/runtime";
import { openTpm } from "@vedette/tpm";
import { applicationOf, describe, renewalsOf, type Scene, statusOf, until } from "./scene.ts";
import { machineOf } from "./stage.ts";
import { reasonOf } from "./traffic.ts";

export async function driftDevice({ stage, report, ...scene }: Scene): Promise<void> {
  report.begin(8, "atm-3 boots something else");
  const atm = applicationOf(scene, "atm-3");
  await until(async () => (await applicationOf(scene, "pos-1").getPrice()).status === 200);
  await until(async () => (await atm.withdraw(10)).decision !== undefined);
  const others = await renewalsOf(scene);
  {
    await using tpm = await openTpm(machineOf(stage, "atm-3").tpm.socketPath);
    await tpm.extendPcr(4, createNodeCrypto().hash("sha256", utf8("atm: boot loader of somebody else")));
  }
  const begun = performance.now();
  const refused = await until(async () => (await atm.status()).lastRefusal === "CONTRAINDICATED");
  report.show(
    "its next renewal is refused as contraindicated",
    refused,
    `${((performance.now() - begun) / 1_000).toFixed(1)} s after its PCR 4 changed`,
    "contraindicated",
  );
  const status = await statusOf(stage);
  const cut = status.connections.cut["CONTRAINDICATED"] ?? 0;
  report.show(
    "its open connection is cut",
    cut > 0,
    `${cut} connection${cut === 1 ? "" : "s"}`,
    `${cut} connection cut`,
  );
  const after = await atm.withdraw(10);
  report.show("its verbs are gone", after.status === 403 && reasonOf(after) === "contraindicated", describe(after));
  const price = await applicationOf(scene, "pos-1").getPrice();
  const renewed = await until(async () => {
    const now = await renewalsOf(scene);
    return [0, 1].every((i) => (now[i] ?? 0) > (others[i] ?? 0));
  });
  report.show(
    "the others are untouched",
    price.status === 200 && renewed,
    `pos-1: ${price.status}; pos-1 and kiosk-2 renewed again`,
  );
}
