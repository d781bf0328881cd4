import type { Import, Location, Module, Rule } from "../syntax/ast.ts";
import { tokenize } from "../syntax/lexer.ts";
import { compareText } from "../values/value.ts";
import { RulePrinter } from "./rule-printer.ts";
import { quoted } from "./term-printer.ts";

/**
 * A rule with more further bodies than this keeps them behind it. As rules of their own each repeats the head, and a
 * hostile text could grow by a factor of their number.
 */
const CHAINED_MAX = 16;

interface ImportDeclaration {
  readonly type: "import";
  readonly import: Import;
  readonly location: Location;
}

interface RuleDeclaration {
  readonly type: "rule";
  readonly rule: Rule;
  readonly chained: readonly Rule[];
  readonly location: Location;
}

type Declaration = ImportDeclaration | RuleDeclaration;
/** What stands between blank lines. */
type Paragraph = [Declaration, ...Declaration[]];

/** A module: its package, its imports and its rules, with blank lines between what does not belong together. */
export class ModulePrinter extends RulePrinter {
  print({ package: name, imports, rules }: Module): string {
    this.writeComments(name.location.start);
    this.#writePath("package", name.path, name.location);
    let end = name.location.end;
    for (const paragraph of this.#paragraphsOf([...imports.map(declareImport), ...declareRules(rules)])) {
      this.separate(end, paragraph[0].location.start);
      end = this.#writeParagraph(paragraph);
    }
    this.separate(end, Number.POSITIVE_INFINITY);
    return this.text;
  }

  #paragraphsOf(declarations: readonly Declaration[]): readonly Paragraph[] {
    const paragraphs: Paragraph[] = [];
    for (const declaration of declarations.toSorted((a, b) => a.location.start - b.location.start)) {
      const paragraph = paragraphs.at(-1);
      const before = paragraph?.at(-1);
      if (paragraph && before && this.#isTogether(before, declaration)) paragraph.push(declaration);
      else paragraphs.push([declaration]);
    }
    return paragraphs;
  }

  /** Imports on neighbouring lines, and rules that take a line each. */
  #isTogether(before: Declaration, next: Declaration): boolean {
    const distance = next.location.row - before.location.row;
    if (before.type === "import" || next.type === "import") return before.type === next.type && distance <= 1;
    const isLine = this.rowAt(before.location.end) === before.location.row;
    return (
      isLine &&
      distance === 1 &&
      [before, next].every((each) => each.chained.length === 0 && this.isOneLiner(each.rule))
    );
  }

  /** Returns where it ended. */
  #writeParagraph(paragraph: Paragraph): number {
    const [first] = paragraph;
    if (first.type === "import") return this.#writeImports(paragraph.filter((each) => each.type === "import"));
    let end = first.location.start;
    paragraph.forEach((each, i) => {
      if (each.type === "import") return;
      if (i > 0) this.breakLine(end, each.location.start);
      this.writeRule(each.rule, each.chained);
      end = (each.chained.at(-1) ?? each.rule).location.end;
    });
    return end;
  }

  /** Sorted, each with the comment that stood behind it. */
  #writeImports(imports: readonly ImportDeclaration[]): number {
    const lines = imports.map((each) => ({ ...each.import, comment: this.takeComments(each.location.end) }));
    lines.sort(compareImports).forEach(({ path, alias, location, comment }, i) => {
      if (i > 0) this.write("\n");
      this.#writePath("import", path, location);
      this.write(alias === undefined ? comment : ` as ${alias}${comment}`);
    });
    return (imports.at(-1) as ImportDeclaration).location.end;
  }

  #writePath(keyword: string, [head = "", ...steps]: readonly string[], { start, end }: Location): void {
    const tokens = tokenize(this.source.slice(start, end), "").tokens;
    this.write(`${keyword} ${head}`);
    for (const value of steps) {
      const form = tokens.some(({ kind, text }) => kind === "string" && text === value) ? "quoted" : "name";
      this.write(this.isName({ value, form }) ? `.${value}` : `[${quoted(value)}]`);
    }
  }
}

function declareImport(declared: Import): Declaration {
  return { type: "import", import: declared, location: declared.location };
}

function declareRules(rules: readonly Rule[]): readonly Declaration[] {
  const families: [Rule, ...Rule[]][] = [];
  for (const rule of rules) {
    const family = families.at(-1);
    if (family && rule.isChained) family.push(rule);
    else families.push([rule]);
  }
  return families.flatMap((family) => {
    const [first, ...chained] = family;
    if (chained.length > CHAINED_MAX) return declareRule(first, chained);
    return family.map((rule) => declareRule(rule, []));
  });
}

function declareRule(rule: Rule, chained: readonly Rule[]): Declaration {
  return { type: "rule", rule, chained, location: rule.location };
}

function compareImports(a: Import, b: Import): number {
  const i = a.path.findIndex((name, i) => name !== b.path[i]);
  if (i < 0) return a.path.length - b.path.length || compareText(a.alias ?? "", b.alias ?? "");
  return i < b.path.length ? compareText(a.path[i] as string, b.path[i] as string) : 1;
}
