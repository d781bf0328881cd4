import {
  dataText,
  HOSTILE_TEXTS,
  inputText,
  MEMBERS,
  NUMBERS,
  PLAIN_TEXTS,
  plainNumbers,
} from "./rego-fuzz-documents.ts";
import { SeededRandom } from "./seeded-random.ts";

export interface FuzzCase {
  readonly seed: number;
  readonly modules: readonly string[];
  /** JSON texts. */
  readonly data: string;
  readonly inputs: readonly string[];
  readonly queries: readonly string[];
}

const INPUTS = 4;
const RULES_MAX = 9;
const DEPTH = 3;

/** One case for one seed, always the same. Most of them compile; those that do not are tried as well. */
export function generateCase(seed: number): FuzzCase {
  const random = new SeededRandom(seed);
  const maker = new ModuleMaker(random);
  const modules = maker.modules();
  return {
    seed,
    modules,
    data: dataText(random),
    inputs: Array.from({ length: INPUTS }, () => inputText(random)),
    queries: maker.queries(),
  };
}

/** The same case with each number written in the one way in which we write it, and no list as long as the input says. */
export function withPlainNumbers(item: FuzzCase): FuzzCase {
  const short = (text: string) => text.replaceAll(/(numbers\.range\([^,()]*), input\.m\)/g, "$1, 5)");
  return {
    seed: item.seed,
    modules: item.modules.map((text) => short(plainNumbers(text))),
    data: plainNumbers(item.data),
    inputs: item.inputs.map(plainNumbers),
    queries: item.queries.map((text) => short(plainNumbers(text))),
  };
}

/**
 * What a term is. `any` is of a type that the generator does not know, but the type checker may; `dynamic` comes out of
 * the input or of base data, of which nobody knows anything before.
 */
type Kind = "number" | "string" | "array" | "set" | "object" | "boolean" | "any" | "dynamic";

/** How often something is of a type that cannot be: the checker refuses it, and that has to be right as well. */
const WRONG = 0.003;

interface MadeRule {
  readonly package: string;
  readonly name: string;
  readonly kind: Kind;
  /** Of a function: the kinds of its operands. */
  readonly operands: readonly Kind[] | undefined;
}

interface Variable {
  readonly name: string;
  readonly kind: Kind;
}

/** Variables that a body has bound so far; inner bodies see those of outer ones. */
class Scope {
  readonly variables: Variable[];
  constructor(outer: readonly Variable[] = []) {
    this.variables = [...outer];
  }
}

const RULE_NAMES = ["p", "q", "r", "s", "t", "u", "allow", "deny", "grants", "limits"] as const;
const HOSTILE_NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "length", "prototype"];
/** Identifiers that mean something in the JavaScript which the back end writes. */
const CODE_NAMES = [
  ...["e", "k0_", "s0", "K", "let", "class", "eval", "arguments", "this", "new", "undefined", "inherited", "lookup"],
  ...["__proto__", "constructor", "NaN", "await", "static", "return", "isEqual", "RegoSet"],
];
const LIBRARIES = ["fuzz.lib", 'fuzz["a b"]', 'fuzz["__proto__"].lib', "fuzz.constructor"] as const;

