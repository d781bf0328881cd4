import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { ask, attestTill, RULES, setupDecisionPoint, TILL } from "./decision-fixture.test.ts";

const PROXY = { name: "proxy", socket: "proxy.sock", mayClaimSubject: ["device"] };
const ADMIN = { name: "admin", socket: "admin.sock", mayClaimSubject: ["*"] };

test("a document is answered with the number of its record, which says who asked what and was told what", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const answer = await ask(node.path("proxy.sock"), "POST", "/v1/data/app/allow", { input: { user: "bob" } });
  assert.deepEqual([answer.status, answer.json["result"]], [200, true]);
  const [record] = node.records();
  assert.equal(record?.["decision_id"], answer.json["decision_id"]);
  const { path, input, result, requested_by } = record ?? {};
  assert.deepEqual(
    { path, input, result, requested_by },
    {
      path: "app/allow",
      input: { user: "bob" },
      result: true,
      requested_by: "pep/proxy",
    },
  );
});

test("the input can stand in the query, and a set becomes a sorted list", async (t) => {
  const { path } = await setupDecisionPoint(t, [PROXY]);
  const input = encodeURIComponent('{"user":"eve"}');
  assert.equal((await ask(path("proxy.sock"), "GET", `/v1/data/app/allow?input=${input}`)).json["result"], false);
  assert.deepEqual((await ask(path("proxy.sock"), "GET", "/v1/data/app/letters/")).json["result"], ["a", "b"]);
});

test("an undefined document has no result in v1 and is not found in v0; a record is written both times", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const v1 = await ask(node.path("proxy.sock"), "POST", "/v1/data/app/nothing", { input: {} });
  assert.deepEqual([v1.status, Object.keys(v1.json)], [200, ["decision_id"]]);
  const v0 = await ask(node.path("proxy.sock"), "POST", "/v0/data/app/nothing", {});
  assert.deepEqual(
    [v0.status, v0.json["code"], v0.json["message"]],
    [404, "undefined_document", "document missing: data.app.nothing"],
  );
  assert.equal(node.records().length, 2);
});

test("v0 takes the whole body as input and answers the bare document", async (t) => {
  const { path } = await setupDecisionPoint(t, [PROXY]);
  assert.equal((await ask(path("proxy.sock"), "POST", "/v0/data/app/allow", { user: "bob" })).text, "true\n");
  assert.equal((await ask(path("proxy.sock"), "POST", "/v0/data/app/allow")).text, "false\n");
});

test("a request without input is answered with OPA's warning", async (t) => {
  const { path } = await setupDecisionPoint(t, [PROXY]);
  const { json } = await ask(path("proxy.sock"), "POST", "/v1/data/app/allow", {});
  assert.deepEqual(json["warning"], { code: "api_usage_warning", message: "'input' key missing from the request" });
});

test("numbers keep their digits on the way in, out, and into the record", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const body = '{"input": {"x": 12345678901234567890123}}';
  const answer = await ask(node.path("proxy.sock"), "POST", "/v1/data/app/twice", body);
  assert.match(answer.text, /"result":24691357802469135780246}/);
  assert.deepEqual(node.records()[0]?.["input"], { json: '{"x":12345678901234567890123}' });
});

test("pretty, metrics and provenance give what OPA gives under these names", async (t) => {
  const { path } = await setupDecisionPoint(t, [PROXY]);
  const answer = await ask(path("proxy.sock"), "GET", "/v1/data/app/letters?pretty&metrics=true&provenance");
  assert.match(answer.text, /\n {2}"result": \[\n {4}"a",/);
  assert.deepEqual(Object.keys(answer.json["metrics"] ?? {}), [
    "timer_rego_input_parse_ns",
    "timer_rego_query_eval_ns",
  ]);
  assert.deepEqual(answer.json["provenance"], {
    version: "vedette",
    bundles: { shop: { revision: "r1", sequence: 1 } },
  });
});

test("what could be asked of OPA and not of us is refused by name", async (t) => {
  const { path } = await setupDecisionPoint(t, [PROXY]);
  for (const parameter of ["explain=notes", "explain=full", "instrument", "strict-builtin-errors=true"]) {
    const { status, json } = await ask(path("proxy.sock"), "GET", `/v1/data/app/allow?${parameter}`);
    assert.deepEqual([status, json["code"]], [400, "invalid_parameter"], parameter);
  }
  assert.equal((await ask(path("proxy.sock"), "GET", "/v1/data/app/allow?explain=off")).status, 200);
});

test("bodies are taken and given as gzip; a bomb and what is no gzip are refused", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY], {
    modules: { "app.rego": "package app\n\nechoed := input.text" },
  });
  const encoded = { "content-encoding": "gzip" };
  const zip = (value: unknown) => gzipSync(JSON.stringify(value));
  const long = { input: { text: "word ".repeat(1_000) } };
  const answer = await ask(node.path("proxy.sock"), "POST", "/v1/data/app/echoed", zip(long), {
    ...encoded,
    "accept-encoding": "gzip",
  });
  assert.equal(answer.headers["content-encoding"], "gzip");
  assert.equal(JSON.parse(gunzipSync(answer.body).toString())["result"], long.input.text);
  const bomb = zip({ input: "0".repeat(50_000_000) });
  assert.equal((await ask(node.path("proxy.sock"), "POST", "/v1/data/app/echoed", bomb, encoded)).status, 400);
  assert.equal((await ask(node.path("proxy.sock"), "POST", "/v1/data/app/echoed", "{}", encoded)).status, 400);
});

