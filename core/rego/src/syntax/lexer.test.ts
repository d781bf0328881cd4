import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TOKEN_LENGTH_MAX, tokenize } from "./lexer.ts";

function kinds(text: string): readonly string[] {
  return tokenize(text, "").tokens.map(({ kind, text: what }) => `${kind} ${what}`.trim());
}

function illegal(text: string): string {
  const token = tokenize(text, "").tokens.find(({ kind }) => kind === "illegal");
  return token ? `${token.location.row}:${token.location.col} ${token.text}` : "none";
}

test("words are names, keywords or not", () => {
  assert.deepEqual(kinds("not p_1 _"), ["name not", "name p_1", "name _", "eof"]);
  assert.deepEqual(kinds("x٣"), ["name x٣", "eof"]);
});

test("an operator of two characters is not two operators", () => {
  assert.deepEqual(kinds("a:=b!=c"), ["name a", "symbol :=", "name b", "symbol !=", "name c", "eof"]);
  assert.deepEqual(kinds("<=>="), ["symbol <=", "symbol >=", "eof"]);
});

test("strings are decoded as JSON decodes them, raw strings not at all", () => {
  assert.deepEqual(kinds(String.raw`"a\"\\\/\b\f\n\r\t\u00e9\uD834\uDD1E"`), ['string a"\\/\b\f\n\r\té𝄞', "eof"]);
  assert.deepEqual(kinds("`a\\n\nb`"), ["string a\\n\nb", "eof"]);
});

test("half of an escaped surrogate pair becomes the replacement character", () => {
  for (const half of ["\\ud800", "\\udc00"]) assert.deepEqual(kinds(`"${half}"`), ["string \ufffd", "eof"]);
  assert.deepEqual(kinds('"\\ud800\\u0041"'), ["string \ufffdA", "eof"]);
});

test("a template string is cut at its expressions, whatever braces they hold", () => {
  assert.deepEqual(kinds('$"plain"'), ["template plain", "eof"]);
  assert.deepEqual(kinds('$"a{x}b{ {1: "}"} }c"'), [
    "template-head a",
    "name x",
    "template-middle b",
    "symbol {",
    "number 1",
    "symbol :",
    "string }",
    "symbol }",
    "template-tail c",
    "eof",
  ]);
  assert.deepEqual(kinds("$`\\{\\n`"), ["template {\\n", "eof"]);
  assert.deepEqual(kinds('$"{$`{x}`}"'), [
    "template-head",
    "template-head",
    "name x",
    "template-tail",
    "template-tail",
    "eof",
  ]);
});

test("a token knows whether a blank, a comment or a newline stands before it", () => {
  const flags = tokenize("a.b c#d\ne", "").tokens.map((token) => [token.hasSpaceBefore, token.hasNewlineBefore]);
  assert.deepEqual(flags, [
    [false, false],
    [false, false],
    [false, false],
    [true, false],
    [true, true],
    [false, false],
  ]);
});

test("rows and columns count lines and characters from 1", () => {
  const positions = tokenize('"𝄞é" x\r\n\ty `\n𝄞` z', "").tokens.map(
    ({ location }) => `${location.row}:${location.col} ${location.start}-${location.end}`,
  );
  assert.deepEqual(positions, ["1:1 0-5", "1:6 6-7", "2:2 10-11", "2:4 12-17", "3:4 18-19", "3:5 19-19"]);
});

test("a byte order mark is skipped at the beginning, and wrong elsewhere", () => {
  assert.deepEqual(tokenize("\ufeffp", "").tokens[0]?.location, { file: "", row: 1, col: 1, start: 1, end: 2 });
  assert.equal(illegal("p \ufeff"), "1:3 illegal byte-order mark");
});

test("comments are kept, without the carriage return of their line", () => {
  const { comments } = tokenize("# one\r\np #two", "");
  assert.deepEqual(
    comments.map(({ text, location }) => `${location.row}:${location.col}${text}`),
    ["1:1 one", "2:3two"],
  );
});

test("what is no token says what is wrong with it, and where", () => {
  assert.equal(illegal('p "abc'), "1:3 non-terminated string");
  assert.equal(illegal('p "a\nb"'), "1:3 non-terminated string");
  assert.equal(illegal("p `abc\n"), "1:3 non-terminated string");
  assert.equal(illegal('$"a{x'), "none");
  assert.match(illegal('"a\\d"'), /^1:3 illegal escape sequence: write a backslash as/);
  assert.match(illegal('"\\u12g4"'), /^1:2 illegal escape sequence: \\u needs four/);
  assert.match(illegal("1."), /^1:1 expected fraction/);
  assert.match(illegal("1e+"), /^1:1 expected exponent/);
  assert.equal(illegal("0a2b"), "1:1 illegal number format");
  assert.equal(illegal("a\0"), "1:2 illegal null character");
  assert.equal(illegal("# \0"), "1:3 illegal null character");
  assert.equal(illegal('"\ud800"'), "1:2 illegal utf-8 character: half of a surrogate pair");
  assert.equal(illegal("'a'"), "1:1 illegal token");
  assert.match(illegal("!x"), /^1:1 illegal ! character/);
  assert.match(illegal("$x"), /^1:1 illegal \$ character/);
});

test("after a string without end its next line is read as usual", () => {
  assert.deepEqual(kinds('$"{ "a\nb }'), [
    "template-head",
    "illegal non-terminated string",
    "name b",
    "symbol }",
    "eof",
  ]);
});

test("a token is at most a million characters long", () => {
  const longest = "`".padEnd(TOKEN_LENGTH_MAX - 1, "a");
  assert.equal(illegal(`${longest}\``), "none");
  assert.match(illegal(`${longest}aa\``), /^1:1 token too long/);
});

test("tokens stand in the order of the text, and what is between them is blank or comment", () => {
  const piece = fc.constantFrom(...'a 1 \n . " ` $ { } [ ( # \\ \ud834 \udd1e \0 é := \t \r 1e5'.split(" "), " ");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join("");
      const { tokens } = tokenize(text, "");
      let end = 0;
      for (const { kind, location } of tokens) {
        assert.ok(location.start <= location.end && location.end <= text.length);
        if (kind === "illegal") return;
        assert.match(text.slice(end, location.start), /^\ufeff?(?:[ \t\r\n]|#[^\n]*)*$/);
        end = location.end;
      }
      assert.equal(end, text.length);
    }),
  );
});
