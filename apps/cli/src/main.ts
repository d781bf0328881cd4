import { AdapterError } from "@vedette/base";
import { auditCommands } from "./audit.ts";
import { type Command, columns, commandHelp, exitCode, parseInvocation, type Terminal, UsageError } from "./command.ts";
import { controlCommands } from "./control.ts";
import { upstreamCommand } from "./demo/upstream.ts";
import { demoCommand } from "./demo.ts";
import { deviceCommands } from "./device.ts";
import { edgeCommands } from "./edge.ts";
import { policyCommands } from "./policy.ts";
import { Refusal } from "./refusal.ts";

const groups: readonly { readonly title: string; readonly commands: readonly Command[] }[] = [
  { title: "See it work", commands: [demoCommand, upstreamCommand] },
  { title: "Govern a fleet (control plane)", commands: controlCommands },
  { title: "Run a site (edge node)", commands: edgeCommands },
  { title: "Attach a device", commands: deviceCommands },
  { title: "Write and ship policy", commands: policyCommands },
  { title: "Prove what happened", commands: auditCommands },
];
const commands = groups.flatMap((group) => group.commands);

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const command = findCommand(args);
  if (!command) return showOverview(args);
  const rest = args.slice(command.name.split(" ").length);
  try {
    const invocation = parseInvocation(command, rest);
    if (invocation.isSet("help")) {
      process.stdout.write(commandHelp(command));
      return exitCode.done;
    }
    return await command.run(invocation, createTerminal(invocation.isSet("json")));
  } catch (error) {
    return report(error, rest.includes("--json"));
  }
}

function findCommand(args: readonly string[]): Command | undefined {
  return commands
    .filter((command) => command.name.split(" ").every((word, i) => args[i] === word))
    .toSorted((a, b) => b.name.length - a.name.length)[0];
}

function showOverview(args: readonly string[]): number {
  const wanted = args.filter((word) => !word.startsWith("-") && word !== "help");
  if (args.includes("exit-codes")) {
    process.stdout.write(EXIT_CODES);
    return exitCode.done;
  }
  const close = commands.filter((command) => wanted.length > 0 && command.name.startsWith(wanted[0] ?? ""));
  if (close.length > 0) {
    process.stdout.write(columns(close.map((command) => [`vedette ${command.name}`, command.summary])));
    return args.includes("--help") || args.includes("help") ? exitCode.done : exitCode.usage;
  }
  if (wanted.length > 0) process.stderr.write(`vedette: there is no command "${wanted.join(" ")}"\n\n`);
  process.stdout.write(overview());
  return wanted.length > 0 ? exitCode.usage : exitCode.done;
}

function overview(): string {
  const parts = groups.map(
    ({ title, commands: members }) =>
      `${title}\n${columns(members.map((command) => [`vedette ${command.name}`, command.summary]))}`,
  );
  return `Vedette: zero trust at the edge. Decisions are made where the devices are, online or cut off.\n\n${parts.join("\n")}
Every command takes --help and --json. \`vedette help exit-codes\` lists what they return.
`;
}

const EXIT_CODES = `What vedette returns to the shell

  0   done, and the answer is yes
  1   done, and the answer is no: a check found errors, a verification failed, a step did not hold
  2   the command line, or a file named in it, cannot be understood
  3   refused by the other side: pending registration, contraindicated, not authorised
  4   the world failed (network, disk, TPM): trying again later can help
  70  a bug of ours: please report it with the output
`;

function createTerminal(isJson: boolean): Terminal {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130); // the second Ctrl-C does not wait
    stop.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  // A parent that holds our standard input (the demo, a supervisor) ends us by closing it, also by dying.
  if (process.env["VEDETTE_STOP_WITH_STDIN"]) {
    process.stdin.on("end", () => stop.abort()).resume();
    // A clean stop for another reason does not wait for the parent.
    process.stdin.unref?.();
  }
  return {
    isJson,
    signal: stop.signal,
    out: (text) => void process.stdout.write(`${text}\n`),
    progress: (text) => void process.stderr.write(`${text}\n`),
  };
}

/** One table from what went wrong to what the shell is told. */
function report(error: unknown, isJson: boolean): number {
  const [code, summary, facts, exit] = describe(error);
  if (isJson) process.stdout.write(`${JSON.stringify({ error: { code, message: summary, ...facts } })}\n`);
  const details = Object.entries(facts).map(
    ([name, value]) => `\n  ${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  process.stderr.write(`vedette: ${summary}${details.join("")}\n`);
  if (exit === exitCode.internal && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
  return exit;
}

function describe(error: unknown): [string, string, Readonly<Record<string, unknown>>, number] {
  if (error instanceof UsageError) return ["USAGE", error.message, {}, exitCode.usage];
  if (error instanceof Refusal) return [error.code, error.message, error.facts, error.exit];
  if (error instanceof AdapterError) return [error.code, error.message, error.facts, exitCode.unavailable];
  return ["INTERNAL", error instanceof Error ? error.message : String(error), {}, exitCode.internal];
}
