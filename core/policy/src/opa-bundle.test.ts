import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@vedette/base";
import { closures, valueToJson } from "@vedette/rego";
import { generateKey } from "@vedette/runtime";
import fc from "fast-check";
import { type OpaSnapshot, type OpenOpaBundle, openOpaBundle } from "./opa-bundle.ts";
import { opening, testBundle, testSigned, testTar, testVerification, unsigned, zlib } from "./opa-fixture.test.ts";
import { parseOpaKey } from "./opa-signature.ts";
import { joinBundles } from "./opa-union.ts";
import { compileCode } from "./policy-code.ts";

const POLICY = "package app\n\nallow if input.role == data.app.roles.admin\n";
const files = {
  "data.json": '{"app":{"roles":{"admin":"root"}}}',
  "app/policy.rego": POLICY,
  ".manifest": '{"revision":"r1","roots":["app"],"rego_version":1}',
};

function snapshotIn(bytes: Uint8Array, options: OpenOpaBundle = unsigned): OpaSnapshot {
  const opened = openOpaBundle(bytes, options);
  assert.ok(opened.ok && opened.value.type === "snapshot", JSON.stringify(opened));
  return opened.value;
}

function refusalOf(bytes: Uint8Array, options: OpenOpaBundle = unsigned): string {
  const opened = openOpaBundle(bytes, options);
  assert.ok(!opened.ok, "opened");
  return opened.error.code;
}

function dataIn(some: Readonly<Record<string, string>>): string {
  return valueToJson(snapshotIn(testBundle(some)).data);
}

test("a bundle has its revision, roots, modules and data", () => {
  const { manifest, modules, packages, data, keyId } = snapshotIn(testBundle(files));
  assert.deepEqual([manifest.revision, manifest.roots, packages], ["r1", [["app"]], [["app"]]]);
  assert.deepEqual([...modules.keys()], ["app/policy.rego"]);
  assert.equal(valueToJson(data), '{"app":{"roles":{"admin":"root"}}}');
  assert.equal(keyId, undefined);
});

test("without a manifest, or without roots in it, a bundle owns all of data", () => {
  for (const some of [{ "data.json": '{"x":1}' }, { "data.json": '{"x":1}', ".manifest": "{}" }])
    assert.deepEqual(snapshotIn(testBundle(some)).manifest.roots, [[]]);
});

test("roots may have slashes around them, and no roots permit nothing", () => {
  const rooted = (roots: string) => testBundle({ ...files, ".manifest": `{"roots":${roots}}` });
  assert.deepEqual(snapshotIn(rooted('["/app/"]')).manifest.roots, [["app"]]);
  assert.equal(refusalOf(rooted("[]")), "OUTSIDE_ROOTS");
});

test("data lies below the path of its file, in JSON or YAML, with every digit", () => {
  assert.equal(
    dataIn({
      "data.json": '{"a":{"n":12345678901234567890.5}}',
      "a/b/data.yaml": "- x\n- 2.50\n",
      "c/data.yml": "on: yes\n",
    }),
    '{"a":{"b":["x",2.5],"n":12345678901234567890.5},"c":{"on":"yes"}}',
  );
});

test("a value that two files give is refused", () => {
  const twice = { "data.json": '{"a":{"b":1}}', "a/data.json": '{"b":1}' };
  assert.equal(refusalOf(testBundle(twice)), "DATA_CONFLICT");
  assert.equal(refusalOf(testBundle({ "data.json": '{"a":1}', "a/b/data.json": "2" })), "DATA_CONFLICT");
});

test("names of every kind are data and nothing else", () => {
  assert.equal(
    dataIn({ "data.json": '{"__proto__":{"a":1},"constructor":2}' }),
    '{"__proto__":{"a":1},"constructor":2}',
  );
  assert.equal(dataIn({ "__proto__/data.json": '{"a":1}' }), '{"__proto__":{"a":1}}');
});

