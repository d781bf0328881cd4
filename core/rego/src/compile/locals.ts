import type { Local, ResolvedBody, ResolvedExpression, ResolvedStatement, ResolvedTerm } from "./resolved.ts";

/** The locals of a term that belong to the bodies around it: what must be bound before it can be evaluated. */
export function freeLocals(term: ResolvedTerm, found: Set<Local> = new Set()): Set<Local> {
  switch (term.type) {
    case "constant":
      return found;
    case "local":
      return found.add(term.local);
    case "reference":
      if (typeof term.base !== "string") freeLocals(term.base, found);
      return addTerms(term.path, found);
    case "array":
    case "set":
      return addTerms(term.items, found);
    case "object":
      for (const entry of term.entries) addTerms(entry, found);
      return found;
    case "call":
      return addTerms(term.args, found);
    case "comprehension": {
      const inner = addTerms(term.key === undefined ? [term.value] : [term.key, term.value], localsOfBody(term.body));
      return addOthers(inner, term.owner, found);
    }
  }
}

export function freeLocalsOfStatement({ what, with: overrides }: ResolvedStatement): Set<Local> {
  const found = freeLocalsOfExpression(what);
  for (const { value } of overrides) if ("location" in value) freeLocals(value, found);
  return found;
}

function freeLocalsOfExpression(what: ResolvedExpression): Set<Local> {
  switch (what.type) {
    case "term":
      return freeLocals(what.term);
    case "unify":
      return addTerms([what.left, what.right], new Set());
    case "result":
      return addTerms([what.call, what.of], new Set());
    case "some-in":
      return addTerms([...(what.key === undefined ? [] : [what.key]), what.value, what.domain], new Set());
    case "every": {
      const found = addOthers(localsOfBody(what.body), what.owner, new Set());
      found.delete(what.value);
      if (what.key !== undefined) found.delete(what.key);
      return freeLocals(what.domain, found);
    }
    case "print":
      return addTerms(what.args, new Set());
  }
}

function localsOfBody(body: ResolvedBody): Set<Local> {
  const found = new Set<Local>();
  for (const statement of body) for (const local of freeLocalsOfStatement(statement)) found.add(local);
  return found;
}

function addTerms(terms: readonly ResolvedTerm[], found: Set<Local>): Set<Local> {
  for (const term of terms) freeLocals(term, found);
  return found;
}

function addOthers(locals: Set<Local>, owner: object, found: Set<Local>): Set<Local> {
  for (const local of locals) if (local.owner !== owner) found.add(local);
  return found;
}
