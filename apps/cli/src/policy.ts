import type { Command } from "./command.ts";
import { bench } from "./policy/bench.ts";
import { build } from "./policy/build.ts";
import { capabilities } from "./policy/capabilities.ts";
import { check } from "./policy/check.ts";
import { evaluate } from "./policy/eval.ts";
import { fmt } from "./policy/fmt.ts";
import { inspect } from "./policy/inspect.ts";
import { publish } from "./policy/publish.ts";
import { repl } from "./policy/repl.ts";
import { roles } from "./policy/roles.ts";
import { sign } from "./policy/sign.ts";
import { test } from "./policy/test.ts";
import { verify } from "./policy/verify.ts";

export const policyCommands: readonly Command[] = [
  ...[check, build, sign, publish, evaluate],
  ...[test, fmt, bench, verify, inspect, capabilities, roles, repl],
];