test("errors have OPA's shape: malformed input, a failed evaluation with its place, a method that writes", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const socket = node.path("proxy.sock");
  const malformed = await ask(socket, "POST", "/v1/data/app/allow", '{"input":');
  assert.deepEqual([malformed.status, malformed.json["code"]], [400, "invalid_parameter"]);
  for (const body of ["[1]", '"x"', Buffer.from([0x22, 0xff, 0x22])])
    assert.equal((await ask(socket, "POST", "/v1/data/app/allow", body)).status, 400);
  const conflict = await ask(socket, "POST", "/v1/data/app/conflict", { input: { x: true } });
  assert.deepEqual([conflict.status, conflict.json["code"]], [500, "internal_error"]);
  assert.match(conflict.text, /"code": "eval_conflict_error"/);
  assert.match(conflict.text, /"file": "app\/app.rego"/);
  assert.match(String(Object.values(node.records()[0]?.["result"] ?? {})), /multiple outputs/);
  for (const [method, path] of [
    ["PUT", "/v1/data/app"],
    ["PATCH", "/v1/data"],
    ["DELETE", "/v1/data/app/allow"],
    ["PUT", "/v1/policies/app"],
    ["DELETE", "/v1/policies/app"],
  ] as const) {
    const { status, json, headers } = await ask(socket, method, path);
    assert.deepEqual([status, json["code"]], [405, "invalid_operation"], `${method} ${path}`);
    assert.match(String(headers["allow"]), /GET/);
  }
});

test("a document of 50 MB is refused before it is read, and the next question is answered", async (t) => {
  const { path } = await setupDecisionPoint(t, [PROXY]);
  const huge = Buffer.alloc(50_000_000, 0x20);
  const { status, json } = await ask(path("proxy.sock"), "POST", "/v1/data/app/allow", huge).catch(() => ({
    status: 413,
    json: { code: "invalid_parameter" },
  }));
  assert.deepEqual([status, json["code"]], [413, "invalid_parameter"]);
  assert.equal((await ask(path("proxy.sock"), "GET", "/v1/data/app/letters")).status, 200);
});

