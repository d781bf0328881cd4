import type { RegoError } from "../errors.ts";
import type { Annotations, Location, Module, Rule } from "../syntax/ast.ts";
import { numberToText } from "../values/big-number.ts";
import { valueToText } from "../values/print.ts";
import { compare, compareText, isNumber, type Value } from "../values/value.ts";

/** Annotations with what they are put to. */
export interface AnnotatedNode {
  /** Below `data`: of the package, or of the rule as far as it is known. */
  readonly path: readonly Value[];
  readonly annotations: Annotations;
  /** Where the package or the rule stands. */
  readonly location: Location;
  readonly module: Module;
  readonly rule: Rule | undefined;
}

/** All annotations, in the order of the paths they are put to (`opa inspect --annotations`). */
export function annotationsOf(modules: readonly Module[]): readonly AnnotatedNode[] {
  return modules
    .flatMap(annotatedIn)
    .sort((a, b) => compare(a.path, b.path) || compareLocations(a.annotations.location, b.annotations.location));
}

/** The documents that are there to be asked for, as paths below `data`: what bears `entrypoint: true`. */
export function entrypointsOf(modules: readonly Module[]): readonly (readonly string[])[] {
  const paths = annotationsOf(modules)
    .filter(({ annotations }) => annotations.entrypoint === true)
    .map(({ path }) => path.map(keyToText));
  return paths.filter((path, index) => index === 0 || compare(path, paths[index - 1] as readonly string[]) !== 0);
}

/** One entry of what `opa inspect --annotations --format json` calls `annotations`. */
export function annotatedNodeToValue({ path, annotations, location: { file, row, col } }: AnnotatedNode): Value {
  const { compile } = annotations;
  const { unknowns, maskRule } = compile ?? {};
  const members = {
    ...(annotationsToValue(annotations, (names) => referenceToValue(names)) as { readonly [key: string]: Value }),
    ...(compile && {
      compile: {
        ...(unknowns && { unknowns: unknowns.map(referenceToValue) }),
        ...(maskRule && { mask_rule: referenceToValue(maskRule) }),
      },
    }),
  };
  return { annotations: members, location: { file, row, col }, path: referenceToValue(["data", ...path]) };
}

/** Annotations that say the same thing of the same package or document twice, in different modules as well. */
export function checkAnnotations(modules: readonly Module[]): readonly RegoError[] {
  const declared = new Map<string, Location>();
  return modules
    .toSorted((a, b) => compareText(a.file, b.file))
    .flatMap(annotatedIn)
    .flatMap(({ annotations: { scope, location }, path }): readonly RegoError[] => {
      if (scope === "rule") return [];
      const key = JSON.stringify([scope === "package", path.map(keyToText)]);
      const first = declared.get(key);
      if (first === undefined) {
        declared.set(key, location);
        return [];
      }
      const message = `${scope} annotation redeclared: ${first.file}:${first.row}`;
      return [{ code: "rego_type_error", message, location }];
    });
}

/** What `rego.metadata.chain()` and `rego.metadata.rule()` are in a rule (OPA policy reference, "Rego"). */
export function metadataOf(modules: readonly Module[]): (module: Module, rule: Rule, what: "chain" | "rule") => Value {
  const nodes = modules.flatMap(annotatedIn);
  return (module, rule, what) => (what === "chain" ? chainOf(nodes, module, rule) : ruleAnnotations(rule));
}

/** The annotations of the rule itself: of several blocks the first. An empty object when it has none. */
function ruleAnnotations({ annotations }: Rule): Value {
  const [first] = annotations
    .filter(({ scope }) => scope === "rule")
    .sort((a, b) => compareLocations(a.location, b.location));
  return first === undefined ? Object.create(null) : annotationsToValue(first, identity);
}

