import { auditCommands } from "./audit.ts";
import { type Command, exitCode, parseInvocation, type Terminal, UsageError } from "./command.ts";
import { controlCommands } from "./control.ts";
import { upstreamCommand } from "./demo/upstream.ts";
import { demoCommand } from "./demo.ts";
import { deviceCommands } from "./device.ts";
import { edgeCommands } from "./edge.ts";
import { describeFailure, failureOf, failureToJson } from "./failure.ts";
import { type CommandGroup, helpFor, unknownCommand } from "./help.ts";
import { policyCommands } from "./policy.ts";

const groups: readonly CommandGroup[] = [
  { title: "See it work", commands: [demoCommand, upstreamCommand] },
  { title: "Govern a fleet (control plane)", commands: controlCommands },
  { title: "Run a site (edge node)", commands: edgeCommands },
  { title: "Attach a device", commands: deviceCommands },
  { title: "Write and ship policy", commands: policyCommands },
  { title: "Prove what happened", commands: auditCommands },
];
const args = process.argv.slice(2);
const isHelpAsked = args[0] === "help" || args.includes("--help") || args.includes("-h");
/** Set when a command has given its one JSON document: what fails later is told on standard error alone. */
let isAnswered = false;
// Whatever a timer or a listener throws past every handler ends the process as a command's own error would.
process.on("uncaughtException", (error) => process.exit(report(error)));
process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const command = findCommand();
    if (!command || isHelpAsked) return showHelp(command);
    const invocation = parseInvocation(command, args.slice(command.name.split(" ").length));
    return await command.run(invocation, createTerminal(invocation.isSet("json")));
  } catch (error) {
    return report(error);
  }
}

/** The command with the longest name that the arguments begin with. */
function findCommand(): Command | undefined {
  return groups
    .flatMap((group) => group.commands)
    .filter((command) => command.name.split(" ").every((word, i) => args[i] === word))
    .toSorted((a, b) => b.name.length - a.name.length)[0];
}

function showHelp(command: Command | undefined): number {
  if (!isHelpAsked && args.length > 0) throw unknownCommand(args, groups);
  const words = args.filter((word, i) => !word.startsWith("-") && !(i === 0 && word === "help"));
  process.stdout.write(helpFor(command?.name.split(" ") ?? words, groups));
  return exitCode.done;
}

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
    out: (text) => {
      isAnswered = true;
      process.stdout.write(`${text}\n`);
    },
    progress: (text) => void process.stderr.write(`${text}\n`),
  };
}

/** Says what went wrong and returns what the shell is told. */
function report(error: unknown): number {
  // Whoever read our output has read enough.
  if (error instanceof Error && "code" in error && error.code === "EPIPE") return exitCode.done;
  const failure = failureOf(error);
  if (args.includes("--json") && !isAnswered) process.stdout.write(`${failureToJson(failure)}\n`);
  process.stderr.write(describeFailure(failure));
  if (error instanceof UsageError)
    process.stderr.write(`  see \`${["vedette", findCommand()?.name, "--help"].filter(Boolean).join(" ")}\`\n`);
  if (failure.exit === exitCode.internal && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
  return failure.exit;
}
