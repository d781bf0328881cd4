import { createInterface } from "node:readline/promises";
import { ok, type Result } from "@vedette/base";
import {
  answersOf,
  closures,
  createRegoPolicy,
  ExplainingObserver,
  explanationToText,
  instrument,
  joinObservers,
  type Module,
  parseModule,
  parseQuery,
  parseTerm,
  SourceIndex,
  type Value,
  valueOfTerm,
} from "@vedette/rego";
import { type Command, exitCode, type Terminal } from "../command.ts";
import { queryOptions, readInputDocument } from "./eval.ts";
import { evalOutput } from "./eval-output.ts";
import { compileSources, FUEL, now, policyDeps, readCapabilities, readQuery } from "./prepared-policy.ts";
import { type Problem, problemOf, problemsToText } from "./problems.ts";
import { loadSources, type PolicySources } from "./sources.ts";

const FILE = "<repl>";

export const repl: Command = {
  name: "policy repl",
  summary: "ask queries and define rules, line by line",
  operands: "[PATH...]",
  options: queryOptions,
  details: `
A line is a query, a rule, or one of: help, show, trace, json, pretty, package NAME, import PATH, unset NAME, exit. What is
not finished goes on in the next line. Works on a terminal and with a pipe.`,
  examples: ["vedette policy repl policy/ -i input.json", "echo 'data.example.allow' | vedette policy repl policy/"],
  async run(invocation, terminal) {
    const paths = [...invocation.operands, ...invocation.all("data")];
    const sources = loadSources(invocation, paths, invocation.all("bundle"));
    const session = new ReplSession(sources, readInputDocument(invocation), terminal);
    if (sources.problems.length > 0)
      terminal.progress(problemsToText(sources.problems, (file) => sources.textOf(file)));
    const lines = createInterface({
      input: process.stdin,
      // The help of a prompt is for people.
      ...(process.stdin.isTTY && { output: process.stdout }),
      prompt: "> ",
      signal: terminal.signal,
    });
    if (process.stdin.isTTY) lines.prompt();
    for await (const line of lines) {
      if (session.take(line) === "ended") break;
      if (!process.stdin.isTTY) continue;
      lines.setPrompt(session.isWaiting ? "| " : "> ");
      lines.prompt();
    }
    session.finish();
    lines.close();
    return exitCode.done;
  },
};

const HELP = `x := 1            define a rule (a second := replaces it)
p if { … }        define a rule, or one more definition of it
data.a.b          ask a query; y := data.a.b; y > 1 asks several at once
input := VALUE    set the input document
show              show what is defined here
trace             explain the answers that follow, or no more
json, pretty      how answers are shown
package a.b       go to another package
import data.lib   import into this package
unset x           forget a rule, or input
exit              leave`;

interface Definition {
  readonly name: string;
  readonly text: string;
}

/** A module that grows, and queries of it. */
class ReplSession {
  readonly #sources: PolicySources;
  readonly #terminal: Terminal;
  #input: Value | undefined;
  #package = "repl";
  readonly #imports: string[] = [];
  /** Texts of definitions, in order. */
  #definitions: readonly Definition[] = [];
  #pending: string[] = [];
  #isTracing = false;
  #format = "pretty";

  constructor(sources: PolicySources, input: Value | undefined, terminal: Terminal) {
    this.#sources = sources;
    this.#input = input;
    this.#terminal = terminal;
  }

  /** Something was begun that the next line goes on with. */
  get isWaiting(): boolean {
    return this.#pending.length > 0;
  }

