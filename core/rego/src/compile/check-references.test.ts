import { test } from "node:test";
import { testCompile } from "../evaluate/query-fixture.test.ts";

test("a variable that is a key of base data may be of any type", () => {
  // Nothing is known of base data: rules in other places say nothing of its keys (the differential's seeds 113 and 285).
  testCompile("package a.b\n\nsets contains 1\n\np(x) if { data.base.rows[x]; x == sets }\n");
  testCompile("package a.b\n\np(x) if { 1 == data.base.s[x]; some _ in array.concat(x, []) }\n");
});
