import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { flattenNetworks, isInSome, parseAddress, parseNetwork } from "./address.ts";

test("an address is accepted exactly when Node's own parser accepts it", () => {
  const broken = fc.array(fc.constantFrom("0", "1", "ff", "255", "256", ":", "::", ".", "a", "01"), { maxLength: 12 });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        broken.map((parts) => parts.join("")),
      ),
      (text) => {
        assert.equal(parseAddress(text) !== undefined, isIP(text) !== 0, text);
      },
    ),
    { numRuns: 3_000 },
  );
});

test("an address lies in a network exactly when Node says so", () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const address = fc.oneof(
    fc.ipV4(),
    fc.tuple(octet, octet).map(([c, d]) => `10.1.${c}.${d}`),
    fc.ipV6(),
  );
  fc.assert(
    fc.property(address, fc.oneof(fc.ipV4(), fc.constant("10.1.0.0"), fc.ipV6()), fc.nat(128), (text, base, nat) => {
      const length = isIP(base) === 4 ? nat % 33 : nat;
      const network = parseNetwork(`${base}/${length}`);
      const parsed = parseAddress(text);
      if (!network || !parsed) return;
      const list = new BlockList();
      list.addSubnet(base, length, isIP(base) === 4 ? "ipv4" : "ipv6");
      assert.equal(
        isInSome(parsed, flattenNetworks([network])),
        list.check(text, isIP(text) === 4 ? "ipv4" : "ipv6"),
        `${text} ${base}/${length}`,
      );
    }),
    { numRuns: 2_000 },
  );
});

test("a network's last address is inside and the next one is outside", () => {
  const network = parseNetwork("10.1.2.0/23");
  const isIn = (text: string) => network !== undefined && isInSome(parseAddress(text)!, flattenNetworks([network]));
  assert.deepEqual(["10.1.1.255", "10.1.2.0", "10.1.3.255", "10.1.4.0"].map(isIn), [false, true, true, false]);
});

test("an IPv4-mapped IPv6 address is the same host as the IPv4 address", () => {
  assert.deepEqual(parseAddress("::ffff:192.0.2.1"), parseAddress("192.0.2.1"));
});

test("networks with bits beyond their length, without a length, or too long are refused", () => {
  for (const text of [
    "10.0.0.1/8",
    "10.0.0.0",
    "10.0.0.0/33",
    "fd00::1/8",
    "fd00::/129",
    "fe80::1%eth0/128",
    "10.0.0.0/08x",
  ])
    assert.equal(parseNetwork(text), undefined, text);
});

test("zones, leading zeros and short forms are no addresses", () => {
  for (const text of ["fe80::1%eth0", "010.0.0.1", "10.1", "0x0a000001", "1::2::3", ""])
    assert.equal(parseAddress(text), undefined, text);
});
