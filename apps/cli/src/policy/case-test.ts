import type { Instant } from "@vedette/base";
import { type Decision, type DecisionContext, decide } from "@vedette/policy";
import { type AccessCase, differencesOf, factsOfDecision } from "./access-cases.ts";
import { type AccessPolicy, explainDecision, whyLines } from "./decide.ts";
import { describeDecision } from "./decision-words.ts";
import { stopwatch } from "./prepared-policy.ts";
import type { ReportedTest } from "./test-report.ts";

/** One access case, decided as a node would. */
export class CaseTest {
  readonly #access: AccessPolicy;
  readonly #case: AccessCase;
  readonly #context: DecisionContext;

  /** `now` counts for cases that name no time. */
  constructor(access: AccessPolicy, item: AccessCase, now: Instant) {
    const { state, at = now, spent } = item.situation;
    this.#access = access;
    this.#case = item;
    this.#context = {
      now: at,
      attestation: { state, at },
      counters: { spent: () => spent },
      labels: {},
      requestedBy: "vedette policy",
    };
  }

  decide(): Decision {
    return decide(this.#access.policy, this.#case.request, this.#context);
  }

  run(): ReportedTest {
    const { name, location, expect } = this.#case;
    const start = stopwatch();
    const decision = this.decide();
    const duration = stopwatch() - start;
    const differences = differencesOf(factsOfDecision(decision), expect);
    const hasFailed = differences.length > 0;
    return {
      package: location.file,
      name,
      location,
      outcome: hasFailed ? "fail" : "pass",
      error: undefined,
      duration,
      printed: [],
      cases: [],
      gaveUp: [],
      ...(hasFailed && { decided: [...differences, ...this.#why(decision)] }),
    };
  }

  #why(decision: Decision): readonly string[] {
    const explanation = explainDecision(this.#access, this.#case.request, this.#context, decision);
    return [describeDecision(decision), ...whyLines(explanation).map((line) => `  ${line}`)];
  }
}
