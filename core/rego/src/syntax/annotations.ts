import type { Annotations, Comment, Import, Package, Rule } from "./ast.ts";
import { type Metadata, parseMetadata } from "./metadata.ts";
import { Refusal } from "./token-reader.ts";

export interface Annotated {
  readonly annotations: readonly Annotations[];
  /** The rules given, each with its own annotations. */
  readonly rules: readonly Rule[];
}

interface Declarations {
  readonly package: Package;
  readonly imports: readonly Import[];
  readonly rules: readonly Rule[];
}

interface Target {
  readonly kind: "package" | "import" | "rule";
  readonly row: number;
  readonly rule?: Rule;
}

const SCOPES: readonly Annotations["scope"][] = ["rule", "document", "package", "subpackages"];

/** Attaches each metadata block to the declaration behind it (OPA policy reference, "Metadata", "Scope"). */
export function annotate(comments: readonly Comment[], declarations: Declarations): Annotated | readonly Refusal[] {
  const refusals: Refusal[] = [];
  const annotations: Annotations[] = [];
  const attached = new Attachments();
  const targets = targetsOf(declarations);
  let next = 0;
  for (const metadata of parseMetadata(comments)) {
    // Both are in the order of the text. A block belongs to the first declaration on a later line.
    while ((targets[next]?.row ?? Number.POSITIVE_INFINITY) <= metadata.location.row) next++;
    const annotation = metadata instanceof Refusal ? metadata : scoped(metadata, targets[next]);
    const refusal = annotation instanceof Refusal ? annotation : attached.add(annotation, targets[next]?.rule);
    if (refusal) refusals.push(refusal);
    else annotations.push(annotation as Annotations);
  }
  if (refusals.length > 0) return refusals;
  return { annotations, rules: declarations.rules.map((rule) => attached.toRule(rule)) };
}

function targetsOf(declarations: Declarations): readonly Target[] {
  const targets: readonly Target[] = [
    { kind: "package", row: declarations.package.location.row },
    ...declarations.imports.map((node): Target => ({ kind: "import", row: node.location.row })),
    ...declarations.rules.map((rule): Target => ({ kind: "rule", row: rule.location.row, rule })),
  ];
  return targets.toSorted((a, b) => a.row - b.row);
}

/** What was attached so far: to one rule, or by its path to every rule of a document. */
class Attachments {
  readonly #byRule = new Map<Rule, Annotations[]>();
  readonly #byDocument = new Map<string, Annotations>();
  readonly #byPackageScope = new Map<string, Annotations>();

  add(annotation: Annotations, rule: Rule | undefined): Refusal | undefined {
    const { scope } = annotation;
    if (rule === undefined) return declare(this.#byPackageScope, scope, annotation);
    if (scope === "document") return declare(this.#byDocument, groundPath(rule), annotation);
    const own = this.#byRule.get(rule);
    if (own) own.push(annotation);
    else this.#byRule.set(rule, [annotation]);
    return undefined;
  }

  toRule(rule: Rule): Rule {
    const own = this.#byRule.get(rule) ?? [];
    const shared = this.#byDocument.size > 0 ? this.#byDocument.get(groundPath(rule)) : undefined;
    if (own.length === 0 && shared === undefined) return rule;
    return { ...rule, annotations: shared ? [shared, ...own] : own };
  }
}

function declare(declared: Map<string, Annotations>, name: string, annotation: Annotations): Refusal | undefined {
  const { scope, location } = annotation;
  const first = declared.get(name);
  if (first === undefined) {
    declared.set(name, annotation);
    return undefined;
  }
  const where = `${first.location.file}:${first.location.row}`;
  return new Refusal(`${scope} annotation redeclared: ${where}`, location, "rego_type_error");
}

function scoped(metadata: Metadata, target: Target | undefined): Annotations | Refusal {
  const { location, entrypoint = false } = metadata;
  if (target === undefined) return new Refusal("annotation stands before no rule and no package", location);
  const written = metadata.scope || defaultScope(target, entrypoint);
  const scope = SCOPES.find((known) => known === written);
  if (scope === undefined) {
    const known = "'rule', 'document', 'package', or 'subpackages'";
    return new Refusal(`invalid annotation scope '${written}'. Use one of ${known}`, location);
  }
  const wanted = scope === "rule" || scope === "document" ? "rule" : "package";
  if (target.kind !== wanted)
    return new Refusal(`annotation scope '${scope}' must be applied to ${wanted} (have ${target.kind})`, location);
  if (entrypoint && scope !== "document" && scope !== "package")
    return new Refusal(`annotation entrypoint applied to non-document or package scope '${scope}'`, location);
  return { ...metadata, scope };
}

/** Nothing can be said of an import: its scope is one that is refused. */
function defaultScope(target: Target, isEntrypoint: boolean): string {
  return target.kind === "rule" && isEntrypoint ? "document" : target.kind;
}

/** The part of a rule's path that is the same for every value: of `p.q[x].r` it is `p.q`. */
function groundPath({ head }: Rule): string {
  const names: (string | number | boolean | null)[] = [head.name];
  for (const step of head.path) {
    if (step.type === "string" || step.type === "boolean") names.push(step.value);
    else if (step.type === "number") names.push(Number(step.text));
    else if (step.type === "null") names.push(null);
    else break;
  }
  return JSON.stringify(names);
}
