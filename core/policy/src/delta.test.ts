import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJson, type Value, valueToJson } from "@vedette/rego";
import fc from "fast-check";
import { applyDelta } from "./delta.ts";
import { type OpaDelta, type OpaSnapshot, openOpaBundle } from "./opa-bundle.ts";
import { testBundle, unsigned } from "./opa-fixture.test.ts";

function open(files: Readonly<Record<string, string>>) {
  const opened = openOpaBundle(testBundle(files), unsigned);
  assert.ok(opened.ok, JSON.stringify(opened));
  return opened.value;
}

function base(data: string, manifest = "{}"): OpaSnapshot {
  const bundle = open({ "data.json": data, ".manifest": manifest });
  assert.ok(bundle.type === "snapshot");
  return bundle;
}

function delta(operations: readonly object[], manifest = "{}"): OpaDelta {
  const bundle = open({ "patch.json": JSON.stringify({ data: operations }), ".manifest": manifest });
  assert.ok(bundle.type === "delta");
  return bundle;
}

/** The data afterwards, or why there is none. */
function after(data: string, ...operations: readonly object[]): string {
  const applied = applyDelta(base(data), delta(operations));
  return applied.ok ? valueToJson(applied.value.data) : applied.error.code;
}

test("an upsert sets, replaces, and makes the objects on the way", () => {
  assert.equal(after('{"a":1}', { op: "upsert", path: "/b", value: 2 }), '{"a":1,"b":2}');
  assert.equal(after('{"a":1}', { op: "upsert", path: "a", value: null }), '{"a":null}');
  assert.equal(after("{}", { op: "upsert", path: "/a/b/c", value: [] }), '{"a":{"b":{"c":[]}}}');
  assert.equal(after('{"a":1}', { op: "upsert", path: "/a/b", value: 1 }), "DELTA_PATH_INVALID");
});

test("a list is inserted into, and `-` is behind its last", () => {
  assert.equal(after('{"a":[1,2]}', { op: "upsert", path: "/a/1", value: 9 }), '{"a":[1,9,2]}');
  assert.equal(after('{"a":[1,2]}', { op: "upsert", path: "/a/-", value: 9 }), '{"a":[1,2,9]}');
  assert.equal(after('{"a":[1,2]}', { op: "upsert", path: "/a/2", value: 9 }), '{"a":[1,2,9]}');
  assert.equal(after('{"a":[{"b":1}]}', { op: "upsert", path: "/a/0/b", value: 9 }), '{"a":[{"b":9}]}');
  for (const path of ["/a/3", "/a/01", "/a/-1", "/a/x", "/a/-/b"])
    assert.equal(after('{"a":[1,2]}', { op: "upsert", path, value: 9 }), "DELTA_PATH_INVALID", path);
});

test("replace and remove want something to be there", () => {
  assert.equal(after('{"a":{"b":1}}', { op: "replace", path: "/a/b", value: 2 }), '{"a":{"b":2}}');
  assert.equal(after('{"a":{"b":1}}', { op: "remove", path: "/a/b" }), '{"a":{}}');
  assert.equal(after('{"a":[1,2,3]}', { op: "replace", path: "/a/1", value: 9 }), '{"a":[1,9,3]}');
  assert.equal(after('{"a":[1,2,3]}', { op: "remove", path: "/a/1" }), '{"a":[1,3]}');
  for (const op of ["replace", "remove"])
    for (const path of ["/a/c", "/x", "/a/b/c", "/l/3", "/l/-"])
      assert.equal(after('{"a":{"b":1},"l":[1]}', { op, path, value: 1 }), "DELTA_PATH_INVALID", `${op} ${path}`);
});

test("names are escaped as in RFC 6901 and percent-encoded as in OPA's data API", () => {
  assert.equal(after("{}", { op: "upsert", path: "/a~1b/c~0d", value: 1 }), '{"a/b":{"c~d":1}}');
  assert.equal(after("{}", { op: "upsert", path: "/a%20b", value: 1 }), '{"a b":1}');
  assert.equal(after("{}", { op: "upsert", path: "/%ff", value: 1 }), "DELTA_PATH_INVALID");
  assert.equal(after("{}", { op: "upsert", path: "/__proto__/x", value: 1 }), '{"__proto__":{"x":1}}');
  assert.equal(after("{}", { op: "replace", path: "/constructor", value: 1 }), "DELTA_PATH_INVALID");
});

