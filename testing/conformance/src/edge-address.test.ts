import assert from "node:assert/strict";
import { test } from "node:test";
import { setupFleet } from "./fleet.ts";
import { reasonOf } from "./fleet-device.ts";

const PRICE = "/pricing/items/4006381333931";

test("an address tightens what a rule allows, and the gateway supplies it", async (t) => {
  const fleet = await setupFleet(t);
  if (!fleet) return;
  const till = fleet.gatewayClient((await fleet.enrolDevice("pos-1")).identity);
  const rules = fleet.exampleRules();
  const onlyFrom = (network: string) => ({
    ...rules,
    rules: [
      ...(rules["rules"] as object[]),
      {
        id: "elsewhere",
        effect: "deny",
        description: "Only from the shop's own network.",
        subject: { type: "device" },
        action: ["*"],
        resource: { type: "pricing" },
        when: { not: { cidr: ["context.ip", [network]] } },
      },
    ],
  });
  await fleet.publishPolicy({ rules: onlyFrom("127.0.0.0/8") });
  assert.equal((await till.request("GET", PRICE)).status, 200);
  await fleet.publishPolicy({ rules: onlyFrom("192.0.2.0/24") });
  const refused = await till.request("GET", PRICE);
  assert.deepEqual([refused.status, reasonOf(refused)], [403, "denied-by-rule"]);
});
