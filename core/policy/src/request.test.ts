import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { parseAccessRequest } from "./request.ts";

const request = {
  subject: { type: "user", id: "alice", properties: { roles: ["viewer"] } },
  action: { name: "read" },
  resource: { type: "todo", id: "1" },
};

test("an AuthZEN request is read, and members that it does not define are ignored", () => {
  const parsed = parseAccessRequest({ ...request, context: { ip: "192.0.2.1" }, options: {} });
  assert.deepEqual(parsed.ok && parsed.value, { ...request, context: { ip: "192.0.2.1" } });
});

test("a mandatory member that is missing or of the wrong type is named", () => {
  const wrong: readonly (readonly [unknown, string])[] = [
    [null, ""],
    [[], ""],
    [{ ...request, subject: undefined }, "subject"],
    [{ ...request, subject: { type: "user" } }, "subject"],
    [{ ...request, subject: { ...request.subject, properties: [] } }, "subject"],
    [{ ...request, action: { name: "" } }, "action"],
    [{ ...request, resource: { type: "todo", id: 1 } }, "resource"],
    [{ ...request, resource: { type: "todo", id: "x".repeat(2_049) } }, "resource"],
    [{ ...request, context: "x" }, "context"],
  ];
  for (const [value, member] of wrong) {
    const parsed = parseAccessRequest(value);
    assert.equal(!parsed.ok && parsed.error.member, member, JSON.stringify(value)?.slice(0, 80));
  }
});

test("no value makes the parser throw", () => {
  fc.assert(fc.property(fc.anything(), (value) => void parseAccessRequest(value)));
});

test("every request of the AuthZEN interop scenario is read", (t) => {
  const top = new URL("../../..", import.meta.url).pathname;
  const path = `${process.env["VEDETTE_VECTORS"] ?? `${top}/../shared/vectors`}/authzen/todo-decisions-1_0-02.json`;
  if (!existsSync(path)) return t.skip("AuthZEN vectors are not on this machine (VEDETTE_VECTORS)");
  const { evaluation } = JSON.parse(readFileSync(path, "utf8"));
  assert.ok(evaluation.length > 10);
  for (const { request: asked } of evaluation) assert.ok(parseAccessRequest(asked).ok, JSON.stringify(asked));
});
