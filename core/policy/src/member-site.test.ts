import assert from "node:assert/strict";
import { test } from "node:test";
import { memberAtSite } from "./member-site.ts";

/** All places, and one that is shared. */
const sites = Array.from({ length: 20 }, (_, site) => site);

test("every place reads the name that it is asked for, whatever it read before", () => {
  for (const site of sites)
    for (const name of ["a", "b", "a"]) assert.equal(memberAtSite(site, { a: 1, b: 2 }, name), name === "a" ? 1 : 2);
});

test("what objects inherit is read in no place, not even when something has put it on all of them", () => {
  for (const site of sites) {
    assert.equal(memberAtSite(site, {}, "toString"), undefined);
    assert.equal(memberAtSite(site, { toString: "own" }, "toString"), "own");
    assert.equal(memberAtSite(site, {}, "zone"), undefined);
    Object.defineProperty(Object.prototype, "zone", { value: "vault", configurable: true });
    try {
      assert.equal(memberAtSite(site, {}, "zone"), undefined);
      assert.equal(memberAtSite(site, { zone: "front" }, "zone"), "front");
    } finally {
      Reflect.deleteProperty(Object.prototype, "zone");
    }
  }
});
