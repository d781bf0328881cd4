import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { InFlight } from "./in-flight.ts";

test("who fits enters at once; who does not waits until enough have left", async () => {
  const flight = new InFlight(10);
  assert.equal(flight.enter(6), undefined);
  assert.equal(flight.enter(4), undefined);
  const entered: string[] = [];
  void flight.enter(5)?.then(() => entered.push("five"));
  void flight.enter(1)?.then(() => entered.push("one"));
  flight.leave(4);
  await Promise.resolve();
  assert.deepEqual(entered, []);
  flight.leave(6);
  await Promise.resolve();
  assert.deepEqual(entered, ["five", "one"]);
});

test("nobody is overtaken, and a crowd larger than all the room enters alone", async () => {
  const flight = new InFlight(10);
  flight.enter(1);
  const entered: number[] = [];
  void flight.enter(50)?.then(() => entered.push(50));
  void flight.enter(1)?.then(() => entered.push(1));
  flight.leave(1);
  await Promise.resolve();
  assert.deepEqual(entered, [50]);
  flight.leave(50);
  await Promise.resolve();
  assert.deepEqual(entered, [50, 1]);
});

test("there are never more under way than the bound, and everybody gets in", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 40 }), async (crowds) => {
      const flight = new InFlight(16);
      let underWay = 0;
      const visit = async (count: number) => {
        await flight.enter(count);
        underWay += Math.min(count, 16);
        assert.ok(underWay <= 16);
        await Promise.resolve();
        underWay -= Math.min(count, 16);
        flight.leave(count);
      };
      await Promise.all(crowds.map(visit));
      assert.equal(underWay, 0);
    }),
  );
});
