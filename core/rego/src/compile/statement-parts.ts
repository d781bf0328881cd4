import type { Local, ResolvedBody, ResolvedComprehension, ResolvedStatement, ResolvedTerm } from "./resolved.ts";

export function termsOf(what: ResolvedStatement["what"]): readonly ResolvedTerm[] {
  switch (what.type) {
    case "term":
      return [what.term];
    case "unify":
      return [what.left, what.right];
    case "result":
      return [what.call, what.of];
    case "some-in":
      return [...(what.key === undefined ? [] : [what.key]), what.value, what.domain];
    case "every":
      return [what.domain];
    case "print":
      return what.args;
  }
}

/** The comprehensions of a term, without those in their bodies. */
export function comprehensionsIn(term: ResolvedTerm): readonly ResolvedComprehension[] {
  switch (term.type) {
    case "comprehension":
      return [term];
    case "array":
    case "set":
      return term.items.flatMap(comprehensionsIn);
    case "object":
      return term.entries.flatMap((entry) => entry.flatMap(comprehensionsIn));
    case "reference":
      return term.path.flatMap(comprehensionsIn);
    case "call":
      return term.args.flatMap(comprehensionsIn);
    default:
      return [];
  }
}

/** The locals that a statement itself mentions, without the bodies inside it. */
export function addLocals({ what, with: overrides }: ResolvedStatement, found: Set<Local>): void {
  switch (what.type) {
    case "term":
      addLocalsOfTerm(what.term, found);
      break;
    case "unify":
      addLocalsOfTerm(what.left, found);
      addLocalsOfTerm(what.right, found);
      break;
    case "result":
      addLocalsOfTerm(what.call, found);
      addLocalsOfTerm(what.of, found);
      break;
    case "every":
      addLocalsOfTerm(what.domain, found);
      break;
    case "print":
      for (const arg of what.args) addLocalsOfTerm(arg, found);
      break;
    case "some-in":
      break;
  }
  for (const { value } of overrides) if ("location" in value) addLocalsOfTerm(value, found);
}

export function localsOfTerm(term: ResolvedTerm): ReadonlySet<Local> {
  const found = new Set<Local>();
  addLocalsOfTerm(term, found);
  return found;
}

export function addLocalsOfTerm(term: ResolvedTerm, found: Set<Local>): void {
  switch (term.type) {
    case "local":
      found.add(term.local);
      return;
    case "reference":
      if (typeof term.base !== "string") addLocalsOfTerm(term.base, found);
      for (const key of term.path) addLocalsOfTerm(key, found);
      return;
    case "array":
    case "set":
      for (const item of term.items) addLocalsOfTerm(item, found);
      return;
    case "object":
      for (const entry of term.entries) for (const item of entry) addLocalsOfTerm(item, found);
      return;
    case "call":
      for (const arg of term.args) addLocalsOfTerm(arg, found);
      return;
    default:
  }
}

/** The locals that the bodies inside a statement mention. */
export function localsInClosures(statement: ResolvedStatement): ReadonlySet<Local> {
  const found = new Set<Local>();
  for (const body of innerBodies(statement)) for (const inner of body.statements) addAllLocals(inner, found);
  for (const body of innerBodies(statement)) for (const head of body.heads) addAllLocalsOfTerm(head, found);
  return found;
}

interface InnerBody {
  readonly statements: ResolvedBody;
  readonly heads: readonly ResolvedTerm[];
}

function innerBody({ key, value, body }: ResolvedComprehension): InnerBody {
  return { statements: body, heads: key === undefined ? [value] : [key, value] };
}

function innerBodies({ what }: ResolvedStatement): readonly InnerBody[] {
  if (what.type === "every") return [{ statements: what.body, heads: [] }];
  return termsOf(what).flatMap(comprehensionsIn).map(innerBody);
}

function addAllLocals(statement: ResolvedStatement, found: Set<Local>): void {
  addLocals(statement, found);
  if (statement.what.type === "every") {
    found.add(statement.what.value);
    if (statement.what.key !== undefined) found.add(statement.what.key);
  }
  for (const { statements, heads } of innerBodies(statement)) {
    for (const inner of statements) addAllLocals(inner, found);
    for (const head of heads) addAllLocalsOfTerm(head, found);
  }
}

function addAllLocalsOfTerm(term: ResolvedTerm, found: Set<Local>): void {
  addLocalsOfTerm(term, found);
  for (const { statements, heads } of comprehensionsIn(term).map(innerBody)) {
    for (const inner of statements) addAllLocals(inner, found);
    for (const head of heads) addAllLocalsOfTerm(head, found);
  }
}
