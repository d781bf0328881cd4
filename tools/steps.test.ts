import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "./check.ts";
import { runProgram, runSteps, type Step, type StepResult } from "./steps.ts";

const advice = "mend it";

test("a step holds when it has nothing to say, and one that says something fails the check", async () => {
  const told: StepResult[] = [];
  const fine: Step = { name: "fine", run: () => "", advice };
  const bad: Step = { name: "bad", run: async () => "here is what is wrong", advice };
  assert.equal(await check([fine], () => {}), true);
  assert.equal(await check([fine, bad], (result) => told.push(result)), false);
  assert.deepEqual(
    told.map(({ step, ok, output }) => [step, ok, output]),
    [
      ["fine", true, ""],
      ["bad", false, "here is what is wrong"],
    ],
  );
});

test("a step that cannot run does not hold", async () => {
  const broken: Step = {
    name: "broken",
    run: () => {
      throw new Error("no such tool");
    },
    advice,
  };
  const missing: Step = { name: "missing", run: () => runProgram("/no/such/tool", [], "/"), advice };
  const results = await runSteps([broken, missing], 2, () => {});
  assert.deepEqual(
    results.map(({ ok }) => ok),
    [false, false],
  );
  assert.match(results[0]?.output ?? "", /no such tool/);
});

test("a program that fails without a word still fails its step", async () => {
  assert.equal(await runProgram(process.execPath, ["-e", "0"], "/"), "");
  assert.match(await runProgram(process.execPath, ["-e", "process.exitCode = 3"], "/"), /code 3/);
  assert.match(await runProgram(process.execPath, ["-e", "process.kill(process.pid, 9)"], "/"), /SIGKILL/);
  assert.equal(await runProgram(process.execPath, ["-e", "console.log('why'); process.exitCode = 1"], "/"), "why");
});

test("no more steps run at a time than allowed, and results keep the order of the steps", async () => {
  let running = 0;
  let runningMax = 0;
  const steps = Array.from({ length: 6 }, (_, index): Step => {
    const run = async (): Promise<string> => {
      runningMax = Math.max(runningMax, ++running);
      for (let turn = 0; turn < 6 - index; turn++) await Promise.resolve();
      running--;
      return "";
    };
    return { name: String(index), run, advice };
  });
  const results = await runSteps(steps, 2, () => {});
  assert.equal(runningMax, 2);
  assert.deepEqual(
    results.map(({ step }) => step),
    ["0", "1", "2", "3", "4", "5"],
  );
});