test("a root value that is no object is refused", () => {
  assert.equal(refusalOf(testBundle({ "data.json": "[1]" })), "BUNDLE_MALFORMED");
  assert.equal(refusalOf(testBundle({ "data.json": "{" })), "BUNDLE_MALFORMED");
  assert.equal(refusalOf(testBundle({ "x/data.yaml": "a: [" })), "BUNDLE_MALFORMED");
});

test("packages and data outside of the roots are refused", () => {
  assert.equal(refusalOf(testBundle({ ...files, "other/data.json": "1" })), "OUTSIDE_ROOTS");
  assert.equal(refusalOf(testBundle({ ...files, "x.rego": "package other\n" })), "OUTSIDE_ROOTS");
  assert.equal(refusalOf(testBundle({ ...files, "x.rego": "package application\n" })), "OUTSIDE_ROOTS");
  assert.ok(snapshotIn(testBundle({ ".manifest": '{"roots":["a/b"]}', "data.json": '{"a":{"b":{"c":1}}}' })));
  assert.equal(
    refusalOf(testBundle({ ".manifest": '{"roots":["a/b"]}', "data.json": '{"a":{"b":1,"c":1}}' })),
    "OUTSIDE_ROOTS",
  );
});

test("roots that overlap are refused", () => {
  for (const roots of ['["app","app"]', '["app","app/roles"]', '["","app"]'])
    assert.equal(refusalOf(testBundle({ ".manifest": `{"roots":${roots}}` })), "ROOTS_OVERLAP");
});

test("a manifest that is none is refused", () => {
  for (const manifest of [
    "[]",
    "{",
    '{"revision":1}',
    '{"roots":"app"}',
    '{"roots":[1]}',
    '{"metadata":[]}',
    '{"rego_version":2}',
    '{"file_rego_versions":{"a":"1"}}',
    '{"roots":["a"],"roots":["b"]}',
  ])
    assert.equal(refusalOf(testBundle({ ".manifest": manifest })), "BUNDLE_MALFORMED", manifest);
});

test("a module of Rego v0 is refused, unless it says what it means in v1", () => {
  const old = 'package app\nallow { input.role == "x" }\n';
  const both = "package app\nimport rego.v1\nallow if input.x\n";
  const whole = { ".manifest": '{"rego_version":0}' };
  const single = { ".manifest": '{"rego_version":1,"file_rego_versions":{"/a.rego":0}}' };
  const pattern = { ".manifest": '{"file_rego_versions":{"*/old/*":0}}' };
  const other = { ".manifest": '{"rego_version":0,"file_rego_versions":{"/a.rego":1}}' };
  for (const manifest of [whole, single, pattern]) {
    assert.equal(refusalOf(testBundle({ ...manifest, "a.rego": old })), "REGO_V0_UNSUPPORTED");
    assert.ok(snapshotIn(testBundle({ ...manifest, "a.rego": both })));
  }
  assert.ok(snapshotIn(testBundle({ ...other, "a.rego": POLICY })));
});

test("a bundle whose rules are in WebAssembly is refused, a plan beside Rego is passed over", () => {
  const resolver = '{"wasm":[{"entrypoint":"app/allow","module":"/policy.wasm"}]}';
  assert.equal(refusalOf(testBundle({ ...files, ".manifest": resolver })), "WASM_UNSUPPORTED");
  assert.equal(refusalOf(testBundle({ ...files, "x/policy.wasm": "" })), "WASM_UNSUPPORTED");
  assert.ok(snapshotIn(testBundle({ ...files, "plan.json": "{}", "README.md": "hello" })));
});

test("names that OPA would take for its own are refused", () => {
  for (const name of [
    "x.manifest",
    "a/.manifest",
    "a/patch.json",
    "my-signatures.json",
    "a/.signatures.json",
    ".a/data.json",
  ])
    assert.equal(refusalOf(testBundle({ ...files, [name]: "{}" })), "BUNDLE_MALFORMED", name);
});

