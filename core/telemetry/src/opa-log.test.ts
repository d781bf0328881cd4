import assert from "node:assert/strict";
import { test } from "node:test";
import { instant, type JsonObject } from "@vedette/base";
import { createNodeCrypto } from "@vedette/runtime";
import { encodeEvent, eventsOfLeaf, withoutInput } from "./opa-log.ts";

const crypto = createNodeCrypto();
const labels = { site: "store-17", node: "store-17.edge-1" };
const place = { origin: "example.org/journal/abc", index: 41 };
const at = instant(Date.UTC(2026, 10, 22, 12));
const record: JsonObject = {
  labels,
  bundles: { "store-17": { revision: "r7" } },
  path: "vedette/rules",
  input: { subject: { id: "pos-1" } },
  result: { allow: false, reason: "no-rule" },
  erased: ["/input/context/operator"],
  requested_by: "spiffe://store-17.example.org/gateway",
  timestamp: "2026-11-22T12:00:00.000Z",
};

function textOf(event: JsonObject): string {
  return Buffer.from(encodeEvent(event)).toString("utf8");
}

test("a decision is an event of OPA's decision log, byte for byte", () => {
  const [event = {}] = eventsOfLeaf({ kind: "decision", number: 7, record }, place, {});
  assert.equal(
    textOf(event),
    '{"bundles":{"store-17":{"revision":"r7"}},"decision_id":"example.org/journal/abc#7",' +
      '"erased":["/input/context/operator"],"input":{"subject":{"id":"pos-1"}},' +
      '"labels":{"node":"store-17.edge-1","site":"store-17"},"path":"vedette/rules","req_id":7,' +
      '"requested_by":"spiffe://store-17.example.org/gateway","result":{"allow":false,"reason":"no-rule"},' +
      '"timestamp":"2026-11-22T12:00:00.000Z"}',
  );
});

test("what OPA's event does not have does not leave the node with it", () => {
  const more = {
    ...record,
    nd_builtin_cache: { "rand.intn": {} },
    secret: "x",
    masked: ["/input/pin"],
    query: "data.a",
  };
  const [event = {}] = eventsOfLeaf({ kind: "decision", number: 7, record: more }, place, {});
  assert.deepEqual([event["nd_builtin_cache"], event["secret"]], [undefined, undefined]);
  assert.deepEqual([event["masked"], event["query"]], [["/input/pin"], "data.a"]);
});

test("gaps, summaries and events of the node are told on paths of their own", () => {
  const summary = { principal: "p", from: at, to: at, count: 3, firstNumber: 1, lastNumber: 3 };
  const events = [
    ...eventsOfLeaf({ kind: "gap", from: 4, to: 6, atMost: 2 }, place, labels),
    ...eventsOfLeaf({ kind: "summary", ...summary }, place, labels),
    ...eventsOfLeaf({ kind: "event", name: "policy-refused", at, facts: { code: "X" } }, place, labels),
  ];
  const timestamp = "2026-11-22T12:00:00.000Z";
  const common = { labels, decision_id: "example.org/journal/abc@41" };
  assert.deepEqual(events, [
    { ...common, path: "vedette/journal/gap", result: { from: 4, to: 6, atMost: 2 } },
    {
      ...common,
      path: "vedette/journal/summary",
      result: { ...summary, from: timestamp, to: timestamp },
      timestamp,
    },
    { ...common, path: "vedette/journal/event", result: { name: "policy-refused", facts: { code: "X" } }, timestamp },
  ]);
});

test("the same leaf is the same event each time, so that one that arrives twice is known", () => {
  const leaf = { kind: "decision", number: 7, record } as const;
  assert.deepEqual(eventsOfLeaf(leaf, place, {}).map(textOf), eventsOfLeaf(leaf, place, {}).map(textOf));
});

test("each decision of a leaf of several is the event that it would be alone", () => {
  const decisions = [3, 5].map((number) => ({ number, record: { ...record, input: { number } } }));
  assert.deepEqual(
    eventsOfLeaf({ kind: "decisions", decisions }, place, {}),
    decisions.flatMap((decision) => eventsOfLeaf({ kind: "decision", ...decision }, place, {})),
  );
});

test("an input that does not fit is told by its digest, and that it was left out", () => {
  const [event = {}] = eventsOfLeaf({ kind: "decision", number: 7, record }, place, {});
  const smaller = withoutInput(event, crypto);
  assert.ok(smaller);
  assert.deepEqual(smaller["erased"], ["/input/context/operator", "/input"]);
  assert.deepEqual(Object.keys(smaller["input"] as object).sort(), ["length", "sha256", "truncated"]);
  assert.equal(withoutInput(smaller, crypto), undefined, "once only");
  const [gap = {}] = eventsOfLeaf({ kind: "gap", from: 1, to: 1, atMost: 1 }, place, {});
  assert.equal(withoutInput(gap, crypto), undefined);
});
