import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { PlainObject, Value } from "../values/value.ts";
import { type DataDocument, mergeDocuments, parseDocument } from "./documents.ts";

function merged(...documents: readonly (readonly [at: string, value: Value])[]): unknown {
  const result = mergeDocuments(documents.map(([at, value], index) => document(`${index}.json`, at, value)));
  return result.ok ? JSON.parse(JSON.stringify(result.value)) : result.error;
}

function document(file: string, at: string, value: Value): DataDocument {
  return { file, at: at === "" ? [] : at.split("/"), value };
}

describe("documents become one", () => {
  test("each below the names of its folders, objects merged", () => {
    assert.deepEqual(merged(["", { a: { x: 1 } }], ["a", { y: 2 }], ["a/b", { z: [3] }]), {
      a: { x: 1, y: 2, b: { z: [3] } },
    });
    assert.deepEqual(merged(["a", [1]]), { a: [1] });
    assert.deepEqual(merged(["a", {}], ["a", {}]), { a: {} });
    assert.deepEqual(merged(), {});
  });

  test("two values in one place are refused with both files, however deep and in whichever order", () => {
    const conflict = { code: "DOCUMENT_CONFLICT", file: "1.json", path: ["a", "x"], other: "0.json" };
    assert.deepEqual(merged(["", { a: { x: 1 } }], ["a", { x: 1 }]), conflict);
    assert.deepEqual(merged(["a", { x: { y: 1 } }], ["a", { x: 2 }]), conflict);
    assert.deepEqual(merged(["a", { x: 2 }], ["a", { x: { y: 1 } }]), conflict);
  });

  test("what is no object cannot be all of data", () => {
    assert.deepEqual(merged(["", [1]]), { code: "DOCUMENT_NOT_OBJECT", file: "0.json" });
    assert.deepEqual(merged(["", null]), { code: "DOCUMENT_NOT_OBJECT", file: "0.json" });
  });

  test("a member called __proto__ is a member like any other", () => {
    const result = mergeDocuments([document("a", "", JSON.parse('{"__proto__": {"x": 1}}'))]);
    assert.ok(result.ok);
    assert.deepEqual(Object.keys(result.value), ["__proto__"]);
    assert.equal((result.value as { readonly x?: Value }).x, undefined);
  });

  test("documents of different names give the same in any order", () => {
    const documents = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,4}$/), fc.integer()), {
      selector: ([name]) => name,
    });
    fc.assert(
      fc.property(documents, (entries) => {
        const all = entries.map(([name, value]): readonly [string, Value] => ["at", { [name]: value }]);
        assert.deepEqual(merged(...all), merged(...all.toReversed()));
      }),
    );
  });
});

describe("a data file", () => {
  test("is YAML by its name and JSON by any other, with exact numbers", () => {
    assert.deepEqual(parsedValue("a: 1\nb: [x, yes]\n", "d.yaml"), { a: 1, b: ["x", "yes"] });
    assert.deepEqual(parsedValue('{"a": 1}', "d.json"), { a: 1 });
    const large = parseDocument("12345678901234567890", "d.json");
    assert.equal(large.ok && String((large.value as { readonly text?: string }).text), "12345678901234567890");
  });

  test("that is broken says in which line and column", () => {
    const broken = parseDocument('{\n  "a": x\n}', "d.json");
    assert.deepEqual(!broken.ok && [broken.error.line, broken.error.column], [2, 8]);
    assert.equal(parseDocument("a: [", "d.yml").ok, false);
  });
});

function parsedValue(text: string, file: string): PlainObject {
  const parsed = parseDocument(text, file);
  assert.ok(parsed.ok);
  return JSON.parse(JSON.stringify(parsed.value));
}
