import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Json } from "@vedette/base";
import { ask, attestTill, type Policy, rule, SITE_DOMAIN, setupDecisionPoint, TILL } from "./decision-fixture.test.ts";

const DOOR = { name: "door", socket: "door.sock", mayClaimSubject: ["device", "user"] };
const KIOSK = { name: "kiosk", socket: "kiosk.sock", mayClaimSubject: ["user"] };
const EVALUATION = "/access/v1/evaluation";
const EVALUATIONS = "/access/v1/evaluations";

const TOP = join(import.meta.dirname, "../../../..");
const VECTORS = join(process.env["VEDETTE_VECTORS"] ?? join(TOP, "../shared/vectors"), "authzen");
const skip = existsSync(VECTORS) ? false : `no vectors at ${VECTORS}: set VEDETTE_VECTORS`;

const ann = { type: "user", id: "ann" };
const menu = { type: "menu", id: "lunch" };
const read = { name: "read" };

test("an evaluation is answered with the decision, its rule, and the number of its record", async (t) => {
  const node = await setupDecisionPoint(t, [DOOR]);
  const { status, json } = await ask(node.path("door.sock"), "POST", EVALUATION, {
    subject: ann,
    action: read,
    resource: menu,
  });
  assert.deepEqual(
    [status, json],
    [200, { decision: true, context: { decision_id: "0", reason: "allowed-by-rule", rule: "menu" } }],
  );
  const [record] = node.records();
  assert.deepEqual([record?.["requested_by"], record?.["decision_id"]], ["pep/door", "0"]);
});

test("a denial is an answer: 200, the rule's own words, and a record", async (t) => {
  const node = await setupDecisionPoint(t, [DOOR]);
  const request = { subject: ann, action: { name: "buy" }, resource: { type: "tobacco", id: "t1" } };
  const { status, json } = await ask(node.path("door.sock"), "POST", EVALUATION, request);
  assert.equal(status, 200);
  assert.deepEqual([json["decision"], Object(json["context"]).description], [false, "nobody sells tobacco"]);
  assert.equal(node.records().length, 1);
});

test("a missing member is a bad request and no decision; an unknown one is ignored", async (t) => {
  const node = await setupDecisionPoint(t, [DOOR]);
  const socket = node.path("door.sock");
  const request = { subject: ann, action: read, resource: menu };
  for (const member of ["subject", "action", "resource"]) {
    const answer = await ask(socket, "POST", EVALUATION, { ...request, [member]: undefined });
    assert.equal(answer.status, 400);
    assert.match(answer.text, new RegExp(`^${member}: expected`));
  }
  for (const body of ["[]", "{", '"x"']) assert.equal((await ask(socket, "POST", EVALUATION, body)).status, 400);
  assert.equal(node.records().length, 0);
  assert.equal((await ask(socket, "POST", EVALUATION, { ...request, extra: 1 })).json["decision"], true);
  assert.equal((await ask(socket, "GET", EVALUATION)).status, 405);
});

test("a PEP names only subjects of the types that it is registered for", async (t) => {
  const node = await setupDecisionPoint(t, [DOOR, KIOSK]);
  attestTill(node);
  const request = { subject: { type: "device", id: TILL }, action: read, resource: { type: "price", id: "p" } };
  const refused = await ask(node.path("kiosk.sock"), "POST", EVALUATION, request);
  assert.equal(refused.status, 403);
  assert.match(refused.text, /not registered to name subjects of type device/);
  assert.equal(node.records().length, 0);
  assert.equal((await ask(node.path("door.sock"), "POST", EVALUATION, request)).json["decision"], true);
  assert.deepEqual(node.point.counts.byPep()["kiosk"], {
    allowed: 0,
    denied: 0,
    queried: 0,
    refused: 1,
    unavailable: 0,
  });
});

test("how fresh a device is, the node knows and no PEP says", async (t) => {
  const node = await setupDecisionPoint(t, [DOOR]);
  const fresh = {
    type: "device",
    id: TILL,
    properties: { attestation: { state: "fresh" } },
    attestation: { state: "fresh" },
  };
  const request = { subject: fresh, action: read, resource: { type: "price", id: "p" } };
  const before = await ask(node.path("door.sock"), "POST", EVALUATION, request);
  assert.deepEqual([before.json["decision"], Object(before.json["context"]).reason], [false, "not-fresh"]);
  attestTill(node);
  assert.equal((await ask(node.path("door.sock"), "POST", EVALUATION, request)).json["decision"], true);
});

