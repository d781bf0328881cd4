import { type Instant, isJsonObject, type Json, type JsonObject, type LocatedJson, parseInstant } from "@vedette/base";
import { type AccessRequest, type AttestationState, type Decision, parseAccessRequest } from "@vedette/policy";
import type { Location } from "@vedette/rego";
import { exitCode } from "../command.ts";
import { Refusal } from "../refusal.ts";
import { readLocatedJson } from "./json-rules.ts";
import { ATTESTATION_STATES, isAttestationState } from "./option-values.ts";

/** A file of the kind `cases/v1`: requests, what must be decided on each, and maybe the time `at` which. */
export const CASES_KIND = "cases/v1";

export interface AccessCase {
  readonly name: string;
  readonly location: Location;
  readonly request: AccessRequest;
  readonly situation: CaseSituation;
  /** As much of a decision as the case speaks of, by the names of `DecisionFacts`. */
  readonly expect: JsonObject;
}

/** What the node knows beside the request. */
interface CaseSituation {
  readonly state: AttestationState;
  readonly at: Instant | undefined;
  readonly spent: number;
}

const MEMBERS: ReadonlySet<string> = new Set([
  "name",
  "subject",
  "action",
  "resource",
  "context",
  "state",
  "at",
  "spent",
  "expect",
]);
const FACTS: readonly string[] = ["effect", "reason", "rule", "tier", "obligations"];

/** Ends the command at the first thing in the file that is no case, with its place. */
export function readCases(file: string): readonly AccessCase[] {
  const located = readLocatedJson(file);
  const { kind: _, at, cases, ...others } = located.value as JsonObject;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return refuse(file, located, `/${unknown}`, "kind, at or cases");
  if (!Array.isArray(cases)) return refuse(file, located, "/cases", "a list of cases");
  const time = new CaseReader(file, located, "").instant(at);
  return cases.map((item: Json, i) => new CaseReader(file, located, `/cases/${i}`).read(item, time));
}

class CaseReader {
  readonly #file: string;
  readonly #located: LocatedJson;
  readonly #pointer: string;

  constructor(file: string, located: LocatedJson, pointer: string) {
    this.#file = file;
    this.#located = located;
    this.#pointer = pointer;
  }

  read(item: Json, time: Instant | undefined): AccessCase {
    if (!isJsonObject(item)) return this.#refuse("", "an object");
    const unknown = Object.keys(item).find((name) => !MEMBERS.has(name));
    if (unknown !== undefined) return this.#refuse(`/${unknown}`, `one of ${[...MEMBERS].join(", ")}`);
    const { name } = item;
    if (typeof name !== "string" || name === "") return this.#refuse("/name", "what the case shows, in words");
    const request = parseAccessRequest(item);
    if (!request.ok) return this.#refuse(`/${request.error.member}`, request.error.expected);
    const { line: row, column: col } = this.#located.positionOf(this.#pointer);
    const location = { file: this.#file, row, col, start: 0, end: 0 };
    return {
      name,
      location,
      request: request.value,
      situation: this.#situation(item, time),
      expect: this.#expect(item),
    };
  }

  instant(at: Json | undefined): Instant | undefined {
    if (at === undefined) return undefined;
    const parsed = typeof at === "string" ? parseInstant(at) : undefined;
    return parsed?.ok ? parsed.value : this.#refuse("/at", "a time such as 2026-11-22T12:00:00Z");
  }

  #situation({ state = "fresh", at, spent = 0 }: JsonObject, time: Instant | undefined): CaseSituation {
    if (!isAttestationState(state)) return this.#refuse("/state", ATTESTATION_STATES.join(", "));
    if (typeof spent !== "number" || spent < 0) return this.#refuse("/spent", "a number, not less than 0");
    return { state, at: this.instant(at) ?? time, spent };
  }

  #expect({ expect }: JsonObject): JsonObject {
    const isExpectation =
      expect !== undefined && isJsonObject(expect) && Object.keys(expect).some((name) => FACTS.includes(name));
    if (!isExpectation) return this.#refuse("/expect", `an object with ${FACTS.join(", ")}, or some of them`);
    const unknown = Object.keys(expect).find((name) => !FACTS.includes(name));
    return unknown === undefined ? expect : this.#refuse(`/expect/${unknown}`, `one of ${FACTS.join(", ")}`);
  }

  #refuse(member: string, expected: string): never {
    return refuse(this.#file, this.#located, `${this.#pointer}${member}`, expected);
  }
}

function refuse(file: string, located: LocatedJson, pointer: string, expected: string): never {
  const { line, column } = located.positionOf(pointer);
  throw new Refusal("CASES_INVALID", `${file}:${line}:${column}: expected ${expected}`, {}, exitCode.usage);
}

/** What a case can speak of. */
export interface DecisionFacts extends JsonObject {
  readonly effect: "allow" | "deny";
  readonly reason: string;
  /** Null where no rule decided. */
  readonly rule: string | null;
  readonly tier: string | null;
  /** Their types. */
  readonly obligations: readonly string[];
}

export function factsOfDecision({ effect, reason, ruleId, escalation, obligations }: Decision): DecisionFacts {
  const types = obligations.map(({ type }) => type);
  return { effect, reason, rule: ruleId ?? null, tier: escalation?.tier ?? null, obligations: types };
}

/** What the decision says otherwise than the case expects: nothing when it passes. */
export function differencesOf(facts: DecisionFacts, expect: JsonObject): readonly string[] {
  return Object.entries(expect)
    .filter(([name, wanted]) => JSON.stringify(facts[name]) !== JSON.stringify(wanted))
    .map(([name, wanted]) => `${name} is ${JSON.stringify(facts[name])}, expected ${JSON.stringify(wanted)}`);
}
