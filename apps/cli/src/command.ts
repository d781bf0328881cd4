import { parseArgs } from "node:util";

/** What every command answers to the shell. `vedette help exit-codes` says it to people. */
export const exitCode = {
  /** It was done, and the answer is yes. */
  done: 0,
  /** It was done, and the answer is no: a check found errors, a verification failed, a step of the demo did not hold. */
  no: 1,
  /** The command line or a file it needs is wrong: trying again does not help. */
  usage: 2,
  /** The other side refused: pending registration, contraindicated, not authorised. */
  refused: 3,
  /** The world failed: network, disk, TPM. Trying again later can help. */
  unavailable: 4,
  /** A bug of ours. */
  internal: 70,
} as const;

interface Option {
  readonly summary: string;
  /** One letter, written with one dash. */
  readonly short?: string;
  /** The word that stands for the value in the help; absent for a switch. */
  readonly value?: string;
  /** The only values there are. */
  readonly choices?: readonly string[];
  /** One of the choices: what the option means when none of them follows. */
  readonly bare?: string;
  readonly required?: boolean;
  readonly repeated?: boolean;
  readonly default?: string;
}

export type Options = Readonly<Record<string, Option>>;

/** Where a command writes: results to standard output, progress and errors to standard error. */
export interface Terminal {
  out(text: string): void;
  progress(text: string): void;
  readonly isJson: boolean;
  /** Aborted by the first SIGINT or SIGTERM: finish cleanly. */
  readonly signal: AbortSignal;
}

export interface Invocation {
  readonly operands: readonly string[];
  /** The option's value; throws `UsageError` when a required one is missing (checked before `run`). */
  value(name: string): string;
  optional(name: string): string | undefined;
  all(name: string): readonly string[];
  isSet(name: string): boolean;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Operands as shown in the usage line, such as `FILE...`. */
  readonly operands?: string;
  readonly options: Options;
  readonly details?: string;
  readonly examples?: readonly string[];
  run(invocation: Invocation, terminal: Terminal): Promise<number>;
}

export class UsageError extends Error {
  override readonly name = "UsageError";
}

const everywhere: Options = {
  json: { summary: "print the result as JSON, for programs" },
  help: { summary: "show this help" },
};

export function parseInvocation(command: Command, args: readonly string[]): Invocation {
  const known = { ...command.options, ...everywhere };
  const { values, positionals } = parse(known, args);
  for (const [name, option] of Object.entries(command.options))
    if (option.required && values[name] === undefined && !values["help"])
      throw new UsageError(`--${name} ${option.value ?? ""} is missing`.replace("  ", " "));
  if (!command.operands && positionals.length > 0) throw new UsageError(`unexpected "${positionals[0]}"`);
  for (const [name, { choices }] of Object.entries(command.options))
    for (const value of [values[name] ?? []].flat())
      if (choices && !choices.includes(String(value)))
        throw new UsageError(`--${name} "${value}" is not ${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`);
  return {
    operands: positionals,
    value: (name) => String(values[name]),
    optional: (name) => (typeof values[name] === "string" ? values[name] : undefined),
    all: (name) => [values[name] ?? []].flat().map(String),
    isSet: (name) => values[name] === true,
  };
}

function parse(known: Options, args: readonly string[]) {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, option]) => [
      name,
      {
        type: option.value ? ("string" as const) : ("boolean" as const),
        multiple: option.repeated ?? false,
        ...(option.short === undefined ? {} : { short: option.short }),
        ...(option.default === undefined ? {} : { default: option.default }),
      },
    ]),
  );
  try {
    return parseArgs({ args: withBareValues(known, args), options, allowPositionals: true, strict: true });
  } catch (error) {
    const message = error instanceof Error ? error.message.split(". ")[0] : String(error);
    throw new UsageError(message ?? "the command line cannot be understood");
  }
}

/** Says out loud what an option stands for that is written without a value. */
function withBareValues(known: Options, args: readonly string[]): string[] {
  return args.map((arg, index) => {
    const option = arg.startsWith("--") ? known[arg.slice(2)] : undefined;
    if (option?.bare === undefined || option.choices?.includes(args[index + 1] ?? "")) return arg;
    return `${arg}=${option.bare}`;
  });
}

export function commandHelp(command: Command): string {
  const options = Object.entries({ ...command.options, ...everywhere });
  const usage = ["vedette", command.name, command.operands, "[options]"].filter(Boolean).join(" ");
  const rows = options.map(([name, option]): [string, string] => [
    `${option.short ? `-${option.short}, ` : ""}--${name}${option.value ? ` ${option.value}` : ""}`,
    [
      option.summary,
      option.required ? "(required)" : "",
      option.default === undefined ? "" : `(default: ${option.default})`,
      option.repeated ? "(may be repeated)" : "",
    ]
      .filter(Boolean)
      .join(" "),
  ]);
  const examples = command.examples?.length
    ? `\nExamples\n${command.examples.map((line) => `  ${line}`).join("\n")}\n`
    : "";
  const details = command.details ? `\n${command.details.trim()}\n` : "";
  return `${command.summary}\n\nUsage\n  ${usage}\n${details}\nOptions\n${columns(rows)}${examples}`;
}

export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}
