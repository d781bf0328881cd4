import type { RegoError } from "../errors.ts";
import type { Body, CallTerm, Else, Expression, Location, Rule, Statement, Term, VarTerm } from "../syntax/ast.ts";
import { kindOfTerm } from "../syntax/term-reader.ts";
import type { ErrorLog } from "./error-log.ts";
import type { Membership } from "./layered.ts";
import { declaredIn, namesIn, partsOf } from "./syntax-parts.ts";

export interface DeclarationOptions {
  /** Names of rules and imports: where nothing declares them, they are no variables. */
  readonly globals: Membership<string>;
  /** Refuses variables and arguments as well that nothing makes use of (`opa check --strict`). */
  readonly isStrict: boolean;
  /** Told of each mention of a global name. */
  readonly onGlobal: (name: string) => void;
}

type Origin = "argument" | "seen" | "assigned" | "declared";

interface Entry {
  readonly origin: Origin;
  /** Of the statement that declares it. */
  readonly location: Location;
  /** Its declaration is the first. */
  mentions: number;
}

/** The names of one body. */
type Level = Map<string, Entry>;

/**
 * Declarations of one rule (compiler stage "rewrite local vars"): a name is declared once in a body, before it is
 * mentioned there, and something makes use of it.
 */
export function checkDeclarations(rule: Rule, options: DeclarationOptions, log: ErrorLog): void {
  const args = rule.head.args ?? [];
  const unused = new Set(args.flatMap(patternNames));
  let part: Rule | Else | undefined = rule;
  while (part !== undefined) {
    const value = part === rule ? rule.head.value : (part as Else).value;
    const keys = part === rule ? [...rule.head.path, rule.head.key] : rule.head.path;
    const check = new DeclarationCheck(options, log);
    const used = check.part(
      args,
      part.body ?? [],
      [...keys, value].filter((term) => term !== undefined),
    );
    for (const name of used) unused.delete(name);
    part = part.otherwise;
  }
  if (!options.isStrict) return;
  for (const name of unused) {
    const message = `unused argument ${name}. (hint: use _ (wildcard variable) instead)`;
    log.report({ code: "rego_compile_error", message, location: rule.head.location });
  }
}

export function checkQueryDeclarations(body: Body, options: DeclarationOptions, log: ErrorLog): void {
  new DeclarationCheck(options, log).part([], body, []);
}

class DeclarationCheck {
  readonly #options: DeclarationOptions;
  readonly #log: ErrorLog;
  readonly #levels: Level[] = [];
  /** Names that the bodies around declare anywhere: such a name is no global one. */
  readonly #declared: ReadonlySet<string>[] = [];
  readonly #errors: RegoError[] = [];
  readonly #unused: RegoError[] = [];

  constructor(options: DeclarationOptions, log: ErrorLog) {
    this.#options = options;
    this.#log = log;
  }

  /** One body of a rule with its head. Returns the arguments that it makes use of. */
  part(args: readonly Term[], body: Body, head: readonly Term[]): readonly string[] {
    this.#declared.push(new Set([...args.flatMap(namesIn), ...body.flatMap(declaredIn)]));
    // Comprehensions in the head see neither arguments nor what the body declares.
    this.#levels.push(new Map());
    for (const term of head) for (const inner of closuresIn(term)) this.#term(inner);
    const level: Level = new Map();
    this.#levels[0] = level;
    for (const arg of args) this.#argument(arg, level);
    const used = new Set(head.flatMap((term) => this.#mentionedIn(term)));
    this.#statements(body, used);
    this.#declared.pop();
    this.#log.refuse(...this.#errors);
    this.#log.report(...this.#unused);
    const isUsed = ([name, { origin, mentions }]: [string, Entry]) =>
      origin === "argument" && (mentions > 1 || used.has(name));
    return Array.from(level)
      .filter(isUsed)
      .map(([name]) => name);
  }

  #argument(term: Term, level: Level): void {
    switch (term.type) {
      case "var": {
        const known = level.get(term.name);
        if (known !== undefined) known.mentions++;
        else if (term.name !== "_") level.set(term.name, { origin: "argument", location: term.location, mentions: 1 });
        return;
      }
      case "array":
        for (const item of term.items) this.#argument(item, level);
        return;
      case "object":
        for (const [, value] of term.entries) this.#argument(value, level);
        return;
      case "reference":
        for (const part of [term.head, ...term.path]) this.#argument(part, level);
        return;
      case "call":
        this.#refuse("rule arguments cannot contain calls", term.location);
        return;
      default:
    }
  }

  /** The names in a head that are variables of its body. */
  #mentionedIn(term: Term): readonly string[] {
    return namesIn(term).filter((name) => {
      const isGlobal = this.#isGlobal(name);
      if (isGlobal) this.#options.onGlobal(name);
      return !isGlobal;
    });
  }

