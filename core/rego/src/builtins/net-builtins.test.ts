import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LimitExceeded } from "../limits.ts";
import { RegoSet } from "../values/value.ts";
import { testCreateCaller, testCreateContext } from "./builtin-fixture.test.ts";
import { addressToText, lastOf, networkToText, parseAddress, parseNetwork } from "./net-address.ts";
import { NET_BUILTINS } from "./net-builtins.ts";
import { mergeNetworks } from "./net-merge.ts";

const call = testCreateCaller(NET_BUILTINS);

const addresses = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => ({ bits: 32 as const, value })),
  fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => ({ bits: 128 as const, value })),
);

test("an address is read as it is written", () => {
  fc.assert(
    fc.property(addresses, (address) => {
      // Within ::ffff:0:0/96 an address is an IPv4 address.
      fc.pre(address.bits === 32 || address.value >> 32n !== 0xffffn);
      assert.deepEqual(parseAddress(addressToText(address)), address);
    }),
  );
});

test("IPv6 is written in the one form of RFC 5952", () => {
  for (const [text, expected] of [
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:0:2:0:0:3:4", "1::2:0:0:3:4"],
    ["::1.2.3.4", "::102:304"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
  ] as const) {
    const address = parseAddress(text);
    assert.ok(address);
    assert.equal(addressToText(address), expected);
  }
});

test("what is no address and no network is refused", () => {
  for (const text of [
    "",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4.5",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "fe80::1%eth0",
  ])
    assert.equal(parseAddress(text), undefined, text);
  for (const text of ["1.2.3.4", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "::/129", "/8", "1.2.3.4/8/8"]) {
    assert.equal(call("net.cidr_is_valid", text), "false", text);
    assert.equal(call("net.cidr_contains", text, "1.2.3.4"), `invalid CIDR address: ${text}`);
  }
  assert.equal(call("net.cidr_is_valid", 1), "false");
});

test("a network contains from its first address to its last", () => {
  assert.equal(call("net.cidr_contains", "10.0.0.64/26", "10.0.0.63"), "false");
  assert.equal(call("net.cidr_contains", "10.0.0.64/26", "10.0.0.64"), "true");
  assert.equal(call("net.cidr_contains", "10.0.0.64/26", "10.0.0.127"), "true");
  assert.equal(call("net.cidr_contains", "10.0.0.64/26", "10.0.0.128"), "false");
  assert.equal(call("net.cidr_contains", "10.0.0.0/8", "10.1.0.0/24"), "true");
  assert.equal(call("net.cidr_contains", "10.1.0.0/24", "10.0.0.0/8"), "false");
  assert.equal(call("net.cidr_intersects", "10.1.0.0/24", "10.0.0.0/8"), "true");
  assert.equal(call("net.cidr_intersects", "10.1.0.0/24", "10.1.1.0/24"), "false");
});

test("IPv4 addresses are inside of no IPv6 network, unless it is their own", () => {
  assert.equal(call("net.cidr_contains", "::/0", "10.0.0.1"), "false");
  assert.equal(call("net.cidr_contains", "0.0.0.0/0", "::1"), "false");
  assert.equal(call("net.cidr_contains", "::ffff:10.0.0.0/104", "10.0.0.1"), "true");
});

test("matches name what was compared by its place", () => {
  const networks = { lab: "10.0.0.0/24", plant: ["10.0.1.0/24", "hall 2"] };
  assert.equal(call("net.cidr_contains_matches", networks, ["10.0.1.9", "10.0.0.9"]), '[["lab",1],["plant",0]]');
  assert.equal(
    call("net.cidr_contains_matches", ["10.0.0.0/8"], [1]),
    "operand 2: element must be string or non-empty array",
  );
});

test("a network is expanded to its addresses, if there is fuel for them", () => {
  assert.equal(call("net.cidr_expand", "255.255.255.254/31"), '["255.255.255.254","255.255.255.255"]');
  assert.equal(call("net.cidr_expand", "::1/128"), '["::1"]');
  for (const large of ["0.0.0.0/0", "::/0"]) {
    const ask = testCreateCaller(NET_BUILTINS, testCreateContext());
    assert.throws(() => ask("net.cidr_expand", large), LimitExceeded);
  }
});

test("networks that are neighbours or overlap become fewer", () => {
  assert.equal(call("net.cidr_merge", ["192.0.128.0/24", "192.0.129.0/24"]), '["192.0.128.0/23"]');
  assert.equal(call("net.cidr_merge", ["1.1.1.1/32", "1.1.1.2/31"]), '["1.1.1.1/32","1.1.1.2/31"]');
  assert.equal(call("net.cidr_merge", RegoSet.of(["::/0", "fe80::1/128"])), '["::/0"]');
  assert.equal(call("net.cidr_merge", []), "[]");
  // A bare IPv4 address stands for a network of its class, which surprises, and is OPA's rule.
  assert.equal(call("net.cidr_merge", ["192.0.2.112", "192.0.2.116/31"]), '["192.0.2.0/24"]');
  assert.equal(call("net.cidr_merge", ["::1"]), "IPv6 invalid: needs prefix length");
});

test("merged networks have the same addresses, and no two of them could be merged again", () => {
  const networks = fc.array(
    fc.record({ bits: fc.constant(32 as const), value: fc.bigInt(0n, 63n), prefix: fc.integer({ min: 27, max: 32 }) }),
  );
  fc.assert(
    fc.property(networks, (drawn) => {
      const parsed = drawn.flatMap(({ value, prefix }) => parseNetwork(`0.0.0.${value}/${prefix}`) ?? []);
      const merged = mergeNetworks(parsed.map((network) => ({ ...network, text: networkToText(network) })));
      const members = (texts: readonly string[]): bigint[] =>
        texts.flatMap((text) => {
          const network = parseNetwork(text);
          assert.ok(network);
          return Array.from(
            { length: Number(lastOf(network) - network.first) + 1 },
            (_, i) => network.first + BigInt(i),
          );
        });
      const covered = members(merged);
      assert.equal(new Set(covered).size, covered.length);
      assert.deepEqual(new Set(covered), new Set(members(parsed.map(networkToText))));
      assert.deepEqual(mergeNetworks(merged.flatMap((text) => ({ ...parseNetwork(text)!, text }))), merged);
    }),
  );
});
