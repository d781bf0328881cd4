import {
  type Definition,
  type DirectiveDefinition,
  GraphqlRefusal,
  type Located,
  OPERATION_TYPES,
  type OperationType,
  type SchemaDocument,
} from "./graphql-ast.ts";
import { checkDirectives, checkSchema } from "./graphql-check-schema.ts";
import { parseSchema } from "./graphql-parse-schema.ts";
import { GRAPHQL_PRELUDE } from "./graphql-prelude.ts";
import { type CheckContext, firstByName, type Schema, type SchemaType, type TypeSystem } from "./graphql-schema.ts";

/** The schema that a document makes with the prelude. Throws a `GraphqlRefusal` at the first rule that it breaks. */
export function loadSchema(located: Located<SchemaDocument>, spend: (steps: number) => void): Schema {
  const { document, positions } = located;
  const refusal: Refuse = (message, node) => new GraphqlRefusal(message, positions.get(node));
  const prelude = parseSchema(GRAPHQL_PRELUDE, spend).document;
  const typeByName = mergeTypes(prelude.Definitions ?? [], document, refusal);
  const directives = mergeDirectives(prelude.Directives ?? [], document.Directives ?? [], refusal);
  const schema: TypeSystem = {
    typeByName,
    directiveByName: directives,
    possibleTypesByName: possibleTypes(typeByName),
  };
  const context: CheckContext = { schema, spend, refusal };
  const roots = readRoots(document, context);
  checkSchema(context);
  return { ...schema, rootByOperation: document.Schema === undefined ? inferRoots(schema, roots) : roots };
}

type Refuse = CheckContext["refusal"];

/** GraphQL §3.4.3: extensions add to their definition. Without one, for gqlparser, they are the definition. */
function mergeTypes(
  prelude: readonly Definition[],
  document: SchemaDocument,
  refusal: Refuse,
): ReadonlyMap<string, SchemaType> {
  const merged = new Map<string, { readonly isBuiltIn: boolean; readonly parts: Definition[] }>();
  for (const definition of prelude) merged.set(definition.Name, { isBuiltIn: true, parts: [definition] });
  for (const definition of document.Definitions ?? []) {
    if (merged.has(definition.Name)) throw refusal(`Cannot redeclare type ${definition.Name}.`, definition);
    merged.set(definition.Name, { isBuiltIn: definition.BuiltIn, parts: [definition] });
  }
  for (const extension of document.Extensions ?? []) {
    const { Name: name, Kind: kind } = extension;
    const parts = merged.get(name)?.parts;
    const base = parts?.[0]?.Kind ?? kind;
    if (base !== kind)
      throw refusal(`Cannot extend type ${name} because the base type is a ${base}, not ${kind}.`, extension);
    if (parts === undefined) merged.set(name, { isBuiltIn: false, parts: [extension] });
    else parts.push(extension);
  }
  return new Map([...merged].map(([name, { isBuiltIn, parts }]) => [name, mergeType(parts, isBuiltIn)]));
}

function mergeType(parts: readonly Definition[], isBuiltIn: boolean): SchemaType {
  const origin = parts[0] as Definition;
  const fields = parts.flatMap((part) => part.Fields ?? []);
  return {
    kind: origin.Kind,
    name: origin.Name,
    isBuiltIn,
    directives: parts.flatMap((part) => part.Directives ?? []),
    interfaces: parts.flatMap((part) => part.Interfaces ?? []),
    fields,
    fieldByName: firstByName(fields),
    members: parts.flatMap((part) => part.Types ?? []),
    enumValues: parts.flatMap((part) => part.EnumValues ?? []),
    origin,
  };
}

/** A schema may define the directives of the prelude itself (GraphQL §3.13), and its definition is the one in force. */
function mergeDirectives(
  prelude: readonly DirectiveDefinition[],
  directives: readonly DirectiveDefinition[],
  refusal: Refuse,
): ReadonlyMap<string, DirectiveDefinition> {
  const predefined = new Set(prelude.map((directive) => directive.Name));
  const byName = new Map(prelude.map((directive) => [directive.Name, directive]));
  for (const directive of directives) {
    if (byName.has(directive.Name) && !predefined.has(directive.Name))
      throw refusal(`Cannot redeclare directive ${directive.Name}.`, directive);
    byName.set(directive.Name, directive);
  }
  return byName;
}

/** GraphQL §5.5.2.3 GetPossibleTypes, to which gqlparser adds the interfaces that implement an interface. */
function possibleTypes(typeByName: ReadonlyMap<string, SchemaType>): ReadonlyMap<string, readonly SchemaType[]> {
  const possible = new Map<string, SchemaType[]>();
  const add = (name: string, type: SchemaType | undefined): void => {
    if (type === undefined) return;
    const types = possible.get(name);
    if (types === undefined) possible.set(name, [type]);
    else types.push(type);
  };
  for (const type of typeByName.values()) {
    for (const member of type.members) add(type.name, typeByName.get(member));
    for (const name of type.interfaces) add(name, type);
    if (type.kind === "OBJECT" || type.kind === "INPUT_OBJECT") add(type.name, type);
  }
  return possible;
}

type Roots = ReadonlyMap<OperationType, SchemaType>;

/** GraphQL §3.3.1 "Root Operation Types", where they are named. */
function readRoots(document: SchemaDocument, context: CheckContext): Roots {
  const [schema, second] = document.Schema ?? [];
  if (second)
    throw context.refusal("Cannot have multiple schema entry points, consider schema extensions instead.", second);
  const roots = new Map<OperationType, SchemaType>();
  for (const part of [...(schema ? [schema] : []), ...(document.SchemaExtension ?? [])]) {
    for (const operation of part.OperationTypes ?? []) {
      const type = context.schema.typeByName.get(operation.Type);
      if (type === undefined)
        throw context.refusal(
          `Schema root ${operation.Operation} refers to a type ${operation.Type} that does not exist.`,
          operation,
        );
      if (operation.Operation !== "") roots.set(operation.Operation, type);
    }
    checkDirectives(context, part.Directives ?? [], { location: "SCHEMA" });
  }
  return roots;
}

const DEFAULT_ROOTS: Readonly<Record<OperationType, string>> = {
  query: "Query",
  mutation: "Mutation",
  subscription: "Subscription",
};

/** GraphQL §3.3.1 "Default Root Operation Type Names", for a document without a schema definition. */
function inferRoots(schema: TypeSystem, roots: Roots): Roots {
  const inferred = new Map(roots);
  for (const operation of OPERATION_TYPES) {
    const type = schema.typeByName.get(DEFAULT_ROOTS[operation]);
    if (!roots.has(operation) && type !== undefined) inferred.set(operation, type);
  }
  return inferred;
}
