import assert from "node:assert/strict";
import { test } from "node:test";
import { instant, type JsonObject, utf8 } from "@vedette/base";
import { closures } from "@vedette/rego";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import fc from "fast-check";
import { compileCode } from "./policy-code.ts";

const NOW = instant(Date.UTC(2026, 10, 22, 12));
const options = (input: JsonObject, now = NOW) => ({ input, now, crypto: createNodeCrypto(), random: systemRandom });

/** A hundred thousand steps, so that keeping the answer pays. */
const COSTLY = "count([1 | some a in numbers.range(1, 300); a > 0]) == 300";

function allowOf(condition: string, rest = "") {
  const text = `package vedette.access\n\nallow if {\n\t${COSTLY}\n\t${condition}\n}\n${rest}\n`;
  const code = compileCode(new Map([["a.rego", utf8(text)]]), [""], closures);
  assert.ok(code.ok && code.value, JSON.stringify(code));
  assert.ok(code.value.access.allow);
  return { code: code.value, allow: code.value.access.allow };
}

test("the second equal request is a hit, and says so", () => {
  const { allow } = allowOf('input.action.name == "read"');
  const ask = (name: string, other: number) => allow.ask(options({ action: { name }, other }));
  ask("warm", 0);
  assert.deepEqual([ask("read", 1).isHit, ask("read", 1).isHit], [false, true]);
  assert.equal(ask("read", 2).isHit, true, "what the rules do not read is no part of the key");
  const write = ask("write", 1);
  assert.deepEqual([write.isHit, write.value], [false, undefined]);
});

test("what is cheaper to evaluate than to find is not kept", () => {
  const text = 'package vedette.access\n\nallow if input.action.name == "read"\n';
  const code = compileCode(new Map([["a.rego", utf8(text)]]), [""], closures);
  assert.ok(code.ok && code.value?.access.allow);
  const { allow } = code.value.access;
  const hits = [1, 2, 3].map(() => allow.ask(options({ action: { name: "read" } })).isHit);
  assert.deepEqual(hits, [false, false, false]);
});

test("looping over an object makes its whole subtree part of the key", () => {
  const { allow } = allowOf('some k, v in input.context; v == "x"; k != "y"');
  const ask = (context: JsonObject) => allow.ask(options({ context }));
  ask({});
  ask({ a: "x" });
  assert.equal(ask({ a: "x" }).isHit, true);
  assert.equal(ask({ a: "x", b: "z" }).isHit, false);
});

for (const condition of [
  "time.now_ns() > 0",
  'rand.intn("x", 10) >= 0',
  'io.jwt.decode_verify("a.b.c", {"secret": "s"})[0] == false',
  "count(input) > 0",
])
  test(`answers are not kept for: ${condition}`, () => {
    const { allow } = allowOf(condition);
    const hits = [1, 2, 3].map(() => allow.ask(options({ a: 1 })).isHit);
    assert.deepEqual(hits, [false, false, false]);
  });

test("a flush forgets everything at once", () => {
  const { code, allow } = allowOf('input.action.name == "read"');
  const ask = () => allow.ask(options({ action: { name: "read" } })).isHit;
  ask();
  ask();
  assert.equal(ask(), true);
  code.flush();
  assert.equal(ask(), false);
});

test("a kept answer is the answer that evaluation gives", () => {
  const { allow } = allowOf(
    'input.context.a == input.context.b\n\tinput.action.name in {"x", "y"}\n\tf(input.subject.roles)',
    'f(roles) if "r" in roles',
  );
  const { allow: fresh } = allowOf(
    'input.context.a == input.context.b\n\tinput.action.name in {"x", "y"}\n\tf(input.subject.roles)',
    'f(roles) if "r" in roles',
  );
  const scalar = fc.constantFrom<null | boolean | number | string>(null, true, 1, "1", "x", "\u0000-", 'x"');
  const input = fc.record({
    action: fc.record({ name: scalar }, { requiredKeys: [] }),
    context: fc.record({ a: scalar, b: scalar, c: scalar }, { requiredKeys: [] }),
    subject: fc.record({ roles: fc.array(fc.constantFrom("r", "s"), { maxLength: 2 }) }, { requiredKeys: [] }),
  });
  fc.assert(
    fc.property(input, (document) => {
      const kept = allow.ask(options(document as JsonObject));
      fresh.flush();
      const evaluated = fresh.ask(options(document as JsonObject));
      assert.deepEqual([kept.value, kept.hasMissed], [evaluated.value, evaluated.hasMissed]);
    }),
    { numRuns: 300 },
  );
});
