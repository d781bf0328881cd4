import { type QueryAnswer, type Value, valueToJson } from "@vedette/rego";
import type { EvalResult } from "./eval.ts";
import { PolicyValue, type Report, reportToJson } from "./json-text.ts";
import { durationToText } from "./option-values.ts";
import { tableToText } from "./table.ts";

/** Lines of a profile that are shown. */
const PROFILE_LINES_MAX = 10;

/** What `policy eval` prints, without the newline at the end. */
export function evalOutput(result: EvalResult, format: string): string {
  const { answers, explanation } = result;
  switch (format) {
    case "json":
      return reportToJson(resultToReport(result, answers.length === 0 ? undefined : answers.map(answerToReport)));
    case "discard":
      return reportToJson(resultToReport(result, answers.length === 0 ? undefined : "discarded"));
    case "values":
      return answers
        .map(({ expressions }) => reportToJson(expressions.map(({ value }) => new PolicyValue(value))))
        .join("\n");
    case "bindings":
      return answers.map(({ bindings }) => reportToJson(new PolicyValue(bindings))).join("\n");
    case "raw":
      return answers.map(({ expressions }) => expressions.map(({ value }) => rawText(value)).join(" ")).join("\n");
    default:
      return [...(explanation ? [explanation.text.trimEnd()] : []), prettyAnswers(answers), ...prettyExtras(result)]
        .filter((part) => part !== "")
        .join("\n");
  }
}

function resultToReport({ metrics, explanation, coverage, profile }: EvalResult, result: Report | undefined): Report {
  return {
    result,
    metrics: metrics && sorted(metrics),
    explanation: explanation?.report,
    profile: profile?.map(({ location: { file, row, col }, time, count, statements }) => ({
      total_time_ns: time,
      num_eval: count,
      num_gen_expr: statements,
      location: { file, row, col },
    })),
    coverage,
  };
}

function answerToReport({ expressions, bindings }: QueryAnswer): Report {
  const hasBindings = Object.keys(bindings).length > 0;
  return {
    expressions: expressions.map(({ value, text, row, col }) => ({
      value: new PolicyValue(value),
      text,
      location: { row, col },
    })),
    bindings: hasBindings ? new PolicyValue(bindings) : undefined,
  };
}

function rawText(value: Value): string {
  return typeof value === "string" ? value : valueToJson(value);
}

function prettyAnswers(answers: readonly QueryAnswer[]): string {
  const [first] = answers;
  if (first === undefined) return "undefined";
  const { expressions, bindings } = first;
  const names = Object.keys(bindings);
  if (names.length === 0 && answers.length === 1) {
    const [only] = expressions;
    if (expressions.length === 1 && only) return reportToJson(new PolicyValue(only.value));
    return tableToText(
      expressions.map(({ text }) => text),
      [expressions.map(({ value }) => valueToJson(value))],
    );
  }
  // What a condition answers says nothing beside what was found.
  const columns: readonly Column[] = [
    ...names.map((name) => ({ title: name, cellOf: (answer: QueryAnswer) => answer.bindings[name] as Value })),
    ...expressions.flatMap(({ text, value }, index) =>
      typeof value === "boolean"
        ? []
        : [{ title: text, cellOf: (answer: QueryAnswer) => answer.expressions[index]?.value as Value }],
    ),
  ].sort((a, b) => (a.title < b.title ? -1 : 1));
  return tableToText(
    columns.map(({ title }) => title),
    answers.map((answer) => columns.map(({ cellOf }) => valueToJson(cellOf(answer)))),
  );
}

interface Column {
  readonly title: string;
  cellOf(answer: QueryAnswer): Value;
}

function prettyExtras({ metrics, profile, coveragePercent }: EvalResult): readonly string[] {
  const parts: string[] = [];
  if (metrics)
    parts.push(
      tableToText(
        ["Metric", "Value"],
        Object.entries(sorted(metrics)).map(([name, value]) => [name, String(value)]),
      ),
    );
  if (profile)
    parts.push(
      tableToText(
        ["Time", "Num Eval", "Num Gen Expr", "Location"],
        profile
          .slice(0, PROFILE_LINES_MAX)
          .map(({ time, count, statements, location: { file, row } }) => [
            durationToText(time),
            String(count),
            String(statements),
            file === "" ? `query:${row}` : `${file}:${row}`,
          ]),
      ),
    );
  if (coveragePercent !== undefined) parts.push(tableToText([], [["Overall Coverage", coveragePercent.toFixed(2)]]));
  return parts;
}

function sorted(record: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