  #statements(body: Body, used: ReadonlySet<string>): void {
    for (const statement of body) this.#statement(statement);
    const level = this.#levels.at(-1) as Level;
    if (this.#options.isStrict) this.#findUnused(level, "assigned", used);
    this.#findUnused(level, "declared", used);
  }

  /** What follows from an error, or from something unused already, is not told. */
  #findUnused(level: Level, origin: "assigned" | "declared", used: ReadonlySet<string>): void {
    if (this.#errors.length > 0 || this.#unused.length > 0) return;
    for (const [name, entry] of level)
      if (entry.origin === origin && entry.mentions <= 1 && !used.has(name)) {
        const message = `${origin} var ${name} unused`;
        this.#unused.push({ code: "rego_compile_error", message, location: entry.location });
      }
  }

  #statement({ what, with: overrides, isNegated, location }: Statement): void {
    switch (what.type) {
      case "assign":
        if (isNegated) this.#refuse("cannot assign vars inside negated expression", location);
        else {
          this.#term(what.value);
          for (const { value } of overrides) this.#term(value);
          this.#assign(what.target, location);
        }
        return;
      case "some":
        for (const { name } of what.vars) if (!this.#declare(name, "declared", location, location)) return;
        return;
      case "some-in":
        if (this.#membership(what, location)) break;
        return;
      case "every":
        this.#every(what, location);
        break;
      case "unify":
        this.#term(what.left);
        this.#term(what.right);
        break;
      case "term":
        // Its own operator may be shadowed: then there is no such function.
        if (what.term.type === "call") this.#operands(what.term);
        else this.#term(what.term);
    }
    for (const { target, value } of overrides) {
      this.#term(target);
      this.#term(value);
    }
  }

  #membership(what: Expression & { readonly type: "some-in" }, location: Location): boolean {
    const targets = [...(what.key === undefined ? [] : [what.key]), what.value].flatMap(boundNames);
    const inDomain = new Set(openNames(what.domain));
    const early = targets.filter((name) => inDomain.has(name)).sort();
    for (const name of new Set(early)) this.#refuse(`var ${name} assigned before`, location);
    if (early.length > 0) return false;
    for (const name of Array.from(new Set(targets)).sort())
      if (!this.#declare(name, "declared", location, location)) return false;
    for (const term of [what.value, what.domain, ...(what.key === undefined ? [] : [what.key])]) this.#term(term);
    return true;
  }

  #every(what: Expression & { readonly type: "every" }, location: Location): void {
    this.#term(what.domain);
    const own = [...(what.key === undefined ? [] : [what.key]), what.value].filter(({ name }) => name !== "_");
    this.#declared.push(new Set(own.map(({ name }) => name)));
    this.#levels.push(new Map());
    const first = what.body[0]?.location ?? location;
    if (own.every(({ name }) => this.#declare(name, "declared", location, first)))
      this.#statements(what.body, new Set());
    this.#levels.pop();
    this.#declared.pop();
  }

  #assign(target: Term, statement: Location): void {
    switch (target.type) {
      case "var":
        this.#declare(target.name, "assigned", target.location, statement);
        return;
      case "array":
        for (const item of target.items) this.#assign(item, statement);
        return;
      case "object":
        for (const [, value] of target.entries) this.#assign(value, statement);
        return;
      default:
        this.#refuse(`cannot assign to ${kindOfTerm(target)}`, target.location);
    }
  }

  #declare(name: string, origin: Origin, location: Location, statement: Location): boolean {
    if (name === "_") return true;
    const level = this.#levels.at(-1) as Level;
    const known = level.get(name)?.origin;
    if (known === undefined) {
      level.set(name, { origin, location: statement, mentions: 1 });
      return true;
    }
    const how = {
      seen: "referenced above",
      assigned: "assigned above",
      declared: "declared above",
      argument: "redeclared",
    };
    this.#refuse(`${known === "argument" ? "arg" : "var"} ${name} ${how[known]}`, location);
    return false;
  }

