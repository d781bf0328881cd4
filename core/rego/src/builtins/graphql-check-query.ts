import { LimitExceeded } from "../limits.ts";
import {
  type Argument,
  type ArgumentDefinition,
  type Directive,
  type Field,
  type FieldDefinition,
  type Fragment,
  type FragmentSpread,
  GraphqlRefusal,
  type InlineFragment,
  LITERAL_KIND,
  type Literal,
  type Located,
  namedTypeOf,
  type Operation,
  type QueryDocument,
  type Selection,
  type SelectionSet,
  typeToText,
  type VariableDefinition,
} from "./graphql-ast.ts";
import {
  checkFieldUniqueness,
  checkLiteralType,
  checkOneOfVariables,
  checkVariablePosition,
  type Expected,
} from "./graphql-check-literal.ts";
import { type FieldMeaning, MergeChecker } from "./graphql-check-merge.ts";
import { checkFragmentCycles, checkSubscription, isIntrospectionTooDeep } from "./graphql-check-spreads.ts";
import {
  CHAIN_MAX,
  type CheckContext,
  fieldNamed,
  firstByName,
  isCompositeKind,
  isInputKind,
  type Schema,
  type SchemaType,
} from "./graphql-schema.ts";

/**
 * The rules of executable documents (GraphQL §5) under a schema. Throws a `GraphqlRefusal` at the first that is broken,
 * in the order of gqlparser: what is inside of a node before the node, and at each node its rules by their names.
 */
export function checkQuery(schema: Schema, query: Located<QueryDocument>, spend: (steps: number) => void): void {
  new QueryChecker(schema, query, spend).check();
}

/** A place of a directive (GraphQL §3.13). */
type Place =
  | "QUERY"
  | "MUTATION"
  | "SUBSCRIPTION"
  | "FIELD"
  | "FRAGMENT_DEFINITION"
  | "FRAGMENT_SPREAD"
  | "INLINE_FRAGMENT"
  | "VARIABLE_DEFINITION";

class QueryChecker {
  readonly #schema: Schema;
  readonly #document: QueryDocument;
  readonly #fragmentByName: ReadonlyMap<string, Fragment>;
  readonly #context: CheckContext<Schema>;
  readonly #meanings = new Map<Field, FieldMeaning>();
  readonly #merge: MergeChecker;
  readonly #usedFragments = new Set<string>();
  readonly #acyclicFragments = new Set<string>();
  /** Undefined while the fragments are checked for themselves. */
  #operation: Operation | undefined;
  #variableByName: ReadonlyMap<string, VariableDefinition> = new Map();
  readonly #usedVariables = new Set<VariableDefinition>();
  /** The fragments that were followed from the operation, or the fragment, at hand. */
  #followed = new Set<string>();
  #depth = 0;

  constructor(schema: Schema, query: Located<QueryDocument>, spend: (steps: number) => void) {
    this.#schema = schema;
    this.#document = query.document;
    this.#fragmentByName = firstByName(query.document.Fragments ?? []);
    const refusal = (message: string, node: object) => new GraphqlRefusal(message, query.positions.get(node));
    this.#context = { schema, spend, refusal };
    this.#merge = new MergeChecker(this.#context, this.#fragmentByName, this.#meanings);
  }

  check(): void {
    const { Operations: operations = [], Fragments: fragments = [] } = this.#document;
    const names = new Set<string>();
    for (const operation of operations) {
      this.#followed = new Set();
      this.#checkOperation(operation, names.has(operation.Name));
      names.add(operation.Name);
    }
    this.#operation = undefined;
    const fragmentNames = new Set<string>();
    for (const fragment of fragments) {
      this.#followed = new Set();
      this.#checkFragment(fragment, fragmentNames.has(fragment.Name));
      fragmentNames.add(fragment.Name);
    }
  }

