import type { Annotations, Module, Rule } from "../syntax/ast.ts";
import { ObjectBuilder, type Value } from "../values/value.ts";

/** What `rego.metadata.chain()` and `rego.metadata.rule()` are in a rule (OPA policy reference, "Rego"). */
export function metadataOf(modules: readonly Module[]): (module: Module, rule: Rule, what: "chain" | "rule") => Value {
  return (module, rule, what) => (what === "chain" ? chainOf(modules, module, rule) : ruleAnnotations(rule));
}

/** The annotations of the rule itself; an empty object when it has none. */
function ruleAnnotations(rule: Rule): Value {
  const own = rule.annotations.find(({ scope }) => scope === "rule");
  return own === undefined ? ObjectBuilder.from([]) : annotationsToValue(own);
}

/** From the rule outwards: rule, document, package, and the packages around it. */
function chainOf(modules: readonly Module[], module: Module, rule: Rule): Value {
  const { path } = module.package;
  const rulePath = [
    ...path,
    rule.head.name,
    ...rule.head.path.flatMap((term) => (term.type === "string" ? [term.value] : [])),
  ];
  const own = rule.annotations.filter(({ scope }) => scope === "rule");
  const siblings = modules
    .filter((other) => samePath(other.package.path, path))
    .flatMap((other) => other.rules)
    .filter((other) => other.head.name === rule.head.name);
  const documents = siblings.flatMap((other) => other.annotations).filter(({ scope }) => scope === "document");
  const packages = modules
    .filter((other) => samePath(other.package.path, path))
    .flatMap((other) => other.annotations)
    .filter(({ scope }) => scope === "package");
  const around = modules
    .flatMap((other) =>
      other.annotations
        .filter(({ scope }) => scope === "subpackages")
        .map((found) => ({ found, at: other.package.path })),
    )
    .filter(({ at }) => at.length <= path.length && samePath(at, path.slice(0, at.length)))
    .sort((a, b) => b.at.length - a.at.length);
  const links = [
    ...(own.length > 0 ? own.map((found) => link(rulePath, found)) : [link(rulePath, undefined)]),
    ...documents.map((found) => link(rulePath, found)),
    ...packages.map((found) => link(path, found)),
    ...around.map(({ found, at }) => link(at, found)),
  ];
  return links;
}

function link(path: readonly string[], found: Annotations | undefined): Value {
  return found === undefined ? { path } : { path, annotations: annotationsToValue(found) };
}

function annotationsToValue(annotations: Annotations): Value {
  const { location: _, ...members } = annotations;
  return toValue(members);
}

/** What YAML can hold; anything else has no place in metadata. */
function toValue(item: unknown): Value {
  if (item === null || typeof item === "boolean" || typeof item === "number" || typeof item === "string") return item;
  if (Array.isArray(item)) return item.map(toValue);
  if (typeof item !== "object") return null;
  return ObjectBuilder.from(
    Object.entries(item)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, toValue(value)]),
  );
}

function samePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index]);
}