class ModuleMaker {
  readonly #random: SeededRandom;
  readonly #rules: MadeRule[] = [];
  readonly #library: string;
  #package = "";
  #variables = 0;
  /** Inside of what must be ground: negations, and values that `with` puts in place. */
  #isGround = false;
  #usedNames = new Set<string>();

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#library = random.pick(LIBRARIES);
  }

  modules(): string[] {
    return [this.#module(this.#library, 4), this.#module("fuzz.main", RULES_MAX)];
  }

  queries(): string[] {
    const random = this.#random;
    const documents = this.#rules.filter(({ operands }) => operands === undefined).map((rule) => pathOf(rule));
    const dynamic = [`data.${this.#library}[k]`, "data.fuzz.main[k]", "x := data.fuzz.main", "data.fuzz[a][b]"];
    return [...documents, ...(random.chance(0.3) ? [random.pick(dynamic)] : []), this.#ownQuery()];
  }

  #ownQuery(): string {
    this.#package = "";
    this.#usedNames = new Set();
    const scope = new Scope();
    const statements = Array.from({ length: 1 + this.#random.below(2) }, () => this.#statement(scope, 2));
    return withoutUnused(statements.join("; "), this.#usedNames);
  }

  #module(name: string, most: number): string {
    this.#package = name;
    const names = this.#random
      .shuffled([...RULE_NAMES, ...(this.#random.chance(0.3) ? HOSTILE_NAMES : [])])
      .slice(0, 2 + this.#random.below(most - 1));
    const rules = names.map((rule) => this.#rule(rule));
    return [`package ${name}`, "import rego.v1", ...this.#random.shuffled(rules)].join("\n\n");
  }

  #rule(name: string): string {
    const make = this.#random.weighted<(name: string) => readonly [string, MadeRule]>([
      [4, (own) => this.#valueRule(own)],
      [2, (own) => this.#decisionRule(own)],
      [3, (own) => this.#setRule(own)],
      [3, (own) => this.#objectRule(own)],
      [3, (own) => this.#function(own)],
      [1, (own) => this.#constantRule(own)],
      [1, (own) => this.#tableRule(own)],
    ]);
    this.#usedNames = new Set();
    const [text, rule] = make(name);
    this.#rules.push(rule);
    return withoutUnused(text, this.#usedNames);
  }

  #made(name: string, kind: Kind, operands?: readonly Kind[]): MadeRule {
    return { package: this.#package, name, kind, operands };
  }

  #constantRule(name: string): readonly [string, MadeRule] {
    const kind = this.#kind();
    return [`${name} := ${this.#constant(kind, 2)}`, this.#made(name, kind)];
  }

  #valueRule(name: string): readonly [string, MadeRule] {
    const kind = this.#kind();
    const random = this.#random;
    const lines: string[] = [];
    if (random.chance(0.4)) lines.push(`default ${name} := ${this.#constant(kind, 1)}`);
    const definitions = random.weighted([
      [6, 1],
      [2, 2],
      [1, 3],
    ]);
    for (let i = 0; i < definitions; i++) lines.push(this.#definition(`${name} := `, kind, new Scope()));
    return [lines.join("\n"), this.#made(name, kind)];
  }

  /** Many definitions that ask for one member of the input: what indices choose from. */
  #tableRule(name: string): readonly [string, MadeRule] {
    const random = this.#random;
    const path = random.pick(["input.user", "input.action", "input.n", "input.o.a", 'input["__proto__"]', "input.x"]);
    const isSet = random.chance(0.3);
    const head = isSet ? `${name} contains ${this.#constant("any", 1)}` : `${name} := ${random.below(3)}`;
    const lines = Array.from({ length: 6 + random.below(4) }, () => {
      const scope = new Scope();
      const own = random.chance(0.85) ? [`${path} == ${this.#constant(random.pick(["string", "number"]), 0)}`] : [];
      const others = random.chance(0.5) ? [this.#statement(scope, 1)] : [];
      const body = random.shuffled([...own, ...others]);
      const value = isSet ? `${name} contains ${this.#term("any", scope, 1)}` : `${name} := ${random.below(2)}`;
      const otherwise = !isSet && random.chance(0.1) ? ` else := ${random.below(2)} if ${this.#flat()}` : "";
      return body.length === 0 ? value : `${value} if { ${body.join("; ")} }${otherwise}`;
    });
    if (!isSet && random.chance(0.4)) lines.unshift(`default ${name} := 0`);
    return [[head, ...lines].slice(1).join("\n"), this.#made(name, isSet ? "set" : "number")];
  }

  #decisionRule(name: string): readonly [string, MadeRule] {
    const lines = this.#random.chance(0.5) ? [`default ${name} := false`] : [];
    for (let i = 0; i <= this.#random.below(3); i++) lines.push(`${name} if ${this.#body(new Scope(), DEPTH)}`);
    return [lines.join("\n"), this.#made(name, "boolean")];
  }

  #setRule(name: string): readonly [string, MadeRule] {
    const random = this.#random;
    const kind = random.pick<Kind>(["string", "number", "any"]);
    const lines = Array.from(
      {
        length: random.weighted([
          [5, 1],
          [2, 2],
        ] as const),
      },
      () => {
        const scope = new Scope();
        if (random.chance(0.1)) return `${name} contains ${this.#constant(kind, 1)}`;
        const body = this.#body(scope, DEPTH, true);
        return `${name} contains ${this.#term(kind, scope, 1)} if ${body}`;
      },
    );
    return [lines.join("\n"), this.#made(name, "set")];
  }

  /** `p[x] := v`, `p.a[x] contains v`, `p[x][y].b := v`. */
  #objectRule(name: string): readonly [string, MadeRule] {
    const random = this.#random;
    const isSet = random.chance(0.3);
    const lines = Array.from(
      {
        length: random.weighted([
          [5, 1],
          [3, 2],
        ] as const),
      },
      () => {
        const scope = new Scope();
        const body = this.#body(scope, DEPTH, true);
        const keys = Array.from({ length: 1 + random.below(isSet ? 2 : 3) }, () => this.#headKey(scope)).join("");
        const value = this.#term("any", scope, 1);
        return `${name}${keys}${isSet ? ` contains ${value}` : ` := ${value}`} if ${body}`;
      },
    );
    return [lines.join("\n"), this.#made(name, "object")];
  }

  #headKey(scope: Scope): string {
    const random = this.#random;
    if (scope.variables.length > 0 && random.chance(0.6)) return `[${random.pick(scope.variables).name}]`;
    if (random.chance(0.3)) return `.${random.pick([...RULE_NAMES, ...HOSTILE_NAMES])}`;
    if (random.chance(0.3)) return `[${random.pick(NUMBERS.slice(0, 8))}]`;
    return `[${this.#term("string", scope, 0)}]`;
  }

  #function(name: string): readonly [string, MadeRule] {
    const random = this.#random;
    const operands = Array.from({ length: 1 + random.below(2) }, () => this.#kind());
    const kind = this.#kind();
    const lines: string[] = [];
    if (random.chance(0.2))
      lines.push(`default ${name}(${operands.map(() => "_").join(", ")}) := ${this.#constant(kind, 1)}`);
    for (let i = 0; i <= random.below(3); i++) {
      const scope = new Scope();
      const args = operands.map((operand) => this.#operand(operand, scope)).join(", ");
      lines.push(this.#definition(`${name}(${args}) := `, kind, scope));
    }
    return [lines.join("\n"), this.#made(name, kind, operands)];
  }

  #operand(kind: Kind, scope: Scope): string {
    return this.#random.weighted<() => string>([
      [9, () => this.#bind("dynamic", scope)],
      [1, () => this.#constant(kind, 1)],
      [1, () => "_"],
      [kind === "array" ? 4 : 0, () => `[${this.#bind("dynamic", scope)}, ${this.#bind("dynamic", scope)}]`],
      [kind === "object" ? 4 : 0, () => `{"a": ${this.#bind("dynamic", scope)}}`],
    ])();
  }

  #definition(head: string, kind: Kind, scope: Scope): string {
    const random = this.#random;
    const own = new Scope(scope.variables);
    const body = this.#body(own, DEPTH);
    let text = `${head}${this.#term(kind, own, 2)} if ${body}`;
    while (random.chance(0.25)) {
      const branch = new Scope(scope.variables);
      const otherwise = this.#body(branch, 2);
      text += ` else := ${this.#term(kind, branch, 1)} if ${otherwise}`;
    }
    if (random.chance(0.1)) text += ` else := ${this.#constant(kind, 1)}`;
    return text;
  }

  #body(scope: Scope, depth: number, binds = false): string {
    const count = this.#random.weighted([
      [3, 1],
      [4, 2],
      [3, 3],
      [1, 5],
    ] as const);
    const statements = binds ? [this.#loop(scope, depth)] : [];
    while (statements.length < count) statements.push(this.#statement(scope, depth));
    const ordered = this.#random.chance(0.01) ? this.#random.shuffled(statements) : statements;
    return `{ ${ordered.join("; ")} }`;
  }

  #flat(): string {
    return `{ ${this.#comparison(new Scope(), 1)} }`;
  }

  #statement(scope: Scope, depth: number): string {
    const choices: (readonly [number, () => string])[] = [
      [5, () => this.#comparison(scope, depth)],
      [4, () => this.#assignment(scope, depth)],
      [4, () => this.#loop(scope, depth)],
      [2, () => this.#replaced(scope, depth, () => this.#term("any", scope, depth))],
      [2, () => this.#membership(scope, depth)],
      [2, () => this.#pattern(scope, depth)],
      [1, () => this.#term("boolean", scope, depth)],
    ];
    if (depth > 0)
      choices.push(
        [2, () => `not ${this.#ground(() => this.#replaced(scope, depth, () => this.#condition(scope, depth - 1)))}`],
        [1.5, () => this.#every(scope, depth)],
        [2, () => this.#replaced(scope, depth, () => this.#condition(scope, depth - 1))],
        [1, () => this.#replaced(scope, depth, () => this.#assignment(scope, depth - 1))],
        [1, () => this.#replaced(scope, depth, () => this.#loop(scope, depth - 1, false))],
        [0.5, () => this.#walk(scope, depth)],
        [0.3, () => this.#ground(() => `print(${this.#term("any", scope, 1)}, ${this.#term("any", scope, 1)})`)],
      );
    return this.#random.weighted(choices)();
  }

  /** Holds or not, and binds nothing. */
  #condition(scope: Scope, depth: number): string {
    return this.#random.weighted<() => string>([
      [4, () => this.#comparison(scope, depth)],
      [2, () => this.#membership(scope, depth)],
      [2, () => this.#term("any", scope, depth)],
    ])();
  }

  #comparison(scope: Scope, depth: number): string {
    const random = this.#random;
    const kind = random.weighted<Kind>([
      [3, "number"],
      [3, "string"],
      [2, "any"],
      [1, "set"],
      [1, "object"],
      [1, "array"],
    ]);
    const operator = random.pick(["==", "==", "==", "!=", "<", "<=", ">", ">="]);
    const isScalar = kind === "number" || kind === "string";
    // Two composites whose types are known rarely have one type.
    const left = isScalar && random.chance(0.5) ? kind : "dynamic";
    const sides = [this.#term(left, scope, depth - 1), this.#term(kind, scope, depth - 1)];
    return (random.chance(0.7) ? sides : sides.toReversed()).join(` ${operator} `);
  }

  #membership(scope: Scope, depth: number): string {
    const key = this.#random.chance(0.2) ? `${this.#term("any", scope, depth - 1)}, ` : "";
    const member = `${this.#term("any", scope, depth - 1)} in ${this.#collection(scope, depth - 1)}`;
    return key === "" ? member : `(${key}${member})`;
  }

  #assignment(scope: Scope, depth: number): string {
    const kind = this.#kind();
    const value = this.#term(kind, scope, depth - 1);
    return `${this.#bind(kind, scope)} := ${value}`;
  }

  #loop(scope: Scope, depth: number, isPattern = true): string {
    return this.#random.weighted<() => string>([
      [5, () => this.#someIn(scope, depth, 1)],
      [2, () => this.#someIn(scope, depth, 2)],
      [isPattern ? 1 : 0, () => this.#somePattern(scope)],
      [2, () => this.#indexed(scope, depth, isPattern)],
      [2, () => this.#join(scope)],
    ])();
  }

  #someIn(scope: Scope, depth: number, count: number): string {
    const collection = this.#collection(scope, depth - 1);
    const kind = isDynamic(collection) ? "dynamic" : "any";
    return `some ${Array.from({ length: count }, () => this.#bind(kind, scope)).join(", ")} in ${collection}`;
  }

  #somePattern(scope: Scope): string {
    const whole = this.#dynamic("array");
    const [a, b] = [this.#bind("dynamic", scope), this.#bind("dynamic", scope)];
    return this.#random.chance(0.5)
      ? `some [${a}, ${b}] in ${whole}`
      : `some {"id": ${a}, "name": ${b}} in data.base.rows`;
  }

  /** `some k; xs[k] == v`, `x := xs[_]`, `x = xs[k]`. */
  #indexed(scope: Scope, depth: number, isDeclared: boolean): string {
    const random = this.#random;
    const whole = random.chance(0.5)
      ? this.#dynamic(random.pick<Kind>(["array", "object"]))
      : this.#reference(random.pick<Kind>(["array", "object", "set"]));
    const kind = isDynamic(whole) ? "dynamic" : "any";
    if (!isDeclared || random.chance(0.4)) return `${this.#bind(kind, scope)} := ${whole}[${this.#wildcard()}]`;
    const value = isDynamic(whole) && random.chance(0.5) ? this.#term("any", scope, depth - 1) : undefined;
    const key = this.#bind(kind, scope);
    if (value !== undefined) return `some ${key}; ${whole}[${key}] == ${value}`;
    const member = this.#bind(kind, scope);
    return `some ${key}, ${member}; ${random.chance(0.5) ? `${whole}[${key}] = ${member}` : `${member} = ${whole}[${key}]`}`;
  }

  /** Roles of the user, grants of the roles. */
  #join(scope: Scope): string {
    const user = this.#random.chance(0.7) ? "input.user" : this.#term("string", scope, 0);
    const [role, grant] = [this.#bind("dynamic", scope), this.#bind("dynamic", scope)];
    const first = `some ${role} in data.base.roles[${user}]; some ${grant} in data.base.grants[${role}]`;
    return this.#random.chance(0.5) ? `${first}; ${grant} == ${this.#random.pick(["input.action", '"read"'])}` : first;
  }

  #pattern(scope: Scope, depth: number): string {
    const random = this.#random;
    const operator = random.pick([":=", "="]);
    const any = (): string => this.#term("any", scope, depth - 1);
    const texts = [any(), any(), this.#term("number", scope, 0), this.#dynamic("array"), this.#dynamic("object")];
    const [first, second, number, array, object] = texts;
    const [a, b] = [this.#bind("any", scope), this.#bind("any", scope)];
    return random.weighted([
      [2, `[${a}, ${b}] ${operator} ${array}`],
      [2, `[${a}, ${b}] ${operator} [${first}, ${second}]`],
      [1, `{"a": ${a}, "b": [${b}]} = {"a": ${first}, "b": [${second}]}`],
      [1, `[${a}, 1, ${b}] = [${first}, ${number}, ${second}]`],
      [1, `[${a}, [${b}]] = [${first}, [${a}]]`],
      [1, `{"a": ${a}} = ${object}; ${b} := ${a}`],
    ]);
  }

  #every(scope: Scope, depth: number): string {
    const inner = new Scope(scope.variables);
    const collection = this.#collection(scope, depth - 1);
    const names = this.#random.chance(0.3) ? `${this.#bind("any", inner)}, ` : "";
    return `every ${names}${this.#bind(isDynamic(collection) ? "dynamic" : "any", inner)} in ${collection} ${this.#body(inner, depth - 2)}`;
  }

  #walk(scope: Scope, depth: number): string {
    const whole = this.#collection(scope, depth - 1);
    return `walk(${whole}, [${this.#bind("array", scope)}, ${this.#bind("dynamic", scope)}])`;
  }

  #replaced(scope: Scope, depth: number, make: () => string): string {
    // What the statement binds is not known to its own `with`.
    const before = new Scope(scope.variables);
    const statement = make();
    if (!this.#random.chance(0.6) || statement.includes(";")) return statement;
    const count = this.#random.chance(0.2) ? 2 : 1;
    const replacements = Array.from({ length: count }, () => this.#ground(() => this.#replacement(before, depth)));
    return `${statement}${replacements.map((text) => ` with ${text}`).join("")}`;
  }

  #ground(make: () => string): string {
    const outer = this.#isGround;
    this.#isGround = true;
    const text = make();
    this.#isGround = outer;
    return text;
  }

  #replacement(scope: Scope, depth: number): string {
    const random = this.#random;
    const documents = this.#rules.filter(({ operands }) => operands === undefined);
    const functions = this.#rules.filter(({ operands }) => operands !== undefined);
    const choices: (readonly [number, () => string])[] = [
      [3, () => `input as ${this.#term(random.chance(0.7) ? "object" : "any", scope, depth - 1)}`],
      [
        4,
        () =>
          `input.${random.pick(["user", "n", "o", "o.a", "list", "x", "constructor"])} as ${this.#term("any", scope, depth - 1)}`,
      ],
      [1, () => `data.base as ${this.#term("object", scope, depth - 1)}`],
      [1, () => `data.base.${random.pick(["n", "roles", "o.a", "list"])} as ${this.#term("any", scope, depth - 1)}`],
      [1, () => `count as ${random.pick(["1", "sum", "max", "is_array"])}`],
      [1, () => `lower as ${random.pick(['"a"', "upper", "trim_space"])}`],
    ];
    if (documents.length > 0)
      choices.push([3, () => `${pathOf(random.pick(documents))} as ${this.#term("any", scope, depth - 1)}`]);
    if (functions.length > 0)
      choices.push([
        2,
        () => {
          const replaced = random.pick(functions);
          const others = functions.filter((other) => other.operands?.length === replaced.operands?.length);
          const by = random.chance(0.5) ? this.#constant(replaced.kind, 1) : this.#ruleName(random.pick(others));
          return `${this.#ruleName(replaced)} as ${by}`;
        },
      ]);
    return random.weighted(choices)();
  }

  #collection(scope: Scope, depth: number): string {
    return this.#term(this.#random.pick<Kind>(["array", "array", "set", "object"]), scope, depth);
  }

  #kind(): Kind {
    return this.#random.weighted<Kind>([
      [3, "number"],
      [3, "string"],
      [2, "array"],
      [2, "set"],
      [2, "object"],
      [1, "boolean"],
      [2, "any"],
    ]);
  }

  #bind(kind: Kind, scope: Scope): string {
    const name = this.#fresh();
    scope.variables.push({ name, kind });
    return name;
  }

  #fresh(): string {
    const hostile = this.#random.chance(0.08) ? this.#random.pick(CODE_NAMES) : undefined;
    const isFree = hostile !== undefined && !this.#usedNames.has(hostile) && !this.#isRule(hostile);
    const name = isFree ? hostile : `v${this.#variables++}`;
    this.#usedNames.add(name);
    return name;
  }

  #isRule(name: string): boolean {
    return HOSTILE_NAMES.includes(name);
  }

  #term(kind: Kind, scope: Scope, depth: number): string {
    const random = this.#random;
    const wanted = random.chance(WRONG) ? this.#kind() : kind;
    const fits = (of: Kind): boolean => of === wanted || wanted === "any" || of === "dynamic";
    const known = scope.variables.filter((variable) => fits(variable.kind));
    const keyed = () => `${this.#dynamic("object")}[${random.pick(scope.variables).name}]`;
    return random.weighted<() => string>([
      [known.length > 0 ? 6 : 0, () => random.pick(known).name],
      [2, () => this.#dynamic(wanted)],
      [scope.variables.length > 0 ? 0.7 : 0, keyed],
      [wanted === "dynamic" ? 0 : 2, () => this.#reference(wanted)],
      [wanted === "dynamic" ? 0 : 2, () => this.#constant(wanted, 1)],
      [depth > 0 && wanted !== "dynamic" ? 4 : 0, () => this.#composed(wanted, scope, depth - 1)],
    ])();
  }

  /** A rule, with what is in it now and then. */
  #reference(kind: Kind): string {
    const random = this.#random;
    const rules = this.#rules.filter((rule) => rule.operands === undefined && (kind === "any" || rule.kind === kind));
    if (rules.length === 0) return this.#dynamic(kind);
    const rule = random.pick(rules);
    const isCollection = rule.kind === "array" || rule.kind === "set" || rule.kind === "object";
    const name = this.#ruleName(rule);
    if (kind === "any" && isCollection && random.chance(0.2)) return `${name}[${this.#wildcard()}]`;
    return random.chance(WRONG) ? memberText(name, this.#key()) : name;
  }

  /** Out of the input or of base data; hoped to be of a kind. */
  #dynamic(kind: Kind): string {
    const random = this.#random;
    const members = kind === "set" ? MEMBERS.array : MEMBERS[kind === "dynamic" ? "any" : kind];
    const whole = random.weighted<() => string>([
      [5, () => memberText("input", random.pick(members))],
      [1, () => memberText(memberText("input", random.pick(MEMBERS.object)), this.#key())],
      [1, () => `input.items[${this.#wildcard()}]`],
      [1, () => `data.base.${random.pick(["list", "o", "n", "s", "rows", "roles", "grants", "empty", "missing"])}`],
      [1, () => `data.base.rows[${this.#wildcard()}].${random.pick(["id", "name"])}`],
    ])();
    if (!random.chance(0.15)) return whole;
    return random.weighted<() => string>([
      [2, () => memberText(whole, this.#key())],
      [2, () => `${whole}[${this.#wildcard()}]`],
      [1, () => `${whole}[${random.pick(["0", "1", "-1", "1.5"])}]`],
    ])();
  }

  #wildcard(): string {
    return this.#isGround ? this.#random.pick(["0", "1"]) : "_";
  }

  #ruleName(rule: MadeRule): string {
    return rule.package === this.#package ? rule.name : pathOf(rule);
  }

  #key(): string {
    return this.#random.chance(0.3) ? this.#random.pick(HOSTILE_TEXTS) : this.#random.pick(PLAIN_TEXTS);
  }

  #text(): string {
    return JSON.stringify(this.#key());
  }

  #constant(kind: Kind, depth: number): string {
    const random = this.#random;
    const items = (): string[] => Array.from({ length: random.below(4) }, () => this.#constant("any", depth - 1));
    switch (kind) {
      case "number":
        return random.pick(NUMBERS);
      case "string":
        return this.#text();
      case "boolean":
        return random.pick(["true", "false"]);
      case "array":
        return `[${items().join(", ")}]`;
      case "set": {
        const all = items();
        return all.length === 0 ? "set()" : `{${all.join(", ")}}`;
      }
      case "object":
        return `{${Array.from({ length: random.below(4) }, () => `${this.#objectKey(depth)}: ${this.#constant("any", depth - 1)}`).join(", ")}}`;
      case "any":
      case "dynamic":
        return this.#constant(
          random.pick<Kind>(
            depth > 0 ? ["number", "string", "array", "set", "object"] : ["number", "string", "boolean"],
          ),
          depth,
        );
    }
  }

  #objectKey(depth: number): string {
    const random = this.#random;
    if (depth > 0 && random.chance(0.15)) return this.#constant("any", depth - 1);
    return random.chance(0.1) ? random.pick(NUMBERS) : this.#text();
  }

  #composed(kind: Kind, scope: Scope, depth: number): string {
    const term = (of: Kind) => this.#term(of, scope, depth);
    const random = this.#random;
    const functions = this.#rules.filter(
      (rule) => rule.operands !== undefined && (kind === "any" || rule.kind === kind),
    );
    if (functions.length > 0 && random.chance(0.35)) {
      const called = random.pick(functions);
      return `${this.#ruleName(called)}(${called.operands?.map(term).join(", ")})`;
    }
    switch (kind) {
      case "number":
        return random.pick([
          () => `(${term("number")} ${random.pick(["+", "-", "*", "/", "%"])} ${term("number")})`,
          () => `count(${this.#collection(scope, depth)})`,
          () => `sum(${this.#collected("array", "number", scope, depth)})`,
          () => `max(${this.#collected("set", "number", scope, depth)})`,
          () => `abs(${term("number")})`,
          () => `round(${term("number")})`,
          () => `to_number(${term("dynamic")})`,
          () => `bits.and(${term("number")}, ${term("number")})`,
        ])();
      case "string":
        return random.pick([
          () => `concat(${this.#text()}, ${this.#collected("array", "string", scope, depth)})`,
          () => `sprintf("%v %d %s", [${term("any")}, ${term("number")}, ${term("string")}])`,
          () => `$"a{${term("string")}}b{${term("any")}}"`,
          () => `lower(${term("string")})`,
          () => `replace(${term("string")}, ${this.#text()}, ${term("string")})`,
          () => `json.marshal(${term("any")})`,
          () => `format_int(${term("number")}, ${random.pick(["2", "8", "10", "16"])})`,
          () => `type_name(${term("any")})`,
          () => `substring(${term("string")}, ${term("number")}, ${term("number")})`,
        ])();
      case "boolean":
        return random.pick([
          () => `startswith(${term("string")}, ${term("string")})`,
          () => `is_string(${term("any")})`,
          () => `(${term("any")} in ${this.#collection(scope, depth)})`,
          () => `regex.match(${random.pick(["`^a`", "`[a-z]+`", "`.*x$`", "`(`"])}, ${term("string")})`,
          () => `(${term("number")} < ${term("number")})`,
          () => `object.subset(${term("object")}, ${term("object")})`,
        ])();
      case "array":
        return random.pick([
          () => `[${term("any")}, ${term("any")}]`,
          () => `[${term("any")}]`,
          () => this.#collected("array", "any", scope, depth),
          () => `array.concat(${term("array")}, ${term("array")})`,
          () => `split(${term("string")}, ${this.#text()})`,
          () => `numbers.range(${random.pick(["0", "1", "-2"])}, ${random.pick(["3", "5", "input.m"])})`,
          () => `sort(${term(random.pick<Kind>(["array", "set"]))})`,
        ])();
      case "set":
        return random.pick([
          () => `{${term("any")}, ${term("any")}}`,
          () => this.#collected("set", "any", scope, depth),
          () => `(${term("set")} ${random.pick(["|", "&", "-"])} ${term("set")})`,
          () => `object.keys(${term("object")})`,
          () => `{${term("any")}}`,
        ])();
      case "object":
        return random.pick([
          () => `{${this.#text()}: ${term("any")}, ${this.#text()}: ${term("any")}}`,
          () => `{${term("string")}: ${term("any")}}`,
          () => `{${term("any")}: ${term("any")}, ${this.#text()}: ${term("any")}}`,
          () => this.#collected("object", "any", scope, depth),
          () => `object.union(${term("object")}, ${term("object")})`,
          () => `object.remove(${term("object")}, ${term("array")})`,
        ])();
      case "any":
      case "dynamic":
        return random.pick([
          () =>
            this.#composed(random.pick<Kind>(["number", "string", "boolean", "array", "set", "object"]), scope, depth),
          () => `object.get(${term("object")}, ${term("any")}, ${term("any")})`,
        ])();
    }
  }

  #collected(of: "array" | "set" | "object", kind: Kind, outer: Scope, depth: number): string {
    const scope = new Scope(outer.variables);
    const body = [this.#loop(scope, depth)];
    if (this.#random.chance(0.5)) body.push(this.#statement(scope, depth - 1));
    const value = this.#term(kind, scope, depth - 1);
    if (of === "array") return `[${value} | ${body.join("; ")}]`;
    if (of === "set") return `{${value} | ${body.join("; ")}}`;
    return `{${this.#term("any", scope, 0)}: ${value} | ${body.join("; ")}}`;
  }
}

/** A name that is declared and never read is an error: `_` stands for most of them. */
function withoutUnused(text: string, names: ReadonlySet<string>): string {
  const isUnused = (name: string) => names.has(name) && text.split(new RegExp(`\\b${name}\\b`)).length === 2;
  return text.replaceAll(/\b\w+\b(?! :=)/g, (name) => (isUnused(name) ? "_" : name));
}

function pathOf({ package: name, name: rule }: MadeRule): string {
  return `data.${name}.${rule}`;
}

function isDynamic(text: string): boolean {
  return text.startsWith("input") || text.startsWith("data.base");
}

function memberText(whole: string, name: string): string {
  return /^[a-z]+$/.test(name) && !KEYWORDS.has(name) ? `${whole}.${name}` : `${whole}[${JSON.stringify(name)}]`;
}

const KEYWORDS: ReadonlySet<string> = new Set(["null", "true", "false"]);