test("all of data is never replaced at once", () => {
  for (const path of ["", "/", "//"])
    assert.equal(after("{}", { op: "upsert", path, value: {} }), "DELTA_PATH_INVALID");
});

test("operations are applied in order, all or none, and the base stays as it was", () => {
  const before = base('{"a":{"b":[1]}}');
  const good = [
    { op: "upsert", path: "/a/b/-", value: 2 },
    { op: "remove", path: "/a/b/0" },
  ];
  const applied = applyDelta(before, delta(good));
  assert.equal(applied.ok && valueToJson(applied.value.data), '{"a":{"b":[2]}}');
  assert.equal(after('{"a":{"b":[1]}}', ...good, { op: "remove", path: "/x" }), "DELTA_PATH_INVALID");
  assert.equal(valueToJson(before.data), '{"a":{"b":[1]}}');
});

test("a delta brings its revision, and the base keeps its modules", () => {
  const before = open({ "data.json": '{"a":1}', "p.rego": "package p\n", ".manifest": '{"revision":"r1"}' });
  assert.ok(before.type === "snapshot");
  const applied = applyDelta(before, delta([{ op: "upsert", path: "a", value: 2 }], '{"revision":"r2"}'));
  assert.ok(applied.ok);
  assert.deepEqual([applied.value.manifest.revision, [...applied.value.modules.keys()]], ["r2", ["p.rego"]]);
});

test("a delta without a base, for another one, or with other roots is refused", () => {
  const change = [{ op: "upsert", path: "/a/x", value: 1 }];
  const codeOf = (on: OpaSnapshot | undefined, manifest: string) => {
    const applied = applyDelta(on, delta(change, manifest));
    return applied.ok ? "APPLIED" : applied.error.code;
  };
  assert.equal(codeOf(undefined, "{}"), "DELTA_WITHOUT_BASE");
  const before = base('{"a":{}}', '{"revision":"r1","roots":["a","b"]}');
  assert.equal(codeOf(before, '{"roots":["b","a"],"metadata":{"vedette":{"base":"r1"}}}'), "APPLIED");
  assert.equal(codeOf(before, '{"roots":["a","b"],"metadata":{"vedette":{"base":"r0"}}}'), "DELTA_BASE_MISMATCH");
  for (const roots of ['["a"]', '["a","c"]', '["a","b","c"]', '[""]'])
    assert.equal(codeOf(before, `{"roots":${roots}}`), "DELTA_ROOTS_DIFFER");
});

test("ten thousand operations on one wide object cost one copy of it", () => {
  const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i]));
  const operations = Array.from({ length: 10_000 }, (_, i) => ({ op: "upsert", path: `/k${i}`, value: -i }));
  const from = process.cpuUsage();
  const applied = applyDelta(base(JSON.stringify(wide)), delta(operations));
  assert.ok(applied.ok && applied.value.data["k9999"] === -9_999);
  assert.ok(process.cpuUsage(from).user < 5_000_000);
});

test("what was upserted is there, and what was removed is not", () => {
  const names = fc.array(
    fc.string({ minLength: 1, maxLength: 5 }).filter((name) => /^[a-z~/% ]+$/.test(name)),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  const encode = (name: string) => encodeURIComponent(name).replaceAll("~", "~0").replaceAll("%2F", "~1");
  fc.assert(
    fc.property(names, fc.json(), (path, text) => {
      const value = parseJson(text);
      assert.ok(value.ok);
      const pointer = path.map(encode).join("/");
      const there = applyDelta(base("{}"), delta([{ op: "upsert", path: pointer, value: JSON.parse(text) }]));
      assert.ok(there.ok);
      const found = path.reduce<Value>(
        (at, name) => (at as Readonly<Record<string, Value>>)[name] ?? null,
        there.value.data,
      );
      assert.equal(valueToJson(found), valueToJson(value.value));
      const gone = applyDelta(there.value, delta([{ op: "remove", path: pointer }]));
      assert.ok(gone.ok && !applyDelta(gone.value, delta([{ op: "remove", path: pointer }])).ok);
    }),
    { numRuns: 100 },
  );
});
