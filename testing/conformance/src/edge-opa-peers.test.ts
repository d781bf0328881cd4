import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { isJsonObject, type JsonObject } from "@vedette/base";
import { bytesResponse, createRouter, emptyResponse, type HttpRequest, listenUnix, route } from "@vedette/net";
import { systemRandom } from "@vedette/runtime";
import { setupFleet, until } from "./fleet.ts";

const PRICE = "/pricing/items/4006381333931";

/** A bundle of one data file, as `tar` would make it. */
function bundleOf(name: string, contents: string): Uint8Array {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(`${contents.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("        0", 148);
  header.write("ustar\0" + "00", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const body = Buffer.alloc(512);
  body.write(contents);
  return new Uint8Array(gzipSync(Buffer.concat([header, body, Buffer.alloc(1_024)])));
}

test("a node pulls bundles from, and sends decisions and status to, services that know nothing of it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "vedette-peers-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "run"), { mode: 0o700 });
  const socketPath = join(folder, "run", "peer.sock");
  const events: JsonObject[] = [];
  const statuses: JsonObject[] = [];
  const receive = (into: JsonObject[]) => async (request: HttpRequest) => {
    const body = Buffer.from(await request.body(10_000_000));
    const isPacked = request.headers["content-encoding"] === "gzip";
    into.push(...[JSON.parse((isPacked ? gunzipSync(body) : body).toString())].flat());
    return emptyResponse(204);
  };
  const peer = await listenUnix({
    path: socketPath,
    handler: createRouter([
      route("GET", "/bundles/roles", async () =>
        bytesResponse(200, "application/gzip", bundleOf("roles/p.rego", 'package roles\n\nadmin := "root"\n'), {
          etag: '"1"',
        }),
      ),
      route("POST", "/logs", receive(events)),
      route("POST", "/status", receive(statuses)),
    ]),
    random: systemRandom,
    onConnectionError: () => undefined,
    onHandlerError: (error) => t.diagnostic(String(error)),
  });
  t.after(() => peer.close({ graceMs: 0 }));
  const delays = { min: "PT0.2S", max: "PT0.3S" };
  const opa = {
    services: { peer: { socketPath } },
    bundles: { roles: { service: "peer", signing: "unsigned", polling: delays } },
    decisionLogs: { service: "peer", reporting: delays },
    status: { service: "peer" },
  };
  const fleet = await setupFleet(t, { edgeConfig: { opa } });
  if (!fleet) return;
  const device = await fleet.enrolDevice("pos-1");
  const { status } = await fleet.gatewayClient(device.identity).request("GET", PRICE);
  await until("the decision has arrived", () => events.some(({ path }) => path === "vedette/rules"));
  const decision = events.find(({ path }) => path === "vedette/rules");
  assert.ok(isJsonObject(decision?.["result"]) && decision["result"]["allow"] === (status === 200));
  assert.ok(isJsonObject(decision["labels"]) && decision["labels"]["site"] === "store-17");
  await until("the journal has gone out whole", async () => {
    const { opa: shown } = await fleet.status();
    const logs = isJsonObject(shown?.["decisionLogs"]) ? shown["decisionLogs"] : {};
    return logs["waiting"] === 0 && logs["dropped"] === 0;
  });
  await until("status has arrived", () => statuses.length > 0);
  const { opa: shown } = await fleet.status();
  const roles = isJsonObject(shown?.["bundles"]) ? shown["bundles"]["roles"] : undefined;
  assert.ok(isJsonObject(roles) && roles["type"] === "snapshot" && roles["code"] === undefined, JSON.stringify(shown));
  const sent = events.length;
  await fleet.restartEdge();
  await until("the new run's leaves have arrived", () => events.length > sent);
  const ids = events.map((event) => event["decision_id"]);
  assert.equal(new Set(ids).size, ids.length, "nothing is sent twice over a clean restart");
});