  #checkOperation(operation: Operation, isNameTaken: boolean): void {
    const { VariableDefinitions: variables = [], Name: name } = operation;
    const type = operation.Operation === "" ? "query" : operation.Operation;
    const root = this.#schema.rootByOperation.get(type);
    this.#operation = operation;
    this.#variableByName = new Map(variables.toReversed().map((variable) => [variable.Variable, variable]));
    for (const variable of variables) this.#typeNamed(namedTypeOf(variable.Type), variable);
    for (const variable of variables) {
      if (variable.DefaultValue !== undefined)
        this.#checkLiteral(variable.DefaultValue, this.#expected(variable.Type, undefined));
      this.#checkDirectives(variable.Directives, "VARIABLE_DEFINITION");
    }
    this.#checkDirectives(operation.Directives, type.toUpperCase() as Place);
    this.#checkSelections(root, operation.SelectionSet);
    if (root === undefined)
      throw this.#refusal(`Schema does not support operation type "${operation.Operation}"`, operation);
    // §5.2.2.1 Lone Anonymous Operation
    if (name === "" && (this.#document.Operations ?? []).length > 1)
      throw this.#refusal("This anonymous operation must be the only defined operation.", operation);
    this.#checkVariablesAreUsed(operation, variables);
    this.#merge.check(operation.SelectionSet);
    if (type === "subscription") checkSubscription(this.#context, operation, this.#fragmentByName);
    // §5.2.1.1 Operation Name Uniqueness
    if (isNameTaken) throw this.#refusal(`There can be only one operation named "${name}".`, operation);
    this.#checkVariables(variables);
  }

  /** §5.8.4 All Variables Used. */
  #checkVariablesAreUsed(operation: Operation, variables: readonly VariableDefinition[]): void {
    const where = operation.Name === "" ? "" : ` in operation "${operation.Name}"`;
    for (const variable of variables)
      if (!variable.Used && !this.#usedVariables.has(variable))
        throw this.#refusal(`Variable "$${variable.Variable}" is never used${where}.`, variable);
  }

  #checkVariables(variables: readonly VariableDefinition[]): void {
    // §5.8.1 Variable Uniqueness
    const names = new Set<string>();
    for (const variable of variables) {
      if (names.has(variable.Variable))
        throw this.#refusal(`There can be only one variable named "$${variable.Variable}".`, variable);
      names.add(variable.Variable);
    }
    // §5.8.2 Variables Are Input Types
    for (const variable of variables) {
      const kind = this.#schema.typeByName.get(namedTypeOf(variable.Type))?.kind;
      if (kind !== undefined && !isInputKind(kind))
        throw this.#refusal(
          `Variable "$${variable.Variable}" cannot be non-input type "${typeToText(variable.Type)}".`,
          variable,
        );
    }
  }

  #checkFragment(fragment: Fragment, isNameTaken: boolean): void {
    const { Name: name, TypeCondition: condition } = fragment;
    const type = this.#schema.typeByName.get(condition);
    this.#checkDirectives(fragment.Directives, "FRAGMENT_DEFINITION");
    this.#checkSelections(type, fragment.SelectionSet);
    // §5.5.1.3 Fragments On Composite Types
    if (type !== undefined && condition !== "" && !isCompositeKind(type.kind))
      throw this.#refusal(`Fragment "${name}" cannot condition on non composite type "${condition}".`, fragment);
    this.#typeNamed(condition, fragment);
    checkFragmentCycles(this.#context, fragment, this.#fragmentByName, this.#acyclicFragments);
    // §5.5.1.4 Fragments Must Be Used
    if (!this.#usedFragments.has(name)) throw this.#refusal(`Fragment "${name}" is never used.`, fragment);
    this.#merge.check(fragment.SelectionSet);
    // §5.5.1.1 Fragment Name Uniqueness
    if (isNameTaken) throw this.#refusal(`There can be only one fragment named "${name}".`, fragment);
  }

  #checkSelections(parent: SchemaType | undefined, set: SelectionSet = []): void {
    if (++this.#depth > CHAIN_MAX) throw new LimitExceeded("nesting");
    for (const selection of set) this.#checkSelection(parent, selection);
    this.#depth--;
  }

  #checkSelection(parent: SchemaType | undefined, selection: Selection): void {
    this.#context.spend(1);
    if ("Alias" in selection) this.#checkField(parent, selection);
    else if ("TypeCondition" in selection) this.#checkInlineFragment(parent, selection);
    else this.#checkSpread(parent, selection);
  }

