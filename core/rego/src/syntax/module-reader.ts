import type { Import, Location, Package, Rule, Term } from "./ast.ts";
import { RuleReader } from "./rule-reader.ts";
import { kindOfTerm } from "./term-reader.ts";
import { Refusal } from "./token-reader.ts";
import { KEYWORDS, V1_KEYWORDS } from "./tokens.ts";

/** More errors than this tell nobody anything new. */
export const ERRORS_MAX = 10;

const IMPORT_ROOTS: readonly string[] = ["data", "future", "input", "rego"];

export interface ReadModule {
  readonly regoVersion: 0 | 1;
  readonly package: Package;
  readonly imports: readonly Import[];
  readonly rules: readonly Rule[];
}

/** A module: its package, its imports and its rules. */
export class ModuleReader extends RuleReader {
  readonly #packages: Package[] = [];
  readonly #imports: Import[] = [];
  readonly #rules: Rule[] = [];
  readonly #refusals: Refusal[] = [];
  #isV1Imported = false;

  parseModule(): ReadModule | readonly Refusal[] {
    const start = this.token.location;
    if (this.isAtEnd()) return [new Refusal("empty module", start)];
    while (!this.isAtEnd() && this.#refusals.length < ERRORS_MAX) this.#readDeclaration();
    if (this.#refusals.length > 0) return this.#refusals;
    const regoVersion = this.version === 1 || this.#isV1Imported ? 1 : 0;
    const [first, ...others] = this.#packages;
    const misplaced = [
      ...(first?.location.start === start.start ? [] : [new Refusal("package expected", start)]),
      ...others.map((other) => new Refusal("unexpected package", other.location)),
      ...(regoVersion === 1 ? this.v1Refusals : []),
    ];
    if (first === undefined || misplaced.length > 0) return misplaced.slice(0, ERRORS_MAX);
    return { regoVersion, package: first, imports: this.#imports, rules: this.#rules };
  }

  #readDeclaration(): void {
    const position = this.position;
    try {
      this.begin();
      const isReference = this.isAtKeywordReference();
      if (!isReference && this.atKeyword("package")) this.#packages.push(this.#parsePackage());
      else if (!isReference && this.atKeyword("import")) this.#imports.push(this.#parseImport());
      else for (const rule of this.parseRules()) this.#rules.push(rule);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      this.#refusals.push(refusal);
      this.#recover(position);
    }
  }

  /** Goes on at the next line whose first column holds a word, where the next declaration is likely to begin. */
  #recover(position: number): void {
    if (this.position === position) this.advance();
    while (!this.isAtEnd()) {
      const { kind, hasNewlineBefore, location } = this.token;
      if (kind === "name" && hasNewlineBefore && location.col === 1) return;
      this.advance();
    }
  }

  #parsePackage(): Package {
    const start = this.advance().location;
    const { path } = this.#parsePath("expecting var");
    return { path, location: this.spanFrom(start) };
  }

  #parseImport(): Import {
    const start = this.advance().location;
    const { path, last, location } = this.#parsePath("expecting a path");
    const root = path[0] as string;
    if (!IMPORT_ROOTS.includes(root))
      this.refuse(
        `unexpected import path, must begin with one of: {${IMPORT_ROOTS.join(", ")}}, got: ${root}`,
        location,
      );
    const alias = this.atKeyword("as") ? this.#parseAlias() : undefined;
    const name = path.at(-1) as string;
    if (alias === undefined && root !== "future" && this.#isReserved(name))
      this.refuse(`unexpected import path, must not end with a keyword, got: ${name} (hint: use an alias)`, last);
    if (root === "rego") this.#importRego(path, alias, location);
    if (root === "future") this.#importFuture(path, alias, location);
    return { path, alias, location: this.spanFrom(start) };
  }

  /** `name`, `name.name`, `name["any text"]`. */
  #parsePath(note: string): { readonly path: readonly string[]; readonly last: Location; readonly location: Location } {
    if (this.token.kind !== "name") this.unexpected();
    this.readAsName();
    const term = this.parseOperand();
    const { location } = term;
    const head = term.type === "reference" ? term.head : term;
    if (head.type !== "var") return this.refuse(`unexpected ${kindOfTerm(head)} token: ${note}`, head.location);
    const steps: readonly Term[] = term.type === "reference" ? term.path : [];
    const names = steps.map((step) =>
      step.type === "string"
        ? step.value
        : this.refuse(`unexpected ${kindOfTerm(step)} token: expecting string`, step.location),
    );
    return { path: [head.name, ...names], last: (steps.at(-1) ?? head).location, location };
  }

  #parseAlias(): string {
    this.advance();
    if (!this.isAtName()) this.unexpected("expected var");
    const alias = this.parseOperand();
    return alias.type === "var" ? alias.name : this.refuse("expected var", alias.location);
  }

  #isReserved(name: string): boolean {
    return KEYWORDS.includes(name) || (this.version === 1 && V1_KEYWORDS.includes(name));
  }

  #importRego(path: readonly string[], alias: string | undefined, location: Location): void {
    if (path.length !== 2 || path[1] !== "v1")
      this.refuse(`invalid import \`${path.join(".")}\`, must be \`rego.v1\``, location);
    if (alias !== undefined) this.refuse("`rego` imports cannot be aliased", location);
    this.#isV1Imported = true;
    this.addKeywords(V1_KEYWORDS);
  }

  #importFuture(path: readonly string[], alias: string | undefined, location: Location): void {
    const [, keywords, keyword] = path;
    if (keywords !== "keywords" || path.length > 3)
      this.refuse("invalid import, must be `future.keywords` or `future.keywords.x`", location);
    if (alias !== undefined) this.refuse("`future` imports cannot be aliased", location);
    // OPA 1.17 and later have `not`, `and` and `or` as well, which mean something else than Rego v1 says.
    if (keyword !== undefined && !V1_KEYWORDS.includes(keyword))
      this.refuse(`unexpected keyword, must be one of [${V1_KEYWORDS.join(" ")}]`, location);
    this.addKeywords(keyword === undefined ? V1_KEYWORDS : [keyword]);
  }
}