test("several evaluations share their defaults and one commit; an error among them denies and says so", async (t) => {
  const node = await setupDecisionPoint(t, [KIOSK]);
  const { status, json } = await ask(node.path("kiosk.sock"), "POST", EVALUATIONS, {
    subject: ann,
    action: read,
    resource: menu,
    evaluations: [
      {},
      { resource: { type: "price", id: "p" } },
      { subject: { type: "device", id: TILL } },
      { action: {} },
      7,
    ],
  });
  assert.equal(status, 200);
  const answers: readonly Json[] = Object(json["evaluations"]);
  assert.deepEqual(
    answers.map((answer) => Object(answer).decision),
    [true, false, false, false, false],
  );
  assert.deepEqual(
    answers.slice(2).map((answer) => Object(answer).context.error.status),
    [403, 400, 400],
  );
  assert.equal(node.records().length, 2);
});

test("short-circuiting evaluates up to the answer that decides, and records no more", async (t) => {
  const node = await setupDecisionPoint(t, [KIOSK]);
  const [yes, no] = [{ resource: menu }, { resource: { type: "tobacco", id: "t" } }];
  const decisionsOf = async (semantic: string, evaluations: readonly object[]) => {
    const options = { evaluations_semantic: semantic };
    const { json } = await ask(node.path("kiosk.sock"), "POST", EVALUATIONS, {
      subject: ann,
      action: read,
      options,
      evaluations,
    });
    return Object(json["evaluations"]).map(({ decision }: { decision: boolean }) => decision);
  };
  assert.deepEqual(await decisionsOf("execute_all", [yes, no, yes]), [true, false, true]);
  assert.deepEqual(await decisionsOf("deny_on_first_deny", [yes, no, yes]), [true, false]);
  assert.deepEqual(await decisionsOf("deny_on_first_deny", [yes, { subject: 5 }, yes]), [true, false]);
  assert.deepEqual(await decisionsOf("permit_on_first_permit", [no, yes, no]), [false, true]);
  assert.equal(node.records().length, 3 + 2 + 1 + 2);
  const { status } = await ask(node.path("kiosk.sock"), "POST", EVALUATIONS, {
    options: { evaluations_semantic: "any" },
    evaluations: [yes],
  });
  assert.equal(status, 400);
});

test("without evaluations it is a single one, and too many are refused", async (t) => {
  const { path } = await setupDecisionPoint(t, [KIOSK]);
  const request = { subject: ann, action: read, resource: menu };
  assert.equal((await ask(path("kiosk.sock"), "POST", EVALUATIONS, request)).json["decision"], true);
  assert.equal(
    (await ask(path("kiosk.sock"), "POST", EVALUATIONS, { ...request, evaluations: [] })).json["decision"],
    true,
  );
  const evaluations = Array.from({ length: 1_025 }, () => ({}));
  assert.equal((await ask(path("kiosk.sock"), "POST", EVALUATIONS, { ...request, evaluations })).status, 400);
});

test("what is allowed counts against its limit, also among requests that came together", async (t) => {
  const { path } = await setupDecisionPoint(t, [KIOSK]);
  const evaluations = [60, 60, 40].map((amount) => ({ context: { amount } }));
  const request = { subject: ann, action: { name: "refund" }, resource: { type: "sale", id: "1" } };
  const { json } = await ask(path("kiosk.sock"), "POST", EVALUATIONS, { ...request, evaluations });
  const answers: readonly Json[] = Object(json["evaluations"]);
  assert.deepEqual(
    answers.map((answer) => Object(answer).decision),
    [true, false, true],
  );
  assert.equal(Object(answers[1]).context.reason, "limit-exceeded");
});

test("the request's identifier comes back with every answer", async (t) => {
  const { path } = await setupDecisionPoint(t, [KIOSK]);
  const id = { "x-request-id": "bfe9eb29 ab87" };
  for (const [method, target, body] of [
    ["POST", EVALUATION, { subject: ann, action: read, resource: menu }],
    ["POST", EVALUATION, {}],
    ["GET", EVALUATION, undefined],
    ["GET", "/.well-known/authzen-configuration", undefined],
  ] as const)
    assert.equal((await ask(path("kiosk.sock"), method, target, body, id)).headers["x-request-id"], "bfe9eb29 ab87");
});

test("the metadata names the endpoints under the name that was asked for", async (t) => {
  const { path } = await setupDecisionPoint(t, [KIOSK]);
  const { json } = await ask(path("kiosk.sock"), "GET", "/.well-known/authzen-configuration", undefined, {
    host: "pdp.local",
  });
  assert.equal(json["policy_decision_point"], "http://pdp.local");
  assert.equal(json["access_evaluation_endpoint"], "http://pdp.local/access/v1/evaluation");
  assert.equal(json["search_subject_endpoint"], "http://pdp.local/access/v1/search/subject");
});