  take(line: string): "ended" | "goes on" {
    if (!this.isWaiting) {
      const [word = "", ...rest] = line.trim().split(/\s+/);
      if (word === "exit" || word === "quit") return "ended";
      if (word === "" || this.#command(word, rest)) return "goes on";
    }
    // An empty line ends what was begun, finished or not.
    const isLast = this.isWaiting && line.trim() === "";
    const text = [...this.#pending, line].join("\n");
    this.#pending = !isLast && isUnfinished(text) ? text.split("\n") : [];
    if (!this.isWaiting) this.#statement(text.trim());
    return "goes on";
  }

  /** There is no further line. */
  finish(): void {
    if (this.isWaiting) this.#statement(this.#pending.join("\n"));
    this.#pending = [];
  }

  /** False when the word is no command here: `show` may also be a rule's name. */
  #command(word: string, rest: readonly string[]): boolean {
    const [argument] = rest;
    if (rest.length > 1) return false;
    if (argument !== undefined) return this.#commandOn(word, argument);
    switch (word) {
      case "help":
        this.#terminal.out(HELP);
        return true;
      case "show":
        this.#terminal.out(this.#moduleText().trimEnd());
        return true;
      case "trace":
        this.#isTracing = !this.#isTracing;
        this.#terminal.out(this.#isTracing ? "answers are explained" : "answers are not explained");
        return true;
      case "json":
      case "pretty":
        this.#format = word;
        return true;
      default:
        return false;
    }
  }

  #commandOn(word: string, argument: string): boolean {
    switch (word) {
      case "package":
        this.#package = argument;
        return true;
      case "import":
        this.#change([...this.#imports, argument], this.#definitions);
        return true;
      case "unset":
        if (argument === "input") this.#input = undefined;
        else
          this.#change(
            this.#imports,
            this.#definitions.filter(({ name }) => name !== argument),
          );
        return true;
      default:
        return false;
    }
  }

  #statement(text: string): void {
    const input = /^input\s*:=(?<value>.*)$/s.exec(text)?.groups?.["value"];
    if (input !== undefined) {
      this.#setInput(input);
      return;
    }
    const query = parseQuery(text);
    const isDefinition = query.ok && query.value.length === 1 && query.value[0]?.what.type === "assign";
    if (query.ok && !isDefinition) this.#ask(text);
    else this.#define(text, isDefinition, query.ok ? [] : query.error.map(problemOf));
  }

  #setInput(text: string): void {
    const term = parseTerm(text);
    const value = term.ok ? valueOfTerm(term.value) : undefined;
    if (value === undefined) this.#terminal.out("input must be a value without variables");
    else this.#input = value;
  }

  #define(text: string, isReplacing: boolean, asQuery: readonly Problem[]): void {
    const parsed = parseModule(`package repl\n${text}`, { file: FILE });
    if (!parsed.ok) {
      this.#terminal.out(problemsToText(asQuery.length > 0 ? asQuery : parsed.error.map(problemOf), () => text));
      return;
    }
    const name = parsed.value.rules[0]?.head.name ?? "";
    const before = this.#definitions;
    const others = isReplacing ? before.filter((each) => each.name !== name) : before;
    const what = others.length < before.length ? "replaced" : "defined";
    if (this.#change(this.#imports, [...others, { name, text }]))
      this.#terminal.out(`rule ${name} ${what} in package ${this.#package}`);
  }

  /** Takes a change when everything still compiles. */
  #change(imports: readonly string[], definitions: readonly Definition[]): boolean {
    const before = { imports: [...this.#imports], definitions: this.#definitions };
    this.#imports.splice(0, this.#imports.length, ...imports);
    this.#definitions = definitions;
    const compiled = this.#compile();
    if (compiled.ok) return true;
    this.#terminal.out(problemsToText(compiled.error, () => undefined));
    this.#imports.splice(0, this.#imports.length, ...before.imports);
    this.#definitions = before.definitions;
    return false;
  }

  #ask(text: string): void {
    const answered = this.#answer(text);
    const output = answered.ok
      ? answered.value
      : problemsToText(answered.error, (file) => (file === "" ? text : undefined));
    this.#terminal.out(output);
  }

  #answer(text: string): Result<string, readonly Problem[]> {
    const compiled = this.#compile();
    if (!compiled.ok) return compiled;
    const instrumented = instrument(compiled.value);
    const query = readQuery(instrumented.compiled, text, { package: this.#package });
    if (!query.ok) return query;
    const source = new SourceIndex(instrumented.compiled.modules, query.value);
    const { statements } = query.value.compiled.program;
    const explaining = new ExplainingObserver(instrumented, statements, source);
    const policy = createRegoPolicy(instrumented.compiled, {
      backEnd: closures,
      data: this.#sources.data,
      isLiteral: true,
    });
    const prepared = policy.prepare(query.value.compiled);
    const printed = (line: string): void => this.#terminal.out(line);
    const rows = prepared.evaluate({
      ...policyDeps,
      now: now(),
      input: this.#input,
      fuel: FUEL,
      isPastDeadline: () => this.#terminal.signal.aborted,
      observer: joinObservers([this.#isTracing ? explaining : undefined, { printed }]),
    });
    if (!rows.ok) return { ok: false, error: [problemOf(rows.error)] };
    const explanation = this.#isTracing ? { text: explanationToText(explaining.explanation()), report: {} } : undefined;
    const answers = answersOf(query.value, prepared.names, rows.value);
    return ok(evalOutput({ ...NOTHING_ELSE, answers, explanation }, this.#format));
  }

  #compile(): ReturnType<typeof compileSources> {
    const parsed = parseModule(this.#moduleText(), { file: FILE });
    if (!parsed.ok) return { ok: false, error: parsed.error.map(problemOf) };
    const modules: readonly Module[] = [...this.#sources.modules, parsed.value];
    return compileSources({ ...this.#sources, modules, problems: [] }, readCapabilities(undefined));
  }

  #moduleText(): string {
    const imports = this.#imports.map((path) => `import ${path}\n`).join("");
    return `package ${this.#package}\n${imports}${this.#definitions.map(({ text }) => `\n${text}\n`).join("")}`;
  }
}

const NOTHING_ELSE = { coverage: undefined, coveragePercent: undefined, profile: undefined, metrics: undefined };

/** Neither a query nor a rule yet, for want of more. */
function isUnfinished(text: string): boolean {
  const query = parseQuery(text);
  if (query.ok) return false;
  const module = parseModule(`package repl\n${text}`, { file: FILE });
  const isCutOff = (message: string) => message.includes("unexpected eof") || message.includes("non-terminated");
  return !module.ok && [...query.error, ...module.error].some(({ message }) => isCutOff(message));
}
