import assert from "node:assert/strict";
import { test } from "node:test";
import type { Crypto } from "@vedette/base";
import fc from "fast-check";
import { LimitExceeded } from "../limits.ts";
import { parseNumber } from "../values/big-number.ts";
import { type NumberValue, RegoSet, type Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure } from "./builtin.ts";
import { SPRINTF_BUILTINS } from "./sprintf.ts";

function setupContext(fuel: number = Number.POSITIVE_INFINITY): BuiltinContext {
  let left = fuel;
  return {
    now: 0n,
    // It asks for neither.
    crypto: {} as Crypto,
    random: { bytes: (length) => new Uint8Array(length) },
    memo: new Map(),
    spend(steps) {
      left -= steps;
      if (left < 0) throw new LimitExceeded("fuel");
    },
  };
}

function format(format: Value, operands: Value, context: BuiltinContext = setupContext()): unknown {
  return (SPRINTF_BUILTINS[0] as Builtin).run(context, format, operands);
}

function number(text: string): NumberValue {
  return parseNumber(text) as NumberValue;
}

function check(cases: readonly (readonly [string, readonly Value[], string])[]): void {
  for (const [text, operands, expected] of cases) assert.equal(format(text, operands), expected, text);
}

const LARGE = number("123456789123456789123");

test("values show as themselves, strings without quotes", () => {
  check([
    ["hello %s, you are %d", ["bob", 42], "hello bob, you are 42"],
    ["%v %v %v %v", ["a", 1.5, null, true], "a 1.5 null true"],
    ["%v", [["a", { b: RegoSet.of([1]) }]], '["a", {"b": {1}}]'],
    ["%s %d %v", [LARGE, LARGE, LARGE], "123456789123456789123 ".repeat(3).trim()],
    ["100%%", [], "100%"],
    ["%v", [1234567.5], "1.2345675e+06"],
    ["%v", [number("0.33333333333333333334")], "0.3333333333333333"],
  ]);
});

test("integers in every base, with signs, prefixes and zeros", () => {
  check([
    ["%b %o %O %x %X", [5, 8, 8, 255, 255], "101 10 0o10 ff FF"],
    ["%#b %#o %#x %#X", [5, 8, 255, 255], "0b101 010 0xff 0XFF"],
    ["%+d % d %05d %-5d| %5d %.3d", [5, 5, -5, 5, 5, 5], "+5  5 -0005 5    |     5 005"],
    ["%c%c %q %U %#U", [104, 128512, 39, 233, 233], "h😀 '\\'' U+00E9 U+00E9 'é'"],
    ["%c %q %c", [55296, -1, 1114112], "� '�' �"],
    ["%.0d|%3.0d|", [0, 0], "|   |"],
    [
      "%+025d|%x|%-25d|",
      [LARGE, LARGE, LARGE],
      "+000123456789123456789123|6b14e9f9b0df36a83|123456789123456789123    |",
    ],
  ]);
});

test("fractions as the double nearest to them", () => {
  check([
    ["%f %.2f %.0f %.0f", [1.5, 99.995, 0.5, 1.5], "1.500000 100.00 0 2"],
    ["%e %E %.3e", [123456.5, 0.5, 0.00012345], "1.234565e+05 5.000000E-01 1.234e-04"],
    ["%g %G %.3g %#g", [1e-7, 1e-7, 1234.5678, 0.5], "1e-07 1E-07 1.23e+03 0.500000"],
    ["%08.2f|%+.1f|% .1f|%-8.1f|", [-1.5, 1.25, 1.25, 1.25], "-0001.50|+1.2| 1.2|1.2     |"],
    ["%x %X %.1x %b", [1.5, 0.1, 1.96875, 0.5], "0x1.8p+00 0X1.999999999999AP-04 0x1.0p+01 4503599627370496p-53"],
    ["%.20f", [0.1], "0.10000000000000000555"],
    ["%.3f", [5e-324], "0.000"],
  ]);
});

