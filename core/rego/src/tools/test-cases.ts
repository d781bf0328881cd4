import type { Body, Module, Rule, Statement, Term } from "../syntax/ast.ts";
import { partsOf, termsOf } from "./source-index.ts";

const TEST_PREFIX = "test_";
const SKIPPED_PREFIX = "todo_test_";

/** One test: a rule whose name begins with `test_`, or with `todo_test_` when it is to be skipped. */
export interface Test {
  readonly package: readonly string[];
  /** Below the package, up to the name that makes it a test. */
  readonly path: readonly string[];
  readonly rule: Rule;
  readonly isSkipped: boolean;
  /** Its value is an object, and each member of it a case. */
  readonly hasCases: boolean;
}

export interface TestModules {
  readonly modules: readonly Module[];
  readonly tests: readonly Test[];
}

/**
 * Finds the tests of modules, and makes them countable: several of one name in a package are told apart by `#01`, `#02`,
 * and a test with cases reports each to `internal.test_case` as soon as its name is known, so that one that fails
 * later is seen.
 */
export function findTests(modules: readonly Module[]): TestModules {
  const tests: Test[] = [];
  const countByTest = new Map<string, number>();
  const rewritten = modules.map((module) => ({
    ...module,
    rules: module.rules.map((written) => {
      const position = testPosition(written);
      if (position === undefined) return written;
      const renamed = withNumber(module, written, position, countByTest);
      const rule = reportsCases(renamed, position) ? withCaseReport(renamed, position) : renamed;
      tests.push(testOf(module, rule, position));
      return rule;
    }),
  }));
  return { modules: rewritten, tests };
}

function testOf(module: Module, rule: Rule, position: number): Test {
  const path = namesOf(rule).slice(0, position + 1);
  return {
    package: module.package.path,
    path,
    rule,
    isSkipped: path.at(-1)!.startsWith(SKIPPED_PREFIX),
    hasCases: rule.head.key === undefined && rule.head.path.length > position,
  };
}

/** Which name of the head makes it a test; 0 is the rule's own. */
function testPosition(rule: Rule): number | undefined {
  const position = namesOf(rule).findIndex((name) => name.startsWith(TEST_PREFIX) || name.startsWith(SKIPPED_PREFIX));
  return position < 0 ? undefined : position;
}

/** The constant beginning of the head. */
function namesOf({ head }: Rule): readonly string[] {
  const names = [head.name];
  for (const term of head.path) {
    if (term.type !== "string") break;
    names.push(term.value);
  }
  return names;
}

function withNumber(module: Module, rule: Rule, position: number, countByTest: Map<string, number>): Rule {
  const names = namesOf(rule).slice(0, position + 1);
  if (!names.at(-1)!.startsWith(TEST_PREFIX)) return rule;
  const key = JSON.stringify([module.package.path, names]);
  const count = countByTest.get(key) ?? 0;
  countByTest.set(key, count + 1);
  if (count === 0) return rule;
  const name = `${names.at(-1)}#${String(count).padStart(2, "0")}`;
  const { head } = rule;
  if (position === 0) return { ...rule, head: { ...head, name } };
  const path = head.path.map(
    (term, index): Term => (index === position - 1 && term.type === "string" ? { ...term, value: name } : term),
  );
  return { ...rule, head: { ...head, path } };
}

function reportsCases({ head, body }: Rule, position: number): boolean {
  if (head.key !== undefined || head.path.length <= position || body === undefined) return false;
  return !body.some(
    ({ what }) => what.type === "term" && what.term.type === "call" && isCaseReport(what.term.operator),
  );
}

function isCaseReport(operator: Term): boolean {
  return (
    operator.type === "reference" &&
    operator.head.type === "var" &&
    operator.head.name === "internal" &&
    operator.path[0]?.type === "string" &&
    operator.path[0].value === "test_case"
  );
}

/** Behind the first mention of each variable in the case's name; the compiler waits with it until they have values. */
function withCaseReport(rule: Rule, position: number): Rule {
  const body = rule.body as Body;
  const keys = rule.head.path.slice(position);
  // Nothing is written there: no line of the report is covered by it.
  const location = { ...rule.head.location, end: rule.head.location.start };
  const names = new Set(keys.flatMap(variablesOf));
  const at = Math.max(0, ...Array.from(names, (name) => 1 + body.findIndex((statement) => mentions(statement, name))));
  const report: Statement = {
    isNegated: false,
    what: {
      type: "term",
      term: {
        type: "call",
        operator: {
          type: "reference",
          head: { type: "var", name: "internal", location },
          path: [{ type: "string", value: "test_case", form: "name", location }],
          location,
        },
        args: [{ type: "array", items: keys, location }],
        infix: undefined,
        location,
      },
    },
    with: [],
    location,
  };
  return { ...rule, body: [...body.slice(0, at), report, ...body.slice(at)] };
}

function mentions({ what }: Statement, name: string): boolean {
  return termsOf(what).some((term) => variablesOf(term).includes(name));
}

function variablesOf(term: Term): readonly string[] {
  return term.type === "var" ? [term.name] : partsOf(term).flatMap(variablesOf);
}
