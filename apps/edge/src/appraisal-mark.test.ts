import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "@vedette/base";
import { createNodeCrypto } from "@vedette/runtime";
import { AppraisalMark } from "./appraisal-mark.ts";

const crypto = createNodeCrypto();
const facts = { device: "atm-3", verdict: "affirming", at: 7 };

test("a mark holds on what it was put on, and on nothing else", () => {
  const mark = new AppraisalMark(new Secret(new Uint8Array(32).fill(1)), crypto);
  const marked = mark.put(facts);
  assert.ok(mark.isOn({ ...marked }));
  assert.ok(!mark.isOn({ ...marked, device: "atm-4" }));
  assert.ok(!mark.isOn({ ...marked, extra: 1 }));
  for (const none of [facts, { ...facts, mark: "" }, { ...facts, mark: "zz" }, { ...facts, mark: 1 }])
    assert.ok(!mark.isOn(none));
});

test("another node's mark is none", () => {
  const other = new AppraisalMark(new Secret(new Uint8Array(32).fill(2)), crypto);
  const mark = new AppraisalMark(new Secret(new Uint8Array(32).fill(1)), crypto);
  assert.ok(!mark.isOn(other.put(facts)));
});
