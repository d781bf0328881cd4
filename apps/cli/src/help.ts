import { type Command, columns, commandHelp, UsageError } from "./command.ts";

export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly Command[];
}

/** What `vedette help WORDS` and `vedette WORDS --help` show. Throws `UsageError` when the words name nothing. */
export function helpFor(words: readonly string[], groups: readonly CommandGroup[]): string {
  if (words.length === 0) return overview(groups);
  if (words.join(" ") === "exit-codes") return EXIT_CODES;
  const commands = groups.flatMap((group) => group.commands);
  const exact = commands.find(({ name }) => name === words.join(" "));
  const begun = commands.filter(({ name }) => name.startsWith(`${words.join(" ")} `));
  if (exact) return begun.length === 0 ? commandHelp(exact) : `${commandHelp(exact)}\nSee also\n${listOf(begun)}`;
  if (begun.length > 0) return `${listOf(begun)}\nEach takes --help.\n`;
  throw unknownCommand(words, groups);
}

/** For words that are no command: what there is instead. */
export function unknownCommand(args: readonly string[], groups: readonly CommandGroup[]): UsageError {
  const words = args.filter((word) => !word.startsWith("-"));
  const [first] = words;
  if (first === undefined) return new UsageError(`${args[0]} needs a command before it`);
  const members = groups.flatMap((group) => group.commands).filter(({ name }) => name.startsWith(`${first} `));
  if (members.length === 0) return new UsageError(`there is no command "${first}"`);
  const names = members.map(({ name }) => name.slice(first.length + 1)).join(", ");
  return words.length === 1
    ? new UsageError(`"${first}" wants one more word: ${names}`)
    : new UsageError(`there is no command "${words.slice(0, 2).join(" ")}"; after "${first}" comes one of: ${names}`);
}

function listOf(commands: readonly Command[]): string {
  return columns(commands.map((command) => [`vedette ${command.name}`, command.summary]));
}

function overview(groups: readonly CommandGroup[]): string {
  const parts = groups.map(({ title, commands }) => `${title}\n${listOf(commands)}`);
  return `Vedette: zero trust at the edge. Decisions are made where the devices are, online or cut off.

${parts.join("\n")}
Every command takes --help and --json. \`vedette help exit-codes\` lists what they return.
`;
}

const EXIT_CODES = `What vedette returns to the shell

  0   done, and the answer is yes
  1   done, and the answer is no: a check found errors, a verification failed, a step did not hold
  2   the command line, or a file it needs, is wrong: mend it, trying again does not help
  3   refused by the other side: pending registration, contraindicated, not authorised
  4   the world failed (network, disk, TPM, a lock held by another process): trying again later can help
  70  a bug of ours: please report it with the output
`;