test("texts are cut, padded, quoted and shown as bytes", () => {
  check([
    ["%5s|%-5s|%.2s|%05s", ["é", "é", "😀éa", "x"], "    é|é    |😀é|0000x"],
    ["%q %+q %#q %#q", ['a"\n', "é", "a\tb", "a`b"], '"a\\"\\n" "\\u00e9" `a\tb` "a`b"'],
    ["%x % x %#x % #x %X %.1x", ["é", "é", "é", "é", "é", "é"], "c3a9 c3 a9 0xc3a9 0xc3 0xa9 C3A9 c3"],
    ["%#v", ["a"], '"a"'],
    ["%T %T %T %T", [1, LARGE, 1.5, []], "int64 *big.Int float64 string"],
  ]);
});

test("operands are chosen by index, and sizes taken from operands", () => {
  check([
    ["%[2]d %[1]d", [1, 2], "2 1"],
    ["%[1]v %[1]q", ["a"], 'a "a"'],
    ["%*d|%-*d|%*d|", [4, 1, 4, 1, -4, 1], "   1|1   |1   |"],
    ["%.*f", [2, 1.256], "1.26"],
    ["%[3]*.[2]*[1]f", [12.5, 2, 6], " 12.50"],
  ]);
});

test("a mistake in the format shows in the text", () => {
  check([
    ["%d", ["hi"], "%!d(string=hi)"],
    ["%s %f", [1, 1], "%!s(int64=1) %!f(int64=1)"],
    ["%t", [true], "%!t(string=true)"],
    ["%z", [LARGE], "%!z(big.Int=123456789123456789123)"],
    ["%d %d", [1], "1 %!d(MISSING)"],
    ["%d", [1, "a", 2.5], "1%!(EXTRA string=a, float64=2.5)"],
    ["%", [], "%!(NOVERB)"],
    ["%5.", [1], "%!.(int64=    1)"],
    ["%[3]d %[x]d %[", [1], "%!d(BADINDEX) %!d(BADINDEX) %!(NOVERB)"],
    ["%[]", [1], "%!](BADINDEX)"],
    ["%*d", ["a", 1], "%!(BADWIDTH)1"],
    ["%.*d %.*d", [-1, 1, 1.5, 1], "%!(BADPREC)1 %!(BADPREC)1"],
    ["%99999999d", [1], "%!(NOVERB)%!(EXTRA int64=1)"],
    ["%é", [1], "%!é(int64=1)"],
  ]);
});

test("operands of the wrong type are refused", () => {
  for (const [text, operands, message] of [
    [1, [], "operand 1 must be string but got number"],
    ["%d", "a", "operand 2 must be array but got string"],
  ] as const) {
    const result = format(text, operands);
    assert.ok(result instanceof BuiltinFailure);
    assert.equal(result.message, message);
  }
});

test("any format of any operands gives a text", () => {
  const piece = fc.constantFrom(..."%%%+-# 0.*[]123vTtdsqxXobcUeEfFgGOpwé");
  const operand = fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string(),
    fc.constant([]),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), fc.array(operand, { maxLength: 4 }), (pieces, operands) => {
      assert.equal(typeof format(pieces.join(""), operands), "string");
    }),
  );
});

test("%d and a plain number are inverse, and so are %x and its digits", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (integer) => {
      assert.equal(Number(format("%d", [integer])), integer);
      assert.equal(Number.parseInt(String(format("%x", [integer])), 16), integer);
    }),
  );
});

test("wide paddings and large values are paid for", () => {
  assert.equal(String(format("%1000000d", [1])).length, 1_000_000);
  for (const [text, operands] of [
    ["%1000000d", [1]],
    ["%.1000000f", [0.5]],
    ["%[1]s%[1]s%[1]s%[1]s", ["a".repeat(3_000)]],
  ] as const)
    assert.throws(() => format(text, operands, setupContext(1_000)), { name: "LimitExceeded", limit: "fuel" });
  let value: Value = [1];
  for (let i = 0; i < 60; i++) value = [value, value];
  assert.throws(() => format("%v", [value], setupContext(10_000)), { name: "LimitExceeded", limit: "fuel" });
});