test("nesting beyond all sense is refused, whatever it nests", async (t) => {
  const { path } = await setupDecisionPoint(t, [PROXY, ADMIN]);
  const deep = `{"input": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  assert.equal((await ask(path("proxy.sock"), "POST", "/v1/data/app/allow", deep)).status, 400);
});

test("of two members with one name the last counts, for the claim, the decision and the record alike", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const twice = '{"input": {"user": "eve", "user": "bob"}}';
  assert.equal((await ask(node.path("proxy.sock"), "POST", "/v1/data/app/allow", twice)).json["result"], true);
  assert.deepEqual(node.records()[0]?.["input"], { user: "bob" });
  const hidden = `{"input": {"subject": {"type": "device", "id": "x", "type": "user"}}}`;
  assert.equal((await ask(node.path("proxy.sock"), "POST", "/v1/data/app/who", hidden)).status, 403);
});

test("a subject in the input is a claim: refused without registration, and corrected by what the node knows", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const socket = node.path("proxy.sock");
  const user = await ask(socket, "POST", "/v1/data/app/who", { input: { subject: { type: "user", id: "ann" } } });
  assert.deepEqual([user.status, user.json["code"]], [403, "unauthorized"]);
  assert.equal((await ask(socket, "POST", "/v1/data/app/who", { input: { subject: "ann" } })).status, 403);
  assert.equal(node.records().length, 0);
  attestTill(node);
  const lie = {
    type: "device",
    id: TILL,
    attestation: { state: "fresh" },
    properties: { roles: ["manager"], lane: 4 },
  };
  const { json } = await ask(socket, "POST", "/v1/data/app/who", { input: { subject: lie } });
  const { attestation, properties } = Object(json["result"]);
  assert.equal(attestation.state, "fresh");
  assert.equal(typeof attestation.at, "string");
  assert.deepEqual(properties, { lane: 4, name: "pos-1", class: "pos", roles: ["cashier"] });
  const stranger = { ...lie, id: TILL.replace("pos-1", "pos-9") };
  const unknown = await ask(socket, "POST", "/v1/data/app/who", { input: { subject: stranger } });
  assert.deepEqual(Object(unknown.json["result"])["attestation"], { state: "expired" });
  assert.deepEqual(Object(unknown.json["result"])["properties"], { lane: 4 });
});

test("a query is for those who may name any subject, and its answers are variables by name", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY, ADMIN]);
  const query = `/v1/query?q=${encodeURIComponent("data.app.letters[x]; x = input.only")}`;
  assert.equal((await ask(node.path("proxy.sock"), "GET", query)).status, 403);
  const body = { query: "data.app.letters[x]; x = input.only", input: { only: "b" } };
  const { json } = await ask(node.path("admin.sock"), "POST", "/v1/query", body);
  assert.deepEqual(json["result"], [{ x: "b" }]);
  assert.equal(node.records()[0]?.["query"], body.query);
  const invalid = await ask(node.path("admin.sock"), "GET", `/v1/query?q=${encodeURIComponent("x > 1")}`);
  assert.deepEqual([invalid.status, invalid.json["code"]], [400, "invalid_parameter"]);
  assert.match(invalid.text, /rego_unsafe_var_error/);
  assert.equal((await ask(node.path("admin.sock"), "GET", "/v1/query")).json["message"], "missing parameter 'q'");
});

test("modules, status and health can be read", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const socket = node.path("proxy.sock");
  const { json } = await ask(socket, "GET", "/v1/policies");
  assert.deepEqual(Object(json["result"])[0].id, "app/app.rego");
  assert.equal(Object((await ask(socket, "GET", "/v1/policies/app/app.rego")).json["result"]).id, "app/app.rego");
  assert.equal((await ask(socket, "GET", "/v1/policies/nope")).status, 404);
  assert.deepEqual(Object((await ask(socket, "GET", "/v1/status")).json["result"]).plugins, {
    bundle: { state: "OK" },
  });
  assert.deepEqual(
    [(await ask(socket, "GET", "/health?bundles")).status, (await ask(socket, "GET", "/health")).status],
    [200, 200],
  );
  node.activate(undefined);
  assert.deepEqual(
    [(await ask(socket, "GET", "/health?bundles")).status, (await ask(socket, "GET", "/health")).status],
    [500, 200],
  );
  const { status, headers } = await ask(socket, "POST", "/v1/data/app/allow", { input: {} });
  assert.deepEqual([status, headers["retry-after"]], [503, "1"]);
});

test("a record that cannot be written takes the answer with it", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  node.journal.setSizeMax(1);
  const answers = [];
  for (let i = 0; i < 40; i++) {
    const input = { padding: "x".repeat(20_000) };
    answers.push(await ask(node.path("proxy.sock"), "POST", "/v1/data/app/allow", { input }));
  }
  const last = answers.at(-1);
  assert.deepEqual([last?.status, last?.json["code"]], [503, "store_full"]);
});

test("a result as long as a database is recorded as its digest", async (t) => {
  const data = { "things/data.json": { list: Array.from({ length: 5_000 }, (_, i) => `thing ${i}`) } };
  const node = await setupDecisionPoint(t, [PROXY], { modules: { "app.rego": "package app" }, data });
  const { json } = await ask(node.path("proxy.sock"), "GET", "/v1/data/things/list");
  assert.equal(Object(json["result"]).length, 5_000);
  assert.equal(Object(node.records()[0]?.["result"]).truncated, true);
});

test("what the policy masks is in no record", async (t) => {
  const rules = { kind: "rules/v1", id: "shop", default: "deny", mask: ["/input/context/pin"], rules: RULES.rules };
  const node = await setupDecisionPoint(t, [PROXY], {
    rules,
    modules: { "app.rego": "package app\n\npin := input.context.pin" },
  });
  const { json } = await ask(node.path("proxy.sock"), "POST", "/v1/data/app/pin", {
    input: { context: { pin: "1234" }, user: "ann" },
  });
  assert.equal(json["result"], "1234");
  const [record] = node.records();
  assert.deepEqual([record?.["input"], record?.["erased"]], [{ context: {}, user: "ann" }, ["/input/context/pin"]]);
});
