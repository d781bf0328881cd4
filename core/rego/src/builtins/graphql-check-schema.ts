import { LimitExceeded } from "../limits.ts";
import {
  type ArgumentDefinition,
  type Directive,
  type DirectiveDefinition,
  type FieldDefinition,
  type GraphqlRefusal,
  LITERAL_KIND,
  namedTypeOf,
  type TypeReference,
  typeToText,
} from "./graphql-ast.ts";
import { CHAIN_MAX, type CheckContext, isCompatible, isInputKind, type SchemaType } from "./graphql-schema.ts";

/**
 * The rules of a type system (GraphQL §3.4 to §3.13) in the order of gqlparser, which has fewer of them than the
 * specification: default values, for one, are not checked. Throws a `GraphqlRefusal` at the first that is broken.
 */
export function checkSchema(context: CheckContext): void {
  for (const [, type] of sortedByName(context.schema.typeByName)) checkType(context, type);
  checkInputCycles(context);
  for (const [, directive] of sortedByName(context.schema.directiveByName)) {
    checkName(context, directive.Name, directive);
    checkArguments(context, directive.Arguments ?? [], directive);
  }
}

function sortedByName<Item>(byName: ReadonlyMap<string, Item>): readonly (readonly [string, Item])[] {
  return [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function checkType(context: CheckContext, type: SchemaType): void {
  context.spend(1 + type.fields.length + type.enumValues.length + type.members.length + type.interfaces.length);
  for (const field of type.fields) checkField(context, type, field);
  for (const member of type.members) checkMember(context, type, member);
  for (const name of type.interfaces) checkImplements(context, type, name);
  checkKind(context, type);
  checkUniqueness(context, type);
  if (!type.isBuiltIn) checkName(context, type.name, type.origin);
  // The directives of a definition and of its extensions stand at different places, so each may be there again.
  for (const directive of type.directives) checkDirective(context, directive, { location: type.kind }, false);
}

function checkField(context: CheckContext, type: SchemaType, field: FieldDefinition): void {
  checkName(context, field.Name, field);
  checkTypeReference(context, field.Type);
  checkArguments(context, field.Arguments ?? []);
  const location = type.kind === "INPUT_OBJECT" ? "INPUT_FIELD_DEFINITION" : "FIELD_DEFINITION";
  checkDirectives(context, field.Directives ?? [], { location });
}

/** GraphQL §3.8 "Type Validation" of unions. */
function checkMember(context: CheckContext, type: SchemaType, member: string): void {
  const definition = context.schema.typeByName.get(member);
  if (definition === undefined) throw context.refusal(`Undefined type ${JSON.stringify(member)}.`, type.origin);
  if (definition.kind !== "OBJECT")
    throw context.refusal(`${type.kind} type ${JSON.stringify(member)} must be OBJECT.`, type.origin);
}

function checkKind(context: CheckContext, type: SchemaType): void {
  const whole = `${type.kind} ${type.name}`;
  switch (type.kind) {
    case "OBJECT":
    case "INTERFACE":
      if (type.fields.length === 0) throw context.refusal(`${whole}: must define one or more fields.`, type.origin);
      for (const field of type.fields)
        if (context.schema.typeByName.get(namedTypeOf(field.Type))?.kind === "INPUT_OBJECT")
          throw context.refusal(`${whole}: field must be one of SCALAR, OBJECT, INTERFACE, UNION, ENUM.`, field);
      return;
    case "ENUM":
      if (type.enumValues.length === 0)
        throw context.refusal(`${whole}: must define one or more unique enum values.`, type.origin);
      for (const value of type.enumValues) {
        if (value.Name === "true" || value.Name === "false" || value.Name === "null")
          throw context.refusal(`${whole}: non-enum value ${value.Name}.`, type.origin);
        checkDirectives(context, value.Directives ?? [], { location: "ENUM_VALUE" });
      }
      return;
    case "INPUT_OBJECT":
      if (type.fields.length === 0)
        throw context.refusal(`${whole}: must define one or more input fields.`, type.origin);
      for (const field of type.fields) {
        const kind = context.schema.typeByName.get(namedTypeOf(field.Type))?.kind;
        if (kind !== undefined && !isInputKind(kind))
          throw context.refusal(`${kind} ${field.Name}: field must be one of SCALAR, ENUM, INPUT_OBJECT.`, field);
      }
      return;
    case "SCALAR":
    case "UNION":
  }
}

function checkUniqueness(context: CheckContext, type: SchemaType): void {
  const field = firstRepeated(type.fields, (each) => each.Name);
  if (field) throw context.refusal(`Field ${type.name}.${field.Name} can only be defined once.`, field);
  const value = firstRepeated(type.enumValues, (each) => each.Name);
  if (value) throw context.refusal(`Enum value ${type.name}.${value.Name} can only be defined once.`, value);
  const member = firstRepeated(type.members, (each) => each);
  if (member !== undefined)
    throw context.refusal(`Union type ${type.name} can only include type ${member} once.`, type.origin);
}

function firstRepeated<Item>(list: readonly Item[], nameOf: (item: Item) => string): Item | undefined {
  const seen = new Set<string>();
  return list.find((item) => {
    const name = nameOf(item);
    return seen.has(name) || !seen.add(name);
  });
}

/** GraphQL §3.6 IsValidImplementation. */
function checkImplements(context: CheckContext, type: SchemaType, name: string): void {
  const contract = context.schema.typeByName.get(name);
  if (contract === undefined) throw context.refusal(`Undefined type ${JSON.stringify(name)}.`, type.origin);
  if (contract.kind !== "INTERFACE")
    throw context.refusal(`${JSON.stringify(name)} is a non interface type ${contract.kind}.`, type.origin);
  for (const required of contract.fields) checkImplementedField(context, type, contract, required);
  for (const ancestor of contract.interfaces) {
    context.spend(1 + type.interfaces.length);
    if (type.interfaces.includes(ancestor)) continue;
    throw context.refusal(
      ancestor === type.name
        ? `Type ${type.name} cannot implement ${name} because it would create a circular reference.`
        : `Type ${type.name} must implement ${ancestor} because it is implemented by ${name}.`,
      type.origin,
    );
  }
}

function checkImplementedField(
  context: CheckContext,
  type: SchemaType,
  contract: SchemaType,
  required: FieldDefinition,
): void {
  context.spend(1);
  const promise = `For ${type.name} to implement ${contract.name}`;
  const found = type.fieldByName.get(required.Name);
  if (found === undefined)
    throw context.refusal(`${promise} it must have a field called ${required.Name}.`, type.origin);
  if (!isCovariant(context, required.Type, found.Type))
    throw context.refusal(`${promise} the field ${required.Name} must have type ${typeToText(required.Type)}.`, found);
  const requiredArguments = required.Arguments ?? [];
  const foundArguments = found.Arguments ?? [];
  context.spend(requiredArguments.length * foundArguments.length);
  for (const argument of requiredArguments) {
    const same = foundArguments.find((each) => each.Name === argument.Name);
    const rule = `${promise} the field ${required.Name} must have the same arguments but`;
    if (same === undefined) throw context.refusal(`${rule} it is missing ${argument.Name}.`, found);
    if (!isCompatible(argument.Type, same.Type))
      throw context.refusal(`${rule} ${argument.Name} has the wrong type.`, same);
  }
  for (const argument of foundArguments)
    if (isRequired(argument) && !requiredArguments.some((each) => each.Name === argument.Name))
      throw context.refusal(
        `${promise} any additional arguments on ${found.Name} must be optional or have a default value but ${argument.Name} is required.`,
        argument,
      );
}

/** GraphQL §3.6 IsValidImplementationFieldType. */
function isCovariant(context: CheckContext, required: TypeReference, actual: TypeReference): boolean {
  if (required.NonNull && !actual.NonNull) return false;
  if (required.Elem !== undefined) return actual.Elem !== undefined && isCovariant(context, required.Elem, actual.Elem);
  if (required.NamedType === actual.NamedType) return true;
  const possible = context.schema.possibleTypesByName.get(required.NamedType) ?? [];
  context.spend(possible.length);
  return possible.some((type) => type.name === actual.NamedType);
}

function checkArguments(context: CheckContext, args: readonly ArgumentDefinition[], owner?: DirectiveDefinition): void {
  context.spend(args.length);
  for (const argument of args) {
    checkName(context, argument.Name, argument);
    const { kind } = checkTypeReference(context, argument.Type);
    if (!isInputKind(kind))
      throw context.refusal(
        `cannot use ${typeToText(argument.Type)} as argument ${argument.Name} because ${kind} is not a valid input type`,
        argument,
      );
    checkDirectives(context, argument.Directives ?? [], { location: "ARGUMENT_DEFINITION", owner });
  }
}

interface Place {
  readonly location: string;
  /** The directive whose definition it stands in. */
  readonly owner?: DirectiveDefinition | undefined;
}

/** The directives of one place; only a repeatable one is there twice. */
export function checkDirectives(context: CheckContext, directives: readonly Directive[], place: Place): void {
  const seen = new Set<string>();
  for (const directive of directives) {
    checkDirective(context, directive, place, seen.has(directive.Name));
    seen.add(directive.Name);
  }
}

function checkDirective(context: CheckContext, directive: Directive, place: Place, isRepeated: boolean): void {
  const { Name: name, Arguments: args = [] } = directive;
  checkName(context, name, directive);
  if (name === place.owner?.Name) throw context.refusal(`Directive ${name} cannot refer to itself.`, directive);
  const definition = context.schema.directiveByName.get(name);
  if (definition === undefined) throw context.refusal(`Undefined directive ${name}.`, directive);
  if (isRepeated && !definition.IsRepeatable)
    throw context.refusal(`The directive ${name} can only be used once at this location.`, directive);
  if (!definition.Locations?.includes(place.location))
    throw context.refusal(`Directive ${name} is not applicable on ${place.location}.`, directive);
  const expected = definition.Arguments ?? [];
  context.spend(args.length * expected.length);
  for (const argument of args)
    if (!expected.some((each) => each.Name === argument.Name))
      throw context.refusal(`Undefined argument ${argument.Name} for directive ${name}.`, argument);
  for (const each of expected.filter(isRequired)) {
    const value = args.find((argument) => argument.Name === each.Name)?.Value;
    if (value === undefined || value.Kind === LITERAL_KIND.null)
      throw context.refusal(`Argument ${each.Name} for directive ${name} cannot be null.`, directive);
  }
}

function isRequired(argument: ArgumentDefinition): boolean {
  return argument.Type.NonNull && argument.DefaultValue === undefined;
}

function checkName(context: CheckContext, name: string, node: object): void {
  if (name.startsWith("__"))
    throw context.refusal(`Name "${name}" must not begin with "__", which is reserved by GraphQL introspection.`, node);
}

function checkTypeReference(context: CheckContext, type: TypeReference): SchemaType {
  const name = namedTypeOf(type);
  const definition = context.schema.typeByName.get(name);
  if (definition === undefined) throw context.refusal(`Undefined type ${name}.`, type);
  return definition;
}

/** GraphQL §3.10 "Circular References": an object that needs one of its own kind could never be written. */
function checkInputCycles(context: CheckContext): void {
  const checked = new Set<SchemaType>();
  const path: FieldDefinition[] = [];
  const depthByType = new Map<SchemaType, number>();
  const check = (type: SchemaType): void => {
    if (checked.has(type)) return;
    checked.add(type);
    if (path.length > CHAIN_MAX) throw new LimitExceeded("nesting");
    depthByType.set(type, path.length);
    for (const field of type.fields) {
      const needed = field.Type.NonNull ? context.schema.typeByName.get(field.Type.NamedType) : undefined;
      if (needed?.kind !== "INPUT_OBJECT") continue;
      path.push(field);
      const begin = depthByType.get(needed);
      if (begin !== undefined) throw inputCycleRefusal(context, needed, path.slice(begin));
      check(needed);
      path.pop();
    }
    depthByType.delete(type);
  };
  for (const [, type] of sortedByName(context.schema.typeByName)) if (type.kind === "INPUT_OBJECT") check(type);
}

function inputCycleRefusal(context: CheckContext, type: SchemaType, cycle: readonly FieldDefinition[]): GraphqlRefusal {
  const names = cycle.map((field) => field.Name).join(".");
  return context.refusal(
    `Cannot reference Input Object ${JSON.stringify(type.name)} within itself through a series of non-null fields: ${JSON.stringify(names)}.`,
    cycle[0] as FieldDefinition,
  );
}
