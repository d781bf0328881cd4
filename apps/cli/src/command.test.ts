import assert from "node:assert/strict";
import { test } from "node:test";
import { type Command, commandHelp, parseInvocation, UsageError } from "./command.ts";

const command: Command = {
  name: "thing do",
  summary: "does it",
  operands: "[FILE]",
  options: {
    data: { summary: "some", short: "d", value: "PATH", repeated: true },
    explain: { summary: "why", value: "MODE", choices: ["off", "why", "full"], bare: "why" },
    verbose: { summary: "more", short: "v" },
  },
  run: async () => 0,
};

test("an option has one letter too, and may be repeated", () => {
  const invocation = parseInvocation(command, ["-d", "a", "--data", "b", "-v", "file"]);
  assert.deepEqual(
    [invocation.all("data"), invocation.isSet("verbose"), invocation.operands],
    [["a", "b"], true, ["file"]],
  );
});

test("an option with choices means one of them when it stands alone, and does not swallow the operand behind it", () => {
  const read = (...args: readonly string[]) => {
    const { operands, optional } = parseInvocation(command, args);
    return [optional("explain"), ...operands];
  };
  assert.deepEqual(read("--explain", "data.a"), ["why", "data.a"]);
  assert.deepEqual(read("--explain", "full", "data.a"), ["full", "data.a"]);
  assert.deepEqual(read("--explain=off"), ["off"]);
  assert.deepEqual(read("data.a", "--explain"), ["why", "data.a"]);
});

test("a value that is no choice is refused with those that there are", () => {
  assert.throws(
    () => parseInvocation(command, ["--explain=loud"]),
    new UsageError('--explain "loud" is not off, why or full'),
  );
});

test("help shows the letters", () => {
  assert.match(commandHelp(command), /-d, --data PATH +some \(may be repeated\)/);
});
