import assert from "node:assert/strict";
import { test } from "node:test";
import { testCreateLeaf, testCreateRoot } from "./authority-fixture.test.ts";
import { distinguishedName, EMPTY_NAME, type GeneralName } from "./index.ts";
import { checkNameConstraints } from "./name-constraints.ts";

const root = testCreateRoot();
const uri = (value: string): GeneralName => ({ kind: "uri", value });
const dns = (value: string): GeneralName => ({ kind: "dns", value });
const email = (value: string): GeneralName => ({ kind: "email", value });
const ip = (...octets: readonly number[]): GeneralName => ({ kind: "ip", value: Uint8Array.from(octets) });
const ip6 = (fill: number, length: number): GeneralName => ({ kind: "ip", value: new Uint8Array(length).fill(fill) });
const directory: GeneralName = { kind: "directory", value: distinguishedName("test", "somebody") };

function judge(name: GeneralName, permitted: readonly GeneralName[], excluded: readonly GeneralName[] = []): string {
  const certificate = testCreateLeaf(root, { subjectAltNames: [name] });
  const checked = checkNameConstraints(certificate, { isCritical: true, permitted, excluded });
  return checked.ok ? "inside" : checked.error.code;
}

const CASES: readonly (readonly [string, GeneralName, readonly GeneralName[], readonly GeneralName[], string])[] = [
  ["a host is itself", uri("spiffe://a.example.org/x"), [uri("a.example.org")], [], "inside"],
  ["a host is compared without case", uri("spiffe://A.Example.org/x"), [uri("a.example.ORG")], [], "inside"],
  ["a host below is another host", uri("spiffe://b.a.example.org/x"), [uri("a.example.org")], [], "NAME_NOT_PERMITTED"],
  [
    "a host that ends alike is another host",
    uri("spiffe://xa.example.org"),
    [uri("a.example.org")],
    [],
    "NAME_NOT_PERMITTED",
  ],
  ["a leading period means hosts below", uri("spiffe://b.a.example.org"), [uri(".example.org")], [], "inside"],
  [
    "a leading period leaves the host itself out",
    uri("spiffe://example.org"),
    [uri(".example.org")],
    [],
    "NAME_NOT_PERMITTED",
  ],
  ["user and port are not the host", uri("https://somebody@a.example.org:443/"), [uri("a.example.org")], [], "inside"],
  [
    "user and port do not hide the host",
    uri("https://a.example.org@evil.org:443/"),
    [uri("a.example.org")],
    [],
    "NAME_NOT_PERMITTED",
  ],
  [
    "the host ends where the path begins",
    uri("https://evil.org/@a.example.org"),
    [uri("a.example.org")],
    [],
    "NAME_NOT_PERMITTED",
  ],
  [
    "the host ends where the query begins",
    uri("https://evil.org?.example.org"),
    [uri(".example.org")],
    [],
    "NAME_NOT_PERMITTED",
  ],
  ["a URI with an address has no host name", uri("https://10.0.0.1/"), [uri("10.0.0.1")], [], "NAME_NOT_PERMITTED"],
  ["a URI without authority has no host name", uri("urn:example.org"), [uri("example.org")], [], "NAME_NOT_PERMITTED"],
  ["an exclusion alone refuses a URI without host name", uri("urn:x"), [], [uri("example.org")], "NAME_NOT_PERMITTED"],
  ["an excluded host", uri("spiffe://a.example.org"), [], [uri("a.example.org")], "NAME_EXCLUDED"],
  [
    "exclusion outweighs permission",
    uri("spiffe://a.example.org"),
    [uri(".example.org")],
    [uri("a.example.org")],
    "NAME_EXCLUDED",
  ],
  [
    "a URI constraint that is no host",
    uri("spiffe://a.example.org"),
    [uri("spiffe://a.example.org")],
    [],
    "NAME_CONSTRAINT_UNSUPPORTED",
  ],
  ["a DNS name is itself", dns("example.org"), [dns("example.org")], [], "inside"],
  ["a DNS name below", dns("a.b.example.org"), [dns("example.org")], [], "inside"],
  ["a DNS name that ends alike", dns("anexample.org"), [dns("example.org")], [], "NAME_NOT_PERMITTED"],
  ["a DNS name above", dns("org"), [dns("example.org")], [], "NAME_NOT_PERMITTED"],
  ["an empty DNS constraint is every name", dns("a.org"), [], [dns("")], "NAME_EXCLUDED"],
  [
    "a DNS constraint with a leading period",
    dns("a.example.org"),
    [dns(".example.org")],
    [],
    "NAME_CONSTRAINT_UNSUPPORTED",
  ],
  ["a wildcard inside what is permitted", dns("*.example.org"), [dns("example.org")], [], "inside"],
  ["a wildcard that reaches an excluded name", dns("*.example.org"), [], [dns("till.example.org")], "NAME_EXCLUDED"],
  ["an address inside its network", ip(10, 1, 2, 3), [ip(10, 0, 0, 0, 255, 0, 0, 0)], [], "inside"],
  ["an address outside its network", ip(11, 1, 2, 3), [ip(10, 0, 0, 0, 255, 0, 0, 0)], [], "NAME_NOT_PERMITTED"],
  ["an IPv6 address where only IPv4 is permitted", ip6(1, 16), [ip(0, 0, 0, 0, 0, 0, 0, 0)], [], "NAME_NOT_PERMITTED"],
  ["every IPv4 address excluded", ip(127, 0, 0, 1), [], [ip(0, 0, 0, 0, 0, 0, 0, 0)], "NAME_EXCLUDED"],
  ["every IPv6 address excluded", ip6(1, 16), [], [ip6(0, 32)], "NAME_EXCLUDED"],
  ["IPv6 excluded does not exclude IPv4", ip(127, 0, 0, 1), [], [ip6(0, 32)], "inside"],
  ["a form that no constraint lists is free", dns("evil.org"), [uri("a.example.org")], [], "inside"],
  ["an e-mail constraint is not understood", email("a@b.org"), [email("b.org")], [], "NAME_CONSTRAINT_UNSUPPORTED"],
  ["an e-mail exclusion is not understood", email("a@b.org"), [], [email("c.org")], "NAME_CONSTRAINT_UNSUPPORTED"],
  ["a directory constraint is not understood", directory, [directory], [], "NAME_CONSTRAINT_UNSUPPORTED"],
  [
    "a constraint of another unknown form is free",
    { kind: "other", tag: 0x88, value: Uint8Array.of(42) },
    [],
    [{ kind: "other", tag: 0x80, value: Uint8Array.of(1) }],
    "inside",
  ],
  [
    "a constraint of the same unknown form",
    { kind: "other", tag: 0x88, value: Uint8Array.of(42) },
    [],
    [{ kind: "other", tag: 0x88, value: Uint8Array.of(1) }],
    "NAME_CONSTRAINT_UNSUPPORTED",
  ],
];

for (const [name, subject, permitted, excluded, verdict] of CASES) {
  test(`${name}: ${verdict}`, () => assert.equal(judge(subject, permitted, excluded), verdict));
}

test("the subject is a directory name under directory constraints, and an empty subject is none", () => {
  const constraints = { isCritical: true, permitted: [], excluded: [directory] };
  const named = testCreateLeaf(root, { subject: distinguishedName("test", "leaf"), subjectAltNames: [] });
  const nameless = testCreateLeaf(root, { subject: EMPTY_NAME, subjectAltNames: [] });
  assert.equal(checkNameConstraints(named, constraints).ok, false);
  assert.equal(checkNameConstraints(nameless, constraints).ok, true);
});
