import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Value } from "../values/value.ts";
import { ExplainingObserver } from "./explain.ts";
import { explanationToText } from "./explain-text.ts";
import { testAsk } from "./tools-fixture.test.ts";

function why(text: string, query: string, input?: Value): string {
  let observer: ExplainingObserver | undefined;
  testAsk(
    { "p.rego": `package p\n\n${text}\n` },
    query,
    input,
    (...parts) => (observer = new ExplainingObserver(...parts)),
  );
  return explanationToText(observer!.explanation());
}

describe("an explanation names", () => {
  test("the statement beyond which a definition never came, with the values it looked at", () => {
    assert.equal(
      why("allow if {\n\tinput.user\n\tinput.age > 18\n\tinput.never\n}", "data.p.allow", { user: "a", age: 12 }),
      `data.p.allow is undefined:
  the definition at p.rego:3 gave up at line 5: input.age > 18
    input.age is 12
`,
    );
  });

  test("of a loop the furthest that any round came, a few examples, and how many more", () => {
    assert.equal(
      why("allow if {\n\tsome x in [1, 2, 3, 4, 5]\n\tx > 9\n}", "data.p.allow"),
      `data.p.allow is undefined:
  the definition at p.rego:3 gave up at line 5: x > 9
    x is 1
    x is 2
    x is 3
    and 2 more
`,
    );
  });

  test("every definition, the default, and what they asked in turn", () => {
    assert.equal(
      why(
        'default allow := false\n\nallow if is_admin\n\nallow if input.open\n\nis_admin if input.role == "admin"',
        "data.p.allow",
        { role: "guest" },
      ),
      `data.p.allow is false, its default (p.rego:3):
  the definition at p.rego:5 gave up at line 5: is_admin
    data.p.is_admin is undefined:
      the definition at p.rego:9 gave up at line 9: input.role == "admin"
        input.role is "guest"
  the definition at p.rego:7 gave up at line 7: input.open
    input.open is undefined
`,
    );
  });

  test("the branch that an else came to", () => {
    assert.equal(
      why("n := 1 if {\n\tinput.a\n} else := 2 if {\n\tinput.b\n}", "data.p.n", {}),
      `data.p.n is undefined:
  the definition at p.rego:3 gave up at line 4: input.a
    input.a is undefined
  the definition at p.rego:5 gave up at line 6: input.b
    input.b is undefined
`,
    );
  });

  test("what held where a negation did not, and what failed inside an every", () => {
    assert.match(
      why("ok if not bad\n\nbad if input.x", "data.p.ok", { x: 1 }),
      /gave up at line 3: not bad\n {4}data\.p\.bad is true/,
    );
    assert.match(
      why("ok if every x in [1, 2, 3] {\n\tx < 3\n}", "data.p.ok"),
      /gave up at line 3: every x .*\n {4}inside, it gave up at line 4: x < 3\n {6}x is 3/,
    );
  });

  test("a call with its operands", () => {
    assert.match(
      why("f(x) if x > 1\n\nok if f(1)", "data.p.ok"),
      /data\.p\.f\(1\) is undefined:\n {6}the definition at p\.rego:3/,
    );
    assert.match(why('f("a") := 1\n\nok if f("b")', "data.p.ok"), /no definition takes these operands/);
  });

  test("which definition held when the answer is yes", () => {
    assert.equal(
      why("allow if input.a\n\nallow if input.b", "data.p.allow", { b: true }),
      "data.p.allow is true (p.rego:5)\n",
    );
  });

  test("where the query itself gave up", () => {
    assert.equal(why("", "x := input.a; x = 2", { a: 1 }), "the query gave up at query:1: x = 2\n  x is 1\n");
  });
});

test("an explanation stays readable when a rule asks a million times", () => {
  const text = why("ok if {\n\tsome x in numbers.range(1, 100000)\n\tf(x)\n}\n\nf(x) if x > 100000", "data.p.ok");
  assert.ok(text.length < 5_000, text);
});