test("a search for subjects finds the devices of the inventory, page by page, and is recorded", async (t) => {
  const node = await setupDecisionPoint(t, [DOOR], {
    rules: {
      kind: "rules/v1",
      id: "r",
      default: "deny",
      rules: [rule({ id: "all", safe: true, action: ["read"], resource: { type: "price" } })],
    },
  });
  const request = { subject: { type: "device" }, action: read, resource: { type: "price", id: "p" } };
  const find = (page?: object) =>
    ask(node.path("door.sock"), "POST", "/access/v1/search/subject", { ...request, page });
  const first = (await find({ limit: 2 })).json;
  const idOf = (name: string) => ({ type: "device", id: `spiffe://${SITE_DOMAIN}/device/pos/${name}` });
  assert.deepEqual(first["results"], [idOf("pos-1"), idOf("pos-2")]);
  const { next_token: token } = Object(first["page"]);
  const second = (await find({ limit: 2, token })).json;
  assert.deepEqual([second["results"], Object(second["page"]).next_token], [[idOf("pos-3")], ""]);
  assert.deepEqual(
    node.records().map(({ path, result }) => [path, Object(result).count]),
    [
      ["access/v1/search/subject", 2],
      ["access/v1/search/subject", 1],
    ],
  );
  for (const page of [{ token: "9.2" }, { token: "x" }, { limit: 0 }, { limit: 1_001 }, 5])
    assert.equal((await find(page as object)).status, 400);
  const users = await ask(node.path("door.sock"), "POST", "/access/v1/search/subject", {
    ...request,
    subject: { type: "user" },
  });
  assert.deepEqual(users.json["results"], []);
});

test("a search about a subject that the PEP may not name is refused", async (t) => {
  const { path } = await setupDecisionPoint(t, [KIOSK]);
  const body = { subject: { type: "device", id: TILL }, action: read, resource: { type: "price" } };
  assert.equal((await ask(path("kiosk.sock"), "POST", "/access/v1/search/resource", body)).status, 403);
  assert.equal((await ask(path("kiosk.sock"), "POST", "/access/v1/search/colour", body)).status, 404);
});

test("a search for actions finds those that rules name", async (t) => {
  const { path } = await setupDecisionPoint(t, [KIOSK]);
  const body = { subject: ann, resource: menu };
  const { json } = await ask(path("kiosk.sock"), "POST", "/access/v1/search/action", body);
  assert.deepEqual(json["results"], [{ name: "read" }]);
});

interface Vector {
  readonly request: object;
  readonly expected: Json;
}

function vectors(file: string): Readonly<Record<string, readonly Vector[]>> {
  return JSON.parse(readFileSync(join(VECTORS, file), "utf8"));
}

const interop = { name: "interop", socket: "interop.sock", mayClaimSubject: ["user", "identity"] };

/** The Todo application of the AuthZEN interop: who has which role, and what each role may. */
const TASKS: Policy = {
  modules: {
    "todo.rego": `package vedette.access

import data.users

user := users[input.subject.id]

# Nobody in the interop attests, so each of these says that it is safe without.
yes := {"safe": true}

allow := yes if input.action.name in {"can_read_user", "can_read_todos"}

allow := yes if {
  input.action.name == "can_create_todo"
  some role in user.roles
  role in {"admin", "editor"}
}

allow := yes if {
  input.action.name in {"can_update_todo", "can_delete_todo"}
  "admin" in user.roles
}

allow := yes if {
  input.action.name == "can_update_todo"
  "evil_genius" in user.roles
}

allow := yes if {
  input.action.name in {"can_update_todo", "can_delete_todo"}
  "editor" in user.roles
  input.resource.properties.ownerID == user.email
}

# The gateway scenario asks for routes instead.
allow := yes if {
  input.resource.type == "route"
  input.action.name == "GET"
}

allow := yes if {
  input.resource.type == "route"
  some role in user.roles
  role in {"admin", "evil_genius", "editor"}
}
`,
  },
  data: { "users/data.json": todoUsers() },
};

function todoUsers(): object {
  const users = {
    a: ["rick@the-citadel.com", ["admin", "evil_genius"], "0614d3-c39a-4781-b7bd-8b96f5a5100d"],
    b: ["morty@the-citadel.com", ["editor"], "1614d3-c39a-4781-b7bd-8b96f5a5100d"],
    c: ["summer@the-smiths.com", ["editor"], "2614d3-c39a-4781-b7bd-8b96f5a5100d"],
    d: ["beth@the-smiths.com", ["viewer"], "3614d3-c39a-4781-b7bd-8b96f5a5100d"],
    e: ["jerry@the-smiths.com", ["viewer"], "4614d3-c39a-4781-b7bd-8b96f5a5100d"],
  } as const;
  // Dex writes its subjects as base64url over a small protocol buffer: field 1 the id, field 2 the connector.
  const idOf = (id: string) => Buffer.from(`\n$fd${id}\x12\x05local`, "latin1").toString("base64url");
  return Object.fromEntries(Object.values(users).map(([email, roles, id]) => [idOf(id), { email, roles }]));
}