  #term(term: Term): void {
    switch (term.type) {
      case "var":
        this.#mention(term);
        return;
      case "reference":
        this.#term(term.head);
        for (const key of term.path) this.#term(key);
        return;
      case "array":
      case "set":
        for (const item of term.items) this.#term(item);
        return;
      case "object":
        for (const entry of term.entries) for (const item of entry) this.#term(item);
        return;
      case "call":
        this.#checkOperator(term);
        this.#operands(term);
        return;
      case "comprehension": {
        const heads = term.key === undefined ? [term.value] : [term.key, term.value];
        this.#declared.push(new Set(term.body.flatMap(declaredIn)));
        this.#levels.push(new Map());
        const used = new Set(heads.flatMap((head) => this.#mentionedIn(head)));
        this.#statements(term.body, used);
        for (const head of heads) this.#term(head);
        this.#levels.pop();
        this.#declared.pop();
        return;
      }
      case "template":
        for (const part of term.parts) {
          if (typeof part === "string") continue;
          this.#levels.push(new Map());
          this.#term(part);
          this.#levels.pop();
        }
        return;
      default:
    }
  }

  #operands(call: CallTerm): void {
    this.#term(call.operator);
    for (const arg of call.args) this.#term(arg);
  }

  #checkOperator({ operator, location }: CallTerm): void {
    const head = operator.type === "reference" ? operator.head : operator;
    if (head.type !== "var" || this.#isGlobal(head.name)) return;
    const origin = this.#find(head.name)?.origin;
    if (origin === undefined || origin === "seen") return;
    const keys = operator.type === "reference" ? operator.path : [];
    const name = [head.name, ...keys.map((key) => (key.type === "string" ? key.value : "_"))].join(".");
    this.#refuse(`called function ${name} shadowed`, location);
  }

  #mention({ name, location }: VarTerm): void {
    if (name === "_") return;
    if (this.#isGlobal(name)) {
      this.#options.onGlobal(name);
      return;
    }
    const known = this.#find(name);
    if (known === undefined) this.#levels.at(-1)?.set(name, { origin: "seen", location, mentions: 1 });
    else known.mentions++;
  }

  #find(name: string): Entry | undefined {
    return this.#levels.findLast((level) => level.has(name))?.get(name);
  }

  #isGlobal(name: string): boolean {
    return this.#options.globals.has(name) && !this.#declared.some((names) => names.has(name));
  }

  #refuse(message: string, location: Location): void {
    this.#errors.push({ code: "rego_compile_error", message, location });
  }
}

/** The names that matching a pattern binds. */
function patternNames(term: Term): readonly string[] {
  switch (term.type) {
    case "var":
      return term.name === "_" ? [] : [term.name];
    case "array":
      return term.items.flatMap(patternNames);
    case "object":
      return term.entries.flatMap(([, value]) => patternNames(value));
    default:
      return [];
  }
}

/** The names that enumerating a pattern binds: those in the keys of its references as well. */
function boundNames(term: Term): readonly string[] {
  switch (term.type) {
    case "reference":
      return term.path.flatMap(boundNames);
    case "array":
      return term.items.flatMap(boundNames);
    case "object":
      return term.entries.flatMap(([, value]) => boundNames(value));
    default:
      return patternNames(term);
  }
}

/** All names in a term but those in the bodies inside it. */
function openNames(term: Term): readonly string[] {
  return term.type === "comprehension"
    ? []
    : partsOf(term)
        .flatMap(openNames)
        .concat(term.type === "var" ? [term.name] : []);
}

/** Comprehensions and template strings: what has names of its own in it. */
function closuresIn(term: Term): readonly Term[] {
  return term.type === "comprehension" || term.type === "template" ? [term] : partsOf(term).flatMap(closuresIn);
}
