import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, utf8 } from "@vedette/base";
import fc from "fast-check";
import { type TarEntry, testTar } from "./opa-fixture.test.ts";
import { parseStockTar } from "./stock-tar.ts";
import { writeTar } from "./tar.ts";

const GNU = "ustar  \0";

function pathsIn(...entries: readonly TarEntry[]): readonly string[] | string {
  const files = parseStockTar(testTar(entries));
  return files.ok ? [...files.value.keys()] : files.error.expected;
}

function pax(records: Readonly<Record<string, string>>): string {
  return Object.entries(records)
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      const length = utf8(rest).length;
      const digits = `${length + `${length}`.length}`.length;
      return `${length + digits}${rest}`;
    })
    .join("");
}

test("paths are read as OPA, tar and old tar write them", () => {
  assert.deepEqual(pathsIn({ name: "/a/data.json" }), ["a/data.json"]);
  assert.deepEqual(pathsIn({ name: "./a/data.json", magic: GNU }), ["a/data.json"]);
  assert.deepEqual(pathsIn({ name: "a/data.json", type: "\0" }), ["a/data.json"]);
});

test("folders are skipped", () => {
  assert.deepEqual(
    pathsIn({ name: "./", type: "5", magic: GNU }, { name: "./a/", type: "5" }, { name: "./a/x.rego" }),
    ["a/x.rego"],
  );
});

test("a path that is too long for a header is in an extended header before it", () => {
  const path = `${"folder/".repeat(30)}data.json`;
  assert.deepEqual(pathsIn({ name: "x", type: "x", contents: pax({ path: `/${path}` }) }, { name: "cut" }), [path]);
  assert.deepEqual(
    pathsIn({ name: "././@LongLink", type: "L", contents: `${path}\0`, magic: GNU }, { name: "cut", magic: GNU }),
    [path],
  );
  assert.deepEqual(
    pathsIn(
      { name: "x", type: "x", contents: pax({ path: "ü/data.json", mtime: "1.5" }) },
      { name: "cut" },
      { name: "b" },
    ),
    ["ü/data.json", "b"],
  );
});

test("extended headers that change nothing are passed over", () => {
  assert.deepEqual(pathsIn({ name: "g", type: "g", contents: pax({ comment: "a commit" }) }, { name: "a" }), ["a"]);
  assert.deepEqual(
    pathsIn({ name: "x", type: "x", contents: pax({ mtime: "1", "SCHILY.xattr.user.a": "b" }) }, { name: "a" }),
    ["a"],
  );
});

test("extended headers that change sizes, owners of all files or where a link leads are refused", () => {
  for (const records of [
    { size: "1" },
    { linkpath: "/etc/passwd" },
    { "GNU.sparse.name": "a" },
    { hdrcharset: "BINARY" },
  ])
    assert.equal(
      pathsIn({ name: "x", type: "x", contents: pax(records) }, { name: "a" }),
      "an extended header that only names a path",
    );
  assert.equal(
    pathsIn({ name: "g", type: "g", contents: pax({ path: "b" }) }, { name: "a" }),
    "no global names or sizes",
  );
  for (const contents of ["12 path=a", "5 path=a\n", "x path=a\n", "99 path=a\n", "7 =abc\n"])
    assert.equal(
      pathsIn({ name: "x", type: "x", contents }, { name: "a" }),
      "an extended header that only names a path",
    );
});

test("links, devices, pipes and sparse files are refused", () => {
  for (const type of "12346 7SKVM")
    assert.equal(pathsIn({ name: "a", type, linkName: "/etc/passwd" }), "regular files only", type);
});

test("paths that leave the archive are refused, wherever they stand", () => {
  const refused = "a relative path of plain names";
  for (const name of ["../a", "/../a", "a/../b", "//a", "/./a", "a//b", "a\\..\\b", "a\u0007", "", "/", "."]) {
    assert.equal(pathsIn({ name }), refused, name);
    if (name !== "")
      assert.equal(pathsIn({ name: "x", type: "x", contents: pax({ path: name }) }, { name: "a" }), refused, name);
  }
  assert.equal(pathsIn({ name: "../a/", type: "5" }), refused);
});

test("a path that occurs twice, in whatever form, is refused", () => {
  for (const name of ["a", "/a", "./a"]) assert.equal(pathsIn({ name: "a" }, { name }), "each path once");
});

test("an archive ends with its end and not in the middle of an announcement", () => {
  const bytes = testTar([{ name: "a" }]);
  const ended = "blocks of zeros at the end";
  for (const damaged of [concatBytes(bytes, utf8("x")), bytes.subarray(0, 512), new Uint8Array(0)]) {
    const files = parseStockTar(damaged);
    assert.equal(!files.ok && files.error.expected, ended);
  }
  assert.equal(pathsIn({ name: "x", type: "x", contents: pax({ path: "b" }) }), ended);
  assert.equal(pathsIn({ name: "a", contents: "x".repeat(600) }).length, 1);
  const cut = testTar([{ name: "a", contents: "x".repeat(600) }]).subarray(0, 1_024);
  assert.equal(parseStockTar(cut).ok, false);
});

test("what our own writer makes is read the same", () => {
  const files = new Map([["a/data.json", utf8("{}")]]);
  const parsed = parseStockTar(writeTar(files));
  assert.deepEqual(parsed.ok && [...parsed.value.keys()], ["a/data.json"]);
});

test("hostile bytes are refused and never thrown at", () => {
  const anyType = fc.constantFrom("0", "5", "x", "g", "L");
  const entry = fc.record({
    name: fc.string({ maxLength: 20 }),
    type: anyType,
    contents: fc.string({ maxLength: 40 }),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 4 }), (entries) => void parseStockTar(testTar(entries))),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_048 }), (bytes) => void parseStockTar(bytes)),
    { numRuns: 100 },
  );
});
