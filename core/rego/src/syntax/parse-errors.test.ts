import assert from "node:assert/strict";
import { test } from "node:test";
import { parseModule, parseQuery, parseTerm, TEXT_LENGTH_MAX } from "./parse.ts";

function errors(text: string, regoVersion: 0 | 1 = 1): readonly string[] {
  const module = parseModule(text, { file: "test.rego", regoVersion });
  return module.ok ? [] : module.error.map(({ message, location }) => `${location.row}:${location.col} ${message}`);
}

/** The first error of one line behind the package. */
function error(line: string, regoVersion: 0 | 1 = 1): string {
  return errors(`package a\n${line}`, regoVersion)[0]?.replace(/^2:/, "") ?? "none";
}

test("a module begins with its package, and has one", () => {
  assert.deepEqual(errors(""), ["1:1 empty module"]);
  assert.deepEqual(errors("# only a comment\n"), ["2:1 empty module"]);
  assert.deepEqual(errors("p := 1"), ["1:1 package expected"]);
  assert.deepEqual(errors("package a\npackage b"), ["2:1 unexpected package"]);
  assert.deepEqual(errors("package a[x]"), ["1:11 unexpected var token: expecting string"]);
  assert.deepEqual(errors("package f().s"), ["1:9 unexpected call token: expecting var"]);
  assert.deepEqual(errors("package 1"), ["1:9 unexpected number token"]);
});

test("an import names what there is to import", () => {
  assert.match(
    error("import foo.bar"),
    /^8 unexpected import path, must begin with one of: \{data, future, input, rego\}/,
  );
  assert.equal(error("import data.x[0]"), "15 unexpected number token: expecting string");
  assert.equal(error("import data.x as 1"), "18 unexpected number token: expected var");
  assert.equal(error("import data.x as y.z"), "18 expected var");
  assert.match(error("import data.x.not"), /^15 unexpected import path, must not end with a keyword, got: not/);
  assert.match(error("import data.x.if"), /^15 unexpected import path, must not end with a keyword, got: if/);
  assert.equal(error("import data.x.if", 0), "none");
  assert.equal(error("import data.x.not as y"), "none");
  assert.equal(error("import rego.v2"), "8 invalid import `rego.v2`, must be `rego.v1`");
  assert.equal(error("import rego.v1 as x"), "8 `rego` imports cannot be aliased");
  assert.equal(error("import future.x"), "8 invalid import, must be `future.keywords` or `future.keywords.x`");
  assert.equal(error("import future.keywords.in as x"), "8 `future` imports cannot be aliased");
  assert.equal(error("import future.keywords.x"), "8 unexpected keyword, must be one of [contains every if in]");
});

test("v1 asks for if before a body and contains before a member", () => {
  assert.equal(error("p { true }"), "1 `if` keyword is required before rule body");
  assert.equal(error("f(x) = 1 { x }"), "1 `if` keyword is required before function body");
  assert.equal(error("p if { x } else = 1 { y }"), "12 `if` keyword is required before rule body");
  assert.deepEqual(errors("package a\np[x] { x := 1 }"), [
    "2:1 `if` keyword is required before rule body",
    "2:1 `contains` keyword is required for partial set rules",
  ]);
  assert.equal(error('p["a"]'), "1 `contains` keyword is required for partial set rules");
  assert.equal(error("p.q.r"), "1 rule must have value assignment and/or body declaration");
  assert.equal(error("contains := 1"), "1 contains keyword cannot be used for rule name");
});

test("what is no rule is told what it is", () => {
  assert.equal(error("p"), "1 var cannot be used for rule name");
  assert.equal(error("1"), "1 number cannot be used for rule name");
  assert.equal(error('{"a"}'), "1 set cannot be used for rule name");
  assert.equal(error("[x] := 1"), "1 array cannot be used for rule name");
  assert.equal(error("x in xs"), "1 rule name conflicts with built-in function");
  assert.equal(error("p + 1 := 2"), "3 unexpected plus token");
  assert.equal(error("not p"), "1 negated expressions cannot be used for rule head");
  assert.equal(error("some x"), "1 'some' declarations cannot be used for rule head");
  assert.equal(error("every x in y { x }"), "1 expression cannot be used for rule head");
  assert.equal(error("p := 1 with input as 2"), "1 expressions using with keyword cannot be used for rule head");
  assert.equal(error("p := 1; q := 2"), "1 multiple expressions cannot be used for rule head");
  assert.equal(error("p := 1;"), "8 unexpected eof token");
  assert.equal(error("p [x] := 1"), "1 var cannot be used for rule name");
  assert.equal(error("f()"), "1 rule argument list must take at least one argument");
});

test("a head says one thing", () => {
  assert.match(error("f(x) contains 1 if x"), /^6 unexpected contains keyword: the contains keyword can only be used/);
  assert.equal(error("f(x).y := 1 if x"), "5 unexpected . token: a rule head cannot contain a call");
  assert.equal(error("set() := 1"), "1 set cannot be used for rule name");
  assert.equal(error("p := x := 1"), "8 unexpected assign token");
  assert.equal(error("p := 1 else := 2"), "8 unexpected else keyword");
  assert.equal(error("p contains"), "11 unexpected eof token");
});

test("else belongs to rules with one value", () => {
  assert.equal(error("p[x] if x else := 1"), "11 else keyword cannot be used on rules with variables in head");
  assert.equal(error("p contains 1 if x else := 1"), "19 else keyword cannot be used on multi-value rules");
  assert.equal(error("p if x else 1"), "13 unexpected number token: expected else value term or rule body");
  assert.equal(error("p if x else := 1 if"), "20 unexpected eof token: rule body expected");
  assert.equal(error("p if { x } else := 1 if y { z }"), "27 expected else keyword");
});

