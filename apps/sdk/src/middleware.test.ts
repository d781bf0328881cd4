import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { AccessRequest } from "@vedette/policy";
import { type Decider, DecisionUnavailable } from "./access-decision.ts";
import { forExpress, forFastify, forNodeHttp, type GuardOptions } from "./middleware.ts";
import { createPdp } from "./pdp.ts";

interface Session {
  readonly user: string;
  readonly roles: readonly string[];
}

const RULES = {
  kind: "rules/v1",
  id: "files",
  default: "deny",
  rules: [
    {
      id: "read",
      effect: "allow",
      subject: { type: "user" },
      action: ["GET"],
      resource: { type: "file" },
      when: { containsAny: ["subject.groups", ["reader"]] },
      safe: true,
    },
  ],
};

/** Sessions that can be changed while they last, and a guard that looks into them. */
async function setupGuard(changes: Partial<GuardOptions<IncomingMessage, Session>> = {}) {
  const sessions = new Map<string, Session>([["s1", { user: "ann", roles: ["reader"] }]]);
  const pdp = await createPdp({ modules: {}, rules: RULES, host: globalThis });
  assert.ok(pdp.ok, JSON.stringify(pdp));
  const options: GuardOptions<IncomingMessage, Session> = {
    pdp: pdp.value,
    readClaims: ({ headers }) => sessions.get(headers["authorization"] ?? ""),
    toAccessRequest: ({ method = "", url = "" }, { user, roles }) => ({
      subject: { type: "user", id: user, properties: { groups: roles } },
      action: { name: method },
      resource: { type: "file", id: url },
    }),
    ...changes,
  };
  return { sessions, options };
}

async function listen(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/report`;
}

const asSession = (session: string, method = "GET") => ({
  method,
  headers: { authorization: session, connection: "close" },
});

/** What every server must do, whichever it is. */
async function assertGuards(url: string, sessions: Map<string, Session>): Promise<void> {
  const allowed = await fetch(url, asSession("s1"));
  assert.deepEqual([allowed.status, await allowed.text()], [200, "the report"]);
  const denied = await fetch(url, asSession("s1", "DELETE"));
  assert.equal(denied.status, 403);
  assert.equal(denied.headers.get("cache-control"), "no-store");
  assert.equal(JSON.parse(await denied.text()).error.reason, "no-rule");
  assert.equal((await fetch(url, asSession("nobody"))).status, 403);
  // The login lasts; the right does not.
  sessions.set("s1", { user: "ann", roles: [] });
  assert.equal((await fetch(url, asSession("s1"))).status, 403);
  sessions.set("s1", { user: "ann", roles: ["reader"] });
  assert.equal((await fetch(url, asSession("s1"))).status, 200);
  sessions.delete("s1");
  assert.equal((await fetch(url, asSession("s1"))).status, 403);
}

test("a handler of node:http is reached by allowed requests alone, and a right that was taken away is gone at once", async (t) => {
  const { options, sessions } = await setupGuard();
  const url = await listen(t, forNodeHttp(options, (_, response) => response.end("the report")) as RequestListener);
  await assertGuards(url, sessions);
});

test("whatever keeps the decision from being made is 503 and never an allowance", async (t) => {
  const fail = (): never => {
    throw new Error("secret detail");
  };
  const away: Decider = { decideAccess: () => Promise.reject(new DecisionUnavailable("UNREACHABLE", "no node")) };
  const failures: readonly Partial<GuardOptions<IncomingMessage, Session>>[] = [
    { readClaims: fail },
    { toAccessRequest: fail },
    { pdp: away },
    { pdp: { decideAccess: fail } },
    { pdp: { decideAccess: () => ({ decision: true }) as never } },
    { onVerdict: fail },
  ];
  for (const failure of failures) {
    const { options } = await setupGuard(failure);
    const url = await listen(t, forNodeHttp(options, () => assert.fail("reached")) as RequestListener);
    const answer = await fetch(url, asSession("s1"));
    assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "1"]);
    assert.doesNotMatch(await answer.text(), /secret/);
  }
});

test("only true allows, only known obligations are accepted, and nothing to ask is a denial", async (t) => {
  const decides = (decision: unknown, context: object = {}) => ({
    pdp: { decideAccess: () => ({ decision, context }) as never },
  });
  const cases: readonly (readonly [Partial<GuardOptions<IncomingMessage, Session>>, number])[] = [
    [decides("true"), 403],
    [decides(1), 403],
    [decides(undefined), 403],
    [decides(true, { obligations: [{ type: "watermark" }] }), 403],
    [{ ...decides(true, { obligations: [{ type: "watermark" }] }), obligations: ["watermark"] }, 200],
    [decides(true, { obligations: "watermark" }), 403],
    [{ toAccessRequest: () => undefined }, 403],
  ];
  for (const [changes, status] of cases) {
    const { options } = await setupGuard(changes);
    const url = await listen(t, forNodeHttp(options, (_, response) => response.end("in")) as RequestListener);
    assert.equal((await fetch(url, asSession("s1"))).status, status);
  }
});

test("the server hears of each verdict, with the decision that it rests on", async (t) => {
  const heard: string[] = [];
  const { options } = await setupGuard({ onVerdict: (verdict) => void heard.push(verdict.type) });
  const asked: AccessRequest[] = [];
  const pdp: Decider = {
    decideAccess: (request) => {
      asked.push(request);
      return { decision: request.action.name === "GET", context: { decision_id: "7" } };
    },
  };
  const url = await listen(
    t,
    forNodeHttp({ ...options, pdp }, (_, response, { context }) =>
      response.end(typeof context["decision_id"] === "string" ? context["decision_id"] : ""),
    ) as RequestListener,
  );
  assert.equal(await (await fetch(url, asSession("s1"))).text(), "7");
  const denied = await fetch(url, asSession("s1", "PUT"));
  assert.equal(JSON.parse(await denied.text()).error.decision, "7");
  assert.deepEqual([heard, asked.length], [["allowed", "denied"], 2]);
});

// Neither framework is a dependency of ours, not even for tests: a folder with both of them installed makes these run.
const frameworks = process.env["VEDETTE_FRAMEWORKS"];
const skip = frameworks ? false : "VEDETTE_FRAMEWORKS names no folder with express 5 and fastify 5";
const load = (name: string) => createRequire(join(frameworks ?? "", "package.json"))(name);

test("Express 5 is guarded alike", { skip }, async (t) => {
  const { options, sessions } = await setupGuard();
  const app = load("express")();
  app.use(forExpress(options));
  app.all("/report", (_: unknown, response: { send(text: string): void }) => response.send("the report"));
  await assertGuards(await listen(t, app), sessions);
});

test("Fastify 5 is guarded alike", { skip }, async (t) => {
  const { options, sessions } = await setupGuard();
  const app = load("fastify")();
  const { readClaims, toAccessRequest } = options;
  app.addHook(
    "preHandler",
    forFastify<{ readonly raw: IncomingMessage }, Session>({
      pdp: options.pdp,
      readClaims: ({ raw }) => readClaims(raw),
      toAccessRequest: ({ raw }, claims) => toAccessRequest(raw, claims),
    }),
  );
  app.all("/report", async () => "the report");
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  t.after(() => app.close());
  await assertGuards(`${url}/report`, sessions);
});