test("the interop's Todo application is decided as all implementations decide it", { skip }, async (t) => {
  const { path } = await setupDecisionPoint(t, [interop], TASKS);
  const { evaluation = [], evaluations = [] } = vectors("todo-decisions-1_0-02.json");
  for (const { request, expected } of evaluation) {
    const { status, json } = await ask(path("interop.sock"), "POST", EVALUATION, request);
    assert.deepEqual([status, json["decision"]], [200, expected], JSON.stringify(request));
    assertResponseSchema(json);
  }
  for (const { request, expected } of evaluations) {
    const { json } = await ask(path("interop.sock"), "POST", EVALUATIONS, request);
    const decisions = Object(json["evaluations"]).map(({ decision }: { decision: boolean }) => ({ decision }));
    assert.deepEqual(decisions, expected);
  }
  t.diagnostic(`${evaluation.length} single and ${evaluations.length} boxcarred decisions`);
});

test("the interop's API gateway is decided as all implementations decide it", { skip }, async (t) => {
  const { path } = await setupDecisionPoint(t, [interop], TASKS);
  for (const { request, expected } of vectors("api-gateway-decisions.json")["evaluation"] ?? []) {
    const { json } = await ask(path("interop.sock"), "POST", EVALUATION, request);
    assert.equal(json["decision"], expected, JSON.stringify(request));
  }
});

test("the interop's searches find the records of their owner", { skip }, async (t) => {
  const owners = ["alice", "bob", "carol", "dan", "erin", "felix"];
  const rules = Array.from({ length: 20 }, (_, at) =>
    rule({
      id: `record-${at}`,
      subject: { type: "user" },
      action: ["delete"],
      resource: { type: "record", id: `${101 + at}` },
      when: { eq: ["subject.id", owners[at % owners.length]] },
      safe: true,
    }),
  );
  const { path } = await setupDecisionPoint(t, [interop], {
    rules: { kind: "rules/v1", id: "idp", default: "deny", rules },
  });
  for (const { request, expected } of vectors("idp-results.json")["search"] ?? []) {
    const { json } = await ask(path("interop.sock"), "POST", "/access/v1/search/resource", request);
    assert.deepEqual({ results: json["results"] }, expected);
  }
});

test("requests that the interop's schema takes are those that we take", { skip }, async (t) => {
  const { path } = await setupDecisionPoint(t, [interop], TASKS);
  const schema = JSON.parse(readFileSync(join(VECTORS, "evaluation-request.schema.json"), "utf8"));
  for (const example of schema.examples) {
    const { status, json } = await ask(path("interop.sock"), "POST", EVALUATION, example);
    assert.equal(status, 200, JSON.stringify(example));
    assertResponseSchema(json);
  }
  for (const required of schema.required) {
    const { [required]: _, ...lacking } = schema.examples[0];
    assert.equal((await ask(path("interop.sock"), "POST", EVALUATION, lacking)).status, 400);
  }
});

/** evaluation-response.schema.json: a boolean `decision`, and maybe an object `context`. */
function assertResponseSchema(json: object): void {
  const { required, properties } = JSON.parse(readFileSync(join(VECTORS, "evaluation-response.schema.json"), "utf8"));
  for (const member of required) assert.ok(member in json);
  for (const [name, value] of Object.entries(json)) assert.equal(typeof value, properties[name].type, name);
}

test("what has no record spends nothing", async (t) => {
  const node = await setupDecisionPoint(t, [DOOR]);
  const refund = (amount: number, padding: number) =>
    ask(node.path("door.sock"), "POST", EVALUATION, {
      subject: ann,
      action: { name: "refund" },
      resource: { type: "sale", id: "1" },
      context: { amount, padding: "x".repeat(padding) },
    });
  node.journal.setSizeMax(1);
  while ((await refund(0, 15_000)).status === 200);
  for (let i = 0; i < 3; i++) assert.equal((await refund(40, 15_000)).status, 503);
  node.journal.setSizeMax(1_000_000_000);
  const after = [await refund(40, 0), await refund(40, 0), await refund(40, 0)];
  assert.deepEqual(
    after.map(({ json }) => json["decision"]),
    [true, true, false],
  );
});

test("what a thousand evaluations share is bounded by what it comes to", async (t) => {
  const node = await setupDecisionPoint(t, [DOOR]);
  const evaluations = Array.from({ length: 1_000 }, () => ({}));
  const shared = { subject: ann, action: read, resource: menu, context: { note: "x".repeat(100_000) } };
  const { status, text } = await ask(node.path("door.sock"), "POST", EVALUATIONS, { ...shared, evaluations });
  assert.equal(status, 413);
  assert.match(text, /what they share/);
  assert.equal(node.records().length, 0);
});
