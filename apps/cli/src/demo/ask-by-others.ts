import { dirname, join } from "node:path";
import { isJsonObject, type JsonObject, parseUtf8, readJson, utf8 } from "@vedette/base";
import { connectUnix, type HttpClient } from "@vedette/net";
import { publishRules } from "./enrol-and-decide.ts";
import { type Scene, statusOf } from "./scene.ts";
import { BACK_OFFICE } from "./stage.ts";
import { text } from "./traffic.ts";

const RECEIPT = JSON.stringify([{ type: "receipt" }]);

/** The shop's back office is a PEP of its own: it asks about people, over interfaces that it knew before. */
export async function askByOthers({ stage, report, rules }: Scene): Promise<void> {
  report.begin(4, "Others ask: Rego beside the rules, AuthZEN, OPA's API");
  const shop = dirname(rules);
  const seconds = await publishRules(stage, rules, 2, [join(shop, "access.rego"), `store:${join(shop, "store")}`]);
  report.show(
    "policy 2 brings Rego for the shop's people; rules and Rego are one policy",
    seconds !== undefined,
    `active ${((seconds ?? Number.NaN) / 1_000).toFixed(1)} s after its publication, no restart`,
    "JSON rules and Rego in policy 2",
  );
  const client = connectUnix({ path: stage.paths.backOfficeSocket });
  try {
    const manager = await ask(client, "/access/v1/evaluation", refund("ann", 120));
    const { context } = manager;
    const said = context !== undefined && isJsonObject(context) ? context : {};
    report.show(
      "AuthZEN: a manager may refund 120, and the back office is told to print a receipt",
      manager["decision"] === true && JSON.stringify(said["obligations"]) === RECEIPT,
      `decision ${text(manager["decision"])}, rule ${text(said["rule"])}, obligations ${text(said["obligations"])}`,
    );
    const clerk = await ask(client, "/v1/data/vedette/access/allow", { input: refund("bob", 120) });
    const less = await ask(client, "/v1/data/vedette/access/allow", { input: refund("bob", 20) });
    report.show(
      "OPA's API: a clerk may not refund 120, but 20",
      JSON.stringify(clerk["result"]) === "[]" && Array.isArray(less["result"]) && less["result"].length === 1,
      `result ${text(clerk["result"])} and ${text(less["result"])}`,
    );
    const lie = await ask(client, "/access/v1/evaluation", {
      ...refund("atm-3", 1),
      subject: { type: "device", id: "atm-3" },
    });
    report.show(
      "it is not believed about devices: the node knows these itself",
      lie["status"] === 403,
      `403, ${text(lie["message"])}`,
    );
    const counted = (await statusOf(stage)).decisionPoints[BACK_OFFICE];
    report.say(`the journal has a record of each answer, requested by pep/${BACK_OFFICE}: ${JSON.stringify(counted)}`);
  } finally {
    client.close();
  }
}

function refund(user: string, amount: number): JsonObject {
  return {
    subject: { type: "user", id: user },
    action: { name: "refund" },
    resource: { type: "sale", id: "4711" },
    context: { amount, customer: "carl" },
  };
}

/** The answer, or `{ status, message }` where it is a refusal in plain words. */
async function ask(client: HttpClient, path: string, question: JsonObject): Promise<JsonObject> {
  const headers = { "content-type": "application/json" };
  const { status, body } = await client.request("POST", path, { body: utf8(JSON.stringify(question)), headers });
  const read = parseUtf8(body);
  const message = read.ok ? read.value : "";
  const answer = status === 200 ? readJson(message) : undefined;
  return answer !== undefined && isJsonObject(answer) ? answer : { status, message };
}
