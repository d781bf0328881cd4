import type { Location, QueryFailure, RegoError } from "@vedette/rego";
import type { Report } from "./json-text.ts";

/** What stands in the way of an answer, in the form in which OPA's tools report it. */
export interface Problem {
  readonly message: string;
  readonly code?: string;
  readonly location?: Location;
}

export function problemOf(failure: RegoError | QueryFailure): Problem {
  const { code, message } = failure;
  const location = "location" in failure ? failure.location : undefined;
  return { code: code === "limit" ? "eval_cancel_error" : code, message, ...(location && { location }) };
}

/** `{"errors": […]}` */
export function problemsToReport(problems: readonly Problem[]): Report {
  return {
    errors: problems.map(({ message, code, location }) => ({
      message,
      code,
      location: location && { file: location.file, row: location.row, col: location.col },
    })),
  };
}

/** As many lines as there are problems; where the text is known, with the line and a mark below it. */
export function problemsToText(
  problems: readonly Problem[],
  textOf: (file: string) => string | undefined = () => undefined,
): string {
  const lines = problems.map((problem) => problemToText(problem, textOf));
  const [only] = lines;
  if (lines.length === 1) return `1 error occurred: ${only}`;
  return `${lines.length} errors occurred:\n${lines.join("\n")}`;
}

function problemToText({ message, code, location }: Problem, textOf: (file: string) => string | undefined): string {
  const said = code === undefined ? message : `${code}: ${message}`;
  if (location === undefined) return said;
  const { file, row, col } = location;
  const place = file === "" ? `${row}:${col}` : `${file}:${row}`;
  const line = textOf(file)?.split("\n")[row - 1];
  if (line === undefined || line.trim() === "" || message.includes("\n")) return `${place}: ${said}`;
  const indent = line.length - line.trimStart().length;
  const shown = line.trim();
  return `${place}: ${said}\n\t${shown}\n\t${" ".repeat(Math.max(0, Math.min(col - 1 - indent, shown.length)))}^`;
}