test("what unpacks to more than it may is refused before it is whole", () => {
  const bomb = zlib.gzip(testTar([{ name: "data.json", contents: new Uint8Array(8_000_000) }]));
  assert.ok(bomb.length < 10_000);
  assert.equal(refusalOf(bomb), "BUNDLE_MALFORMED");
  assert.equal(refusalOf(new Uint8Array(2_000_000)), "BUNDLE_TOO_LARGE");
  assert.equal(refusalOf(utf8("no gzip")), "BUNDLE_MALFORMED");
});

test("aliases of YAML that unfold to more than it may are refused", () => {
  const laughs = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`);
  const bomb = ["a0: &a0 [lol]", ...laughs].join("\n");
  assert.equal(refusalOf(testBundle({ "x/data.yaml": bomb })), "BUNDLE_MALFORMED");
});

test("a signed bundle opens by the key it names", () => {
  assert.equal(snapshotIn(testSigned(files), opening()).keyId, "default");
  assert.equal(snapshotIn(testSigned(files, { claims: { iat: 1, iss: "x" } }), opening()).keyId, "default");
});

test("the configured key counts before the one of the header, and the deprecated claim after it", () => {
  const another = { header: { kid: "other" } };
  assert.equal(refusalOf(testSigned(files, another), opening()), "KEY_UNKNOWN");
  assert.ok(snapshotIn(testSigned(files, another), opening(testVerification({ keyId: "default" }))));
  const nameless = { header: { kid: undefined }, claims: { keyid: "default" } };
  assert.ok(snapshotIn(testSigned(files, nameless), opening()));
  assert.equal(refusalOf(testSigned(files, { header: { kid: undefined } }), opening()), "BUNDLE_MALFORMED");
});

test("an unsigned bundle is refused where a signature is asked for, a signed one where no key is", () => {
  assert.equal(refusalOf(testBundle(files), opening()), "BUNDLE_UNSIGNED");
  assert.equal(
    refusalOf(testBundle({ ...files, ".signatures.json": '{"signatures":[]}' }), opening()),
    "BUNDLE_UNSIGNED",
  );
  assert.equal(refusalOf(testSigned(files)), "KEY_MISSING");
});

test("a signature by another key, another algorithm or none is refused", () => {
  assert.equal(refusalOf(testSigned(files, { key: generateKey("ES256") }), opening()), "SIGNATURE_INVALID");
  for (const alg of ["none", "HS256", "RS256", "es256"])
    assert.equal(refusalOf(testSigned(files, { header: { alg } }), opening()), "SIGNATURE_INVALID");
  assert.equal(refusalOf(testSigned(files, { header: { crit: ["x"] } }), opening()), "BUNDLE_MALFORMED");
});

test("the scope of the token is the configured one, else the key's", () => {
  const scoped = testSigned(files, { claims: { scope: "write" } });
  assert.equal(refusalOf(scoped, opening()), "SCOPE_MISMATCH");
  assert.ok(snapshotIn(scoped, opening(testVerification({ scope: "write" }))));
  assert.ok(snapshotIn(scoped, opening(testVerification({}, "write"))));
  assert.equal(refusalOf(testSigned(files), opening(testVerification({ scope: "write" }))), "SCOPE_MISMATCH");
});

test("files that are altered, added or left out after signing are refused", () => {
  const token = (all: Readonly<Record<string, string>>) => {
    const parsed = zlib.gunzip(testSigned(all), 1_000_000);
    assert.ok(parsed);
    const text = Buffer.from(parsed).toString("latin1");
    return text.slice(text.indexOf('{"signatures"'), text.indexOf('"_default"}') + 11);
  };
  const signatures = token(files);
  const repacked = (some: Readonly<Record<string, string>>) =>
    refusalOf(testBundle({ ...some, ".signatures.json": signatures }), opening());
  assert.equal(repacked({ ...files, "app/policy.rego": `${POLICY}\n` }), "FILE_ALTERED");
  assert.equal(repacked({ ...files, "data.json": '{"app":{}}' }), "FILE_ALTERED");
  assert.equal(repacked({ ...files, "x/data.json": "1" }), "FILE_UNLISTED");
  assert.equal(repacked({ ...files, "README.md": "x" }), "FILE_UNLISTED");
  const { "app/policy.rego": _, ...fewer } = files;
  assert.equal(repacked(fewer), "FILE_MISSING");
  const spaced = { ...files, "data.json": '{ "app": {"roles": {"admin": "r\\u006fot"}} }' };
  assert.ok(openOpaBundle(testBundle({ ...spaced, ".signatures.json": signatures }), opening()).ok, "the same value");
});

test("hashes that are broken or unknown are refused", () => {
  for (const algorithm of ["MD5", "SHA-1", "SHA-224", "SHA-512-256", ""]) {
    const claims = { files: [{ name: "data.json", hash: "00", algorithm }] };
    assert.equal(refusalOf(testSigned({ "data.json": "{}" }, { claims }), opening()), "BUNDLE_MALFORMED");
  }
  for (const claims of [{ files: "x" }, { files: [{ name: 1 }] }, { files: undefined }])
    assert.equal(refusalOf(testSigned({ "data.json": "{}" }, { claims }), opening()), "BUNDLE_MALFORMED");
});

test("two tokens, and tokens for another verifier, are refused", () => {
  for (const signatures of ['{"signatures":["a.b.c","a.b.c"]}', '{"signatures":["a.b"]}', "[]", '{"signatures":[1]}'])
    assert.equal(refusalOf(testBundle({ ".signatures.json": signatures }), opening()), "BUNDLE_MALFORMED");
  const elsewhere = '{"signatures":["a.b.c"],"plugin":"mine"}';
  assert.equal(refusalOf(testBundle({ ".signatures.json": elsewhere }), opening()), "BUNDLE_MALFORMED");
});

test("a shared secret is no signature unless the operator says so", () => {
  const key = "a secret of at least thirty-two bytes";
  const refused = parseOpaKey({ keyId: "k", algorithm: "HS256", key });
  assert.equal(!refused.ok && refused.error.code, "KEY_SHARED");
  assert.ok(parseOpaKey({ keyId: "k", algorithm: "HS256", key, allowShared: true }).ok);
  const short = parseOpaKey({ keyId: "k", algorithm: "HS256", key: "short", allowShared: true });
  assert.equal(!short.ok && short.error.code, "KEY_INVALID");
});

test("keys of unknown algorithms, and texts that hold no public key, are refused", () => {
  const codeOf = (algorithm: string, key: string) => {
    const parsed = parseOpaKey({ keyId: "k", algorithm, key });
    return parsed.ok ? "PARSED" : parsed.error.code;
  };
  assert.equal(codeOf("none", "x"), "KEY_ALGORITHM_UNSUPPORTED");
  assert.equal(codeOf("RS256", "x"), "KEY_INVALID");
  assert.equal(codeOf("RS256", '{"keys":[]}'), "KEY_INVALID");
  const jwk = (more: object) => JSON.stringify({ kty: "OKP", crv: "Ed25519", x: "A".repeat(43), ...more });
  assert.equal(codeOf("EdDSA", jwk({})), "PARSED");
  assert.equal(codeOf("EdDSA", jwk({ alg: "EdDSA" })), "PARSED");
  assert.equal(codeOf("EdDSA", jwk({ alg: "RS256" })), "KEY_INVALID");
  assert.equal(codeOf("EdDSA", JSON.stringify({ kty: "oct", k: "AAAA" })), "KEY_INVALID");
});

test("a delta is a list of changes, and nothing beside it", () => {
  const patch = '{"data":[{"op":"upsert","path":"/app/x","value":1},{"op":"remove","path":"app/y"}]}';
  const opened = openOpaBundle(testBundle({ "patch.json": patch, ".manifest": '{"roots":["app"]}' }), unsigned);
  assert.ok(opened.ok && opened.value.type === "delta");
  assert.deepEqual(opened.value.operations, [
    { op: "upsert", path: "/app/x", value: 1 },
    { op: "remove", path: "app/y" },
  ]);
  for (const beside of ["data.json", "a/data.yaml", "x.rego", "policy.wasm"])
    assert.equal(refusalOf(testBundle({ "patch.json": patch, [beside]: "{}" })), "BUNDLE_MALFORMED", beside);
  assert.equal(refusalOf(testBundle({ "patch.json": patch, ".manifest": '{"roots":["b"]}' })), "OUTSIDE_ROOTS");
});

test("a patch that is empty or none is refused: OPA would forget all data over it", () => {
  for (const patch of [
    '{"data":[]}',
    "{}",
    "[]",
    '{"data":[{"op":"add","path":"a","value":1}]}',
    '{"data":[{"op":"upsert","path":"a"}]}',
    '{"data":[{"op":"remove"}]}',
    '{"data":[1]}',
  ])
    assert.equal(refusalOf(testBundle({ "patch.json": patch })), "BUNDLE_MALFORMED", patch);
});

test("a delta is signed where bundles are, although OPA never looks", () => {
  const delta = { "patch.json": '{"data":[{"op":"remove","path":"a"}]}' };
  assert.equal(refusalOf(testBundle(delta), opening()), "BUNDLE_UNSIGNED");
  assert.ok(openOpaBundle(testSigned(delta), opening()).ok);
});

test("bundles beside each other are one document, each below its own roots", () => {
  const roles = snapshotIn(testBundle({ "roles/data.json": '{"admin":"root"}', ".manifest": '{"roots":["roles"]}' }));
  const app = snapshotIn(
    testBundle({
      "p.rego": "package app\n\nallow if input.role == data.roles.admin\n",
      ".manifest": '{"roots":["app"]}',
    }),
  );
  const union = joinBundles(
    new Map([
      ["roles", roles],
      ["app", app],
    ]),
    ["vedette"],
    1_000_000,
  );
  assert.ok(union.ok);
  const code = compileCode(union.value.files, union.value.roots, closures);
  assert.ok(code.ok && code.value);
  assert.deepEqual(union.value.roots, ["roles", "app"]);
  assert.deepEqual([...union.value.files.keys()], ["app/p.rego", "data.json"]);
});

test("bundles that claim the same data, or the host's, do not stand beside each other", () => {
  const join = (...bundles: readonly Readonly<Record<string, string>>[]) => {
    const named = bundles.map((each, i) => [`b${i}`, snapshotIn(testBundle(each))] as const);
    const union = joinBundles(new Map(named), ["vedette"], 1_000_000);
    return union.ok ? "JOINED" : union.error.code;
  };
  const rooted = (root: string) => ({ ".manifest": JSON.stringify({ roots: [root] }) });
  assert.equal(join(rooted("a"), rooted("b")), "JOINED");
  assert.equal(join(rooted("a"), rooted("a/b")), "ROOTS_OVERLAP");
  assert.equal(join(rooted(""), rooted("b")), "ROOTS_OVERLAP");
  assert.equal(join({ "data.json": '{"x":1}' }), "JOINED");
  assert.equal(join({ "data.json": '{"vedette":{"rules":{}}}' }), "ROOTS_OVERLAP");
  assert.equal(join({ "x.rego": "package vedette.access\n\nallow := true\n" }), "ROOTS_OVERLAP");
});

test("hostile files are refused and never thrown at", () => {
  const name = fc.constantFrom(
    "data.json",
    "a/data.json",
    "a/data.yaml",
    ".manifest",
    "patch.json",
    "x.rego",
    ".signatures.json",
  );
  const contents = fc.oneof(fc.json(), fc.string(), fc.constant('{"roots":[""]}'), fc.constant("package a\nx := 1\n"));
  fc.assert(
    fc.property(fc.dictionary(name, contents, { maxKeys: 4 }), (some) => {
      openOpaBundle(testBundle(some), unsigned);
      openOpaBundle(testBundle(some), opening());
    }),
    { numRuns: 300 },
  );
});
