import { randomBytes } from "node:crypto";
import { createNodeCrypto } from "@vedette/runtime";
import { LimitExceeded } from "../limits.ts";
import { valueToJson } from "../values/json.ts";
import type { Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure } from "./builtin.ts";

const crypto = createNodeCrypto();

/** The context of one query on 22 November 2026 at noon, with fuel for a million steps. */
export function testCreateContext(now = 1_795_348_800_000_000_000n): BuiltinContext {
  let fuel = 1_000_000;
  return {
    now,
    crypto,
    random: { bytes: (length) => new Uint8Array(randomBytes(length)) },
    memo: new Map(),
    spend(steps) {
      fuel -= steps;
      if (fuel < 0) throw new LimitExceeded("fuel");
    },
  };
}

/** What a builtin answers, as JSON; `undefined`, or a failure's message. Each call is a query of its own unless one is given. */
export function testCreateCaller(
  builtins: readonly Builtin[],
  query?: BuiltinContext,
): (name: string, ...operands: Value[]) => string {
  return (name, ...operands) => {
    const builtin = builtins.find((candidate) => candidate.name === name);
    if (builtin === undefined) throw new Error(`no builtin is named ${name}`);
    const result = builtin.run(query ?? testCreateContext(), ...operands);
    if (result instanceof BuiltinFailure) return result.message;
    return result === undefined ? "undefined" : valueToJson(result);
  };
}
