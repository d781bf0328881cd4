import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@vedette/base";
import { controlConfig, edgeConfig, inventory } from "./config.ts";
import { parseConfig } from "./config-file.ts";

const edge = {
  kind: "vedette/edge/v1",
  tpm: "/dev/tpmrm0",
  listen: { enrol: "127.0.0.1:0", gateway: "127.0.0.1:0" },
  statusSocket: "/run/vedette/status.sock",
  routes: [
    {
      name: "pricing",
      path: "/pricing/",
      methods: ["GET"],
      resourceType: "api",
      upstream: { socketPath: "/run/pricing.sock" },
    },
  ],
};

test("a complete edge configuration parses, with the stated defaults", () => {
  const parsed = parseConfig(edgeConfig, utf8(JSON.stringify(edge)), "edge.json");
  assert.ok(parsed.ok);
  assert.equal(parsed.value.gatewaySvidLifetime, 24 * 3_600_000);
  assert.deepEqual(parsed.value.denialBudget, { whole: 20, window: 60_000 });
  assert.deepEqual(parsed.value.routes[0]?.attributes, {});
});

test("decision points are registered each once, with a way in, and claim nothing unless it says so", () => {
  const parse = (decisionPoints: unknown, listen: object = {}) =>
    parseConfig(
      edgeConfig,
      utf8(JSON.stringify({ ...edge, decisionPoints, listen: { ...edge.listen, ...listen } })),
      "edge.json",
    );
  const kiosk = { name: "kiosk", socket: "/run/kiosk.sock" };
  const till = { name: "till", spiffeId: "spiffe://store-17.example.org/device/pos/pos-1" };
  const parsed = parse([kiosk, till], { decisions: "127.0.0.1:0" });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  assert.deepEqual(parsed.value.decisionPoints[0], { ...kiosk, mayClaimSubject: [], log: false });
  const expectedOf = (result: ReturnType<typeof parse>) => (result.ok ? "" : result.error.expected);
  assert.match(expectedOf(parse([{ name: "kiosk" }])), /a way in/);
  assert.match(expectedOf(parse([kiosk, { ...kiosk, socket: "/run/other.sock" }])), /each name once/);
  assert.match(expectedOf(parse([kiosk, { name: "other", frames: kiosk.socket }])), /each socket once/);
  assert.match(
    expectedOf(parse([till, { ...till, name: "other" }], { decisions: "127.0.0.1:0" })),
    /each SPIFFE ID once/,
  );
  assert.match(expectedOf(parse([till])), /listen.decisions/);
  assert.match(expectedOf(parse([{ ...till, spiffeId: "https://store-17.example.org/pos-1" }])), /a SPIFFE ID/);
  assert.match(expectedOf(parse([{ ...kiosk, mayClaimSubject: ["a b"] }])), /a subject type/);
});

test("an unknown member is named with its line and column", () => {
  const text = '{\n  "kind": "vedette/edge/v1",\n  "tpmm": "/dev/tpmrm0"\n}';
  const parsed = parseConfig(edgeConfig, utf8(text), "edge.json");
  assert.ok(!parsed.ok);
  const { file, code } = parsed.error;
  assert.deepEqual([file, code], ["edge.json", "CONFIG_INVALID"]);
});

test("a wrong value is reported where it stands", () => {
  const text = JSON.stringify({ ...edge, listen: { enrol: "nowhere", gateway: "127.0.0.1:0" } }, null, 2);
  const parsed = parseConfig(edgeConfig, utf8(text), "edge.json");
  assert.ok(!parsed.ok);
  assert.equal(parsed.error.path, "/listen/enrol");
  assert.equal(text.split("\n")[parsed.error.line - 1]?.trim(), '"enrol": "nowhere",');
});

test("a syntax error says where and what was expected", () => {
  const parsed = parseConfig(edgeConfig, utf8('{\n  "kind" "x"\n}'), "edge.json");
  assert.ok(!parsed.ok);
  assert.deepEqual([parsed.error.code, parsed.error.line], ["CONFIG_NOT_JSON", 2]);
});

test("a control configuration refuses a PCR that does not exist and a class without anchors", () => {
  const control = (gateway: object): Uint8Array =>
    utf8(
      JSON.stringify({
        kind: "vedette/control/v1",
        fleet: "example.org",
        data: "data",
        operatorSocket: "operator.sock",
        listen: { enrol: "127.0.0.1:0", fleet: "127.0.0.1:0" },
        classes: { gateway },
      }),
    );
  assert.ok(parseConfig(controlConfig, control({ anchors: ["ek.pem"] }), "control.json").ok);
  assert.ok(!parseConfig(controlConfig, control({ anchors: ["ek.pem"], pcrs: [24] }), "control.json").ok);
  assert.ok(!parseConfig(controlConfig, control({ anchors: [] }), "control.json").ok);
});

test("an inventory names each device once", () => {
  const ek = "0".repeat(64);
  const device = { name: "pos-1", class: "pos", ek };
  const document = (devices: object[]): Uint8Array =>
    utf8(JSON.stringify({ kind: "vedette/inventory/v1", classes: { pos: { roles: ["pos"] } }, devices }));
  assert.ok(parseConfig(inventory, document([device]), "inventory.json").ok);
  assert.ok(!parseConfig(inventory, document([device, device]), "inventory.json").ok);
});