test("a default is a constant", () => {
  assert.equal(error("default p := x"), "14 illegal default rule (value cannot contain var)");
  assert.equal(error("default p := [1, input.x]"), "18 illegal default rule (value cannot contain ref)");
  assert.equal(error("default p := 1 + 2"), "14 illegal default rule (value cannot contain call)");
  assert.equal(error('default p := $"{x}"'), "17 illegal default rule (value cannot contain var)");
  assert.equal(error("default p.q"), "1 illegal default rule (must have a value)");
  assert.equal(error("default f(1) := 2"), "11 illegal default rule (arguments cannot contain number)");
  assert.equal(error("default f(x, x) := 2"), "14 illegal default rule (arguments cannot be repeated x)");
  assert.equal(error("default := 1"), "9 unexpected assign token: expected rule name");
});

test("a body says where it stops making sense", () => {
  assert.equal(error("p if"), "5 unexpected eof token");
  assert.equal(error("p if { x y }"), "10 unexpected identifier token: expected \\n or ; or }");
  assert.equal(error("p if { x = y = z }"), "14 unexpected eq token: expected \\n or ; or }");
  assert.equal(error("p if { x; }"), "11 unexpected } token");
  assert.equal(error("p if { x"), "9 unexpected eof token: expected \\n or ; or }");
  assert.equal(error("p { }"), "5 found empty body");
  assert.equal(error("p if (x = y)"), "9 unexpected eq token: non-terminated expression");
  assert.equal(error("p if not some x in y"), "10 unexpected some keyword: illegal negation of 'some'");
  assert.equal(error("p if some f(x)"), "15 unexpected eof token: expected `x in xs` or `x, y in xs` expression");
  assert.equal(error("p if some 1"), "11 expected var");
  assert.equal(error("p if every 1 in xs { x }"), "12 expected value to be a variable");
  assert.equal(error("p if every 1, x in xs { x }"), "12 expected key to be a variable");
  assert.equal(error("p if every x in xs"), "19 unexpected eof token: missing body");
  assert.equal(error("p if x with 1 as y"), "13 unexpected number token: expected ident");
  assert.equal(error("p if x with y"), "14 unexpected eof token: expected as keyword");
  assert.equal(error("p if 1 in[1]"), "8 `contains` keyword is required for partial set rules");
});

test("a term says what it lacks", () => {
  const refusals: Readonly<Record<string, string>> = {
    "foo.": "5 unexpected eof token: expected identifier",
    "foo. bar": "6 unexpected identifier token: expected identifier",
    "foo[]": "5 unexpected ] token",
    "foo[1, 2]": "6 unexpected , token: expected ]",
    '"foo"[0]': "1 illegal ref (head cannot be string)",
    "(x.y)[0]": "2 illegal ref (head cannot be ref)",
    "null.x": "1 illegal ref (head cannot be null)",
    "[1](2)": "1 illegal call (array is no function)",
    "f(x": '4 unexpected eof token: expected "," or ")"',
    "[a b]": '4 unexpected identifier token: expected "," or "]"',
    "[a,,b]": "4 unexpected , token",
    "{a b}": "4 unexpected identifier token: non-terminated set",
    "{a: b c}": "7 unexpected identifier token: non-terminated object",
    "{a: b, c}": '9 unexpected } token: expected ":"',
    "{a: 1,,}": "7 unexpected , token",
    "[x | ]": "6 found empty body",
    "(1": "3 unexpected eof token: non-terminated expression",
    "-(1)": "2 unexpected ( token: expected number",
    "03": "1 unexpected number token: expected number without leading zero",
    "1e30103": "1 unexpected number token: number too big",
    "not x": "1 unexpected not keyword",
    "x y": "3 unexpected identifier token: expected the end of the term",
    "x = y": "3 unexpected eq token: expected the end of the term",
    '$"{}"': "4 invalid template-string expression: there is none",
    '$"{x = y}"': "4 unexpected unification ('=') in template-string expression",
    '$"{x := y}"': "4 unexpected assignment (':=') in template-string expression",
    '$"{not x}"': "4 unexpected negation ('not') in template-string expression",
    '$"{some x in y}"': "4 unexpected 'some' in template-string expression",
    '$"{every x in y { x }}"': "4 unexpected 'every' in template-string expression",
    '$"{x y}"': "6 unexpected identifier token: expected } to end template string expression",
  };
  for (const [text, expected] of Object.entries(refusals)) {
    const read = parseTerm(text);
    assert.equal(read.ok ? "accepted" : `${read.error[0]?.location.col} ${read.error[0]?.message}`, expected, text);
  }
});

test("a query is not empty", () => {
  const read = parseQuery(" # nothing");
  assert.deepEqual(!read.ok && read.error[0]?.message, "found empty body");
});

test("in v0 an error says which import was meant", () => {
  assert.match(
    error("p { some x in xs }", 0),
    /^12 unexpected identifier token: .*\(hint: `import rego.v1` makes in a keyword\)$/,
  );
});

test("after an error reading goes on at the next line that begins a declaration", () => {
  assert.deepEqual(errors("package a\np := [1,,\n  2]\nq := 1\nr := )\n"), [
    "2:9 unexpected , token",
    "5:6 unexpected ) token",
  ]);
  assert.equal(errors(`package a\n${"p := )\n".repeat(100)}`).length, 10);
});

test("a text that is too long is not read", () => {
  assert.match(errors(" ".repeat(TEXT_LENGTH_MAX + 1))[0] as string, /^1:1 text too long/);
});