/** From the rule outwards: the blocks of the rule, of its document, of its package, and of the packages around it. */
function chainOf(nodes: readonly AnnotatedNode[], module: Module, rule: Rule): Value {
  const path = knownPath(module, rule);
  const inner = module.package.path;
  const own = rule.annotations
    .filter(({ scope }) => scope === "rule")
    .sort((a, b) => compareLocations(b.location, a.location));
  const isAt = (wanted: Annotations["scope"], at: readonly Value[]) => (node: AnnotatedNode) =>
    node.annotations.scope === wanted && compare(node.path, at) === 0;
  const around = inner.map((_, index) => inner.slice(0, inner.length - index)).concat([[]]);
  const outer = [
    ...nodes.filter(isAt("document", path)),
    ...nodes.filter(isAt("package", inner)),
    ...around.flatMap((at) => nodes.filter(isAt("subpackages", at))),
  ];
  return [
    ...(own.length === 0 ? [linkOf(path, undefined)] : own.map((annotations) => linkOf(path, annotations))),
    ...outer.map((node) => linkOf(node.path, node.annotations)),
  ];
}

function linkOf(path: readonly Value[], annotations: Annotations | undefined): Value {
  const names = path.map(keyToText);
  return annotations === undefined
    ? { path: names }
    : { annotations: annotationsToValue(annotations, identity), path: names };
}

function identity(path: readonly string[]): Value {
  return path;
}

function annotatedIn(module: Module): readonly AnnotatedNode[] {
  return module.annotations.flatMap((annotations): readonly AnnotatedNode[] => {
    const { scope, location } = annotations;
    if (scope === "package" || scope === "subpackages") {
      const { path, location: place } = module.package;
      return [{ path, annotations, location: place, module, rule: undefined }];
    }
    const rule = module.rules.find((candidate) => candidate.location.row > location.row);
    if (rule === undefined) return [];
    return [{ path: knownPath(module, rule), annotations, location: rule.location, module, rule }];
  });
}

function knownPath({ package: { path } }: Module, { head }: Rule): readonly Value[] {
  const known: Value[] = [...path, head.name];
  for (const step of head.path) {
    if (step.type === "null") known.push(null);
    else if (step.type === "string" || step.type === "number" || step.type === "boolean") known.push(step.value);
    else break;
  }
  return known;
}

function keyToText(key: Value): string {
  if (typeof key === "string") return key;
  return isNumber(key) ? numberToText(key) : valueToText(key);
}

/** A reference as OPA's syntax trees hold it: its head is a variable, what follows are constants. */
function referenceToValue([head = "", ...keys]: readonly Value[]): Value {
  return [{ type: "var", value: head }, ...keys.map((key) => ({ type: nameOfType(key), value: key }))];
}

function nameOfType(key: Value): string {
  if (typeof key === "string") return "string";
  if (isNumber(key)) return "number";
  return key === null ? "null" : "boolean";
}

function annotationsToValue(annotations: Annotations, pathToValue: (path: readonly string[]) => Value): Value {
  const { scope, title, entrypoint, description, organizations, relatedResources, authors, schemas } = annotations;
  // The parser puts nothing but values there.
  const custom = annotations.custom as Value | undefined;
  const labels = annotations.labels as Value | undefined;
  return {
    scope,
    ...(title && { title }),
    ...(entrypoint && { entrypoint }),
    ...(description && { description }),
    ...(organizations && organizations.length > 0 && { organizations }),
    ...(relatedResources && relatedResources.length > 0 && { related_resources: relatedResources.map(toValue) }),
    ...(authors && authors.length > 0 && { authors: authors.map(toValue) }),
    ...(schemas &&
      schemas.length > 0 && {
        schemas: schemas.map(({ path, schema, definition }) => ({
          path: pathToValue(path),
          ...(schema && { schema: pathToValue(schema) }),
          ...(definition !== undefined && { definition: definition as Value }),
        })),
      }),
    ...(custom !== undefined && hasMembers(custom) && { custom }),
    ...(labels !== undefined && hasMembers(labels) && { labels }),
  };
}

function toValue(members: { readonly [name: string]: string | undefined }): Value {
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  );
}

function hasMembers(value: Value): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

function compareLocations(a: Location, b: Location): number {
  return compareText(a.file, b.file) || a.start - b.start;
}