  #checkField(parent: SchemaType | undefined, field: Field): void {
    const definition = fieldNamed(this.#schema, parent, field.Name);
    this.#meanings.set(field, { parent, definition });
    const type = definition && this.#schema.typeByName.get(namedTypeOf(definition.Type));
    this.#checkArgumentValues(field.Arguments, definition?.Arguments);
    this.#checkDirectives(field.Directives, "FIELD");
    this.#checkSelections(type, field.SelectionSet);
    // §5.3.1 Field Selections
    if (parent !== undefined && definition === undefined)
      throw this.#refusal(`Cannot query field "${field.Name}" on type "${parent.name}".`, field);
    if (parent !== undefined && definition !== undefined)
      this.#checkArgumentNames(field, `field "${parent.name}.${field.Name}"`, definition.Arguments);
    if (
      (field.Name === "__schema" || field.Name === "__type") &&
      isIntrospectionTooDeep(this.#context, field, this.#fragmentByName)
    )
      throw this.#refusal("Maximum introspection depth exceeded", field);
    if (this.#operation !== undefined) this.#merge.check(field.SelectionSet);
    if (definition !== undefined) {
      this.#checkRequiredArguments(field, `Field "${field.Name}"`, definition.Arguments);
      this.#checkLeaf(field, definition, type);
    }
    this.#checkArgumentUniqueness(field.Arguments);
  }

  /** §5.3.3 Leaf Field Selections. */
  #checkLeaf(field: Field, definition: FieldDefinition, type: SchemaType | undefined): void {
    if (type === undefined) return;
    const isLeaf = type.kind === "SCALAR" || type.kind === "ENUM";
    const hasSelection = field.SelectionSet !== undefined;
    if (isLeaf && hasSelection)
      throw this.#refusal(
        `Field "${field.Name}" must not have a selection since type "${type.name}" has no subfields.`,
        field,
      );
    if (!isLeaf && !hasSelection)
      throw this.#refusal(
        `Field "${field.Name}" of type "${typeToText(definition.Type)}" must have a selection of subfields. Did you mean "${field.Name} { ... }"?`,
        field,
      );
  }

  #checkInlineFragment(parent: SchemaType | undefined, fragment: InlineFragment): void {
    const { TypeCondition: condition } = fragment;
    const type = this.#schema.typeByName.get(condition);
    const inner = condition === "" ? parent : type;
    this.#checkDirectives(fragment.Directives, "INLINE_FRAGMENT");
    this.#checkSelections(inner, fragment.SelectionSet);
    // §5.5.1.3 Fragments On Composite Types
    if (type !== undefined && !isCompositeKind(type.kind))
      throw this.#refusal(`Fragment cannot condition on non composite type "${condition}".`, fragment);
    if (condition !== "") this.#typeNamed(condition, fragment);
    this.#merge.check(fragment.SelectionSet);
    if (this.#isImpossible(parent, type))
      throw this.#refusal(
        `Fragment cannot be spread here as objects of type "${parent?.name}" can never be of type "${condition}".`,
        fragment,
      );
  }

  #checkSpread(parent: SchemaType | undefined, spread: FragmentSpread): void {
    const fragment = this.#fragmentByName.get(spread.Name);
    const type = fragment && this.#schema.typeByName.get(fragment.TypeCondition);
    this.#checkDirectives(spread.Directives, "FRAGMENT_SPREAD");
    if (fragment !== undefined && !this.#followed.has(fragment.Name)) {
      this.#followed.add(fragment.Name);
      this.#checkDirectives(fragment.Directives, "FRAGMENT_DEFINITION");
      this.#checkSelections(type, fragment.SelectionSet);
    }
    // §5.5.2.1 Fragment Spread Target Defined
    if (fragment === undefined) throw this.#refusal(`Unknown fragment "${spread.Name}".`, spread);
    if (this.#operation !== undefined) this.#usedFragments.add(spread.Name);
    if (this.#isImpossible(parent, type))
      throw this.#refusal(
        `Fragment "${spread.Name}" cannot be spread here as objects of type "${parent?.name}" can never be of type "${fragment.TypeCondition}".`,
        spread,
      );
  }

  /** §5.5.2.3 Fragment Spread Is Possible: whether no object is of both types. */
  #isImpossible(parent: SchemaType | undefined, type: SchemaType | undefined): boolean {
    if (parent === undefined || type === undefined) return false;
    if (!isCompositeKind(parent.kind) || !isCompositeKind(type.kind)) return false;
    const parents = parent.kind === "OBJECT" ? [parent] : this.#possibleTypes(parent);
    const names = new Set(parents.map((each) => each.name));
    const types = this.#possibleTypes(type);
    this.#context.spend(parents.length + types.length);
    return !types.some((each) => names.has(each.name));
  }

  #possibleTypes(type: SchemaType): readonly SchemaType[] {
    return this.#schema.possibleTypesByName.get(type.name) ?? [];
  }

  #checkDirectives(directives: readonly Directive[] = [], place: Place): void {
    for (const directive of directives) this.#checkDirective(directive, place);
    // §5.7.3 Directives Are Unique per Location
    const seen = new Set<string>();
    for (const directive of directives) {
      if (seen.has(directive.Name) && !this.#schema.directiveByName.get(directive.Name)?.IsRepeatable)
        throw this.#refusal(`The directive "@${directive.Name}" can only be used once at this location.`, directive);
      seen.add(directive.Name);
    }
  }

  #checkDirective(directive: Directive, place: Place): void {
    const definition = this.#schema.directiveByName.get(directive.Name);
    this.#checkArgumentValues(directive.Arguments, definition?.Arguments);
    if (definition !== undefined)
      this.#checkArgumentNames(directive, `directive "@${directive.Name}"`, definition.Arguments);
    // §5.7.1 Directives Are Defined, §5.7.2 Directives Are in Valid Locations
    else throw this.#refusal(`Unknown directive "@${directive.Name}".`, directive);
    if (!definition.Locations?.includes(place))
      throw this.#refusal(`Directive "@${directive.Name}" may not be used on ${place}.`, directive);
    this.#checkRequiredArguments(directive, `Directive "@${directive.Name}"`, definition.Arguments);
    this.#checkArgumentUniqueness(directive.Arguments);
  }

  #checkArgumentValues(args: readonly Argument[] = [], definitions: readonly ArgumentDefinition[] = []): void {
    this.#context.spend(args.length * (1 + definitions.length));
    for (const argument of args) {
      const definition = definitions.find((each) => each.Name === argument.Name);
      this.#checkLiteral(argument.Value, definition && this.#expected(definition.Type, definition.DefaultValue));
    }
  }

  /** §5.4.1 Argument Names. */
  #checkArgumentNames(node: Field | Directive, where: string, definitions: readonly ArgumentDefinition[] = []): void {
    const unknown = node.Arguments?.find((argument) => !definitions.some((each) => each.Name === argument.Name));
    if (unknown !== undefined) throw this.#refusal(`Unknown argument "${unknown.Name}" on ${where}.`, node);
  }

  /** §5.4.2.1 Required Arguments. */
  #checkRequiredArguments(
    node: Field | Directive,
    what: string,
    definitions: readonly ArgumentDefinition[] = [],
  ): void {
    const missing = definitions.find(
      (each) =>
        each.Type.NonNull &&
        each.DefaultValue === undefined &&
        !node.Arguments?.some((argument) => argument.Name === each.Name),
    );
    if (missing !== undefined)
      throw this.#refusal(
        `${what} argument "${missing.Name}" of type "${typeToText(missing.Type)}" is required, but it was not provided.`,
        node,
      );
  }

  /** §5.4.2 Argument Uniqueness. */
  #checkArgumentUniqueness(args: readonly Argument[] = []): void {
    const seen = new Set<string>();
    for (const argument of args) {
      if (seen.has(argument.Name))
        throw this.#refusal(`There can be only one argument named "${argument.Name}".`, argument);
      seen.add(argument.Name);
    }
  }

  #checkLiteral(literal: Literal, expected: Expected | undefined): void {
    this.#context.spend(1);
    const variable = this.#variableOf(literal);
    if (variable !== undefined) this.#usedVariables.add(variable);
    for (const child of literal.Children ?? [])
      this.#checkLiteral(child.Value, expected && this.#expectedInside(literal, child.Name, expected));
    // §5.8.3 All Variable Uses Defined
    if (literal.Kind === LITERAL_KIND.variable && this.#operation !== undefined && variable === undefined) {
      const where = this.#operation.Name === "" ? "" : ` by operation "${this.#operation.Name}"`;
      throw this.#refusal(`Variable "$${literal.Raw}" is not defined${where}.`, literal);
    }
    checkFieldUniqueness(this.#context, literal);
    if (expected === undefined) return;
    checkLiteralType(this.#context, literal, expected);
    if (variable !== undefined) checkVariablePosition(this.#context, literal, expected, variable);
    if (expected.definition !== undefined)
      checkOneOfVariables(this.#context, literal, expected.definition, (child) => this.#variableOf(child.Value));
  }

  /** The variable that a literal is, in the operation at hand. */
  #variableOf(literal: Literal): VariableDefinition | undefined {
    if (literal.Kind !== LITERAL_KIND.variable || this.#operation === undefined) return undefined;
    return this.#variableByName.get(literal.Raw);
  }

  #expected(type: ArgumentDefinition["Type"], defaultValue: Literal | undefined): Expected {
    return {
      type,
      definition: this.#schema.typeByName.get(namedTypeOf(type)),
      hasDefault: defaultValue !== undefined && defaultValue.Kind !== LITERAL_KIND.null,
    };
  }

  /** What is wanted of a field of an object, or with an empty name of an element of a list. */
  #expectedInside(literal: Literal, name: string, expected: Expected): Expected | undefined {
    if (literal.Kind === LITERAL_KIND.list)
      return expected.type.Elem && { ...expected, type: expected.type.Elem, hasDefault: false };
    const field = expected.definition?.fieldByName.get(name);
    return field && this.#expected(field.Type, field.DefaultValue);
  }

  /** §5.5.1.2 Fragment Spread Type Existence, and of variables. */
  #typeNamed(name: string, node: VariableDefinition | InlineFragment | Fragment): SchemaType {
    const type = this.#schema.typeByName.get(name);
    if (type === undefined) throw this.#refusal(`Unknown type "${name}".`, node);
    return type;
  }

  #refusal(message: string, node: object): GraphqlRefusal {
    return this.#context.refusal(message, node);
  }
}
