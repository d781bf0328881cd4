import type { Location } from "../syntax/ast.ts";
import type { Local } from "./resolved.ts";

/** How a name came to be a local; OPA's messages tell the ways apart. */
type Origin = "declared" | "assigned" | "argument" | "used";

interface Entry {
  readonly local: Local;
  readonly origin: Origin;
  /** Index of the statement from which on the name means this local. */
  readonly from: number;
  isUsed: boolean;
}

/** The locals of one body (or of a rule's arguments), inside those of the bodies around it. */
export class Scope {
  readonly #parent: Scope | undefined;
  readonly #entryByName = new Map<string, Entry>();
  /** The statement being resolved. */
  position = 0;

  constructor(parent: Scope | undefined) {
    this.#parent = parent;
  }

  /** Declares a name for this body; a message when OPA refuses that. */
  declare(
    name: string,
    location: Location,
    origin: "declared" | "assigned" | "argument",
    from: number,
  ): string | undefined {
    const there = this.#entryByName.get(name);
    if (there !== undefined) {
      if (there.origin === "argument" && origin === "argument") return undefined;
      if (there.origin === "used") return `var ${name} referenced above`;
      return there.origin === "argument" ? `arg ${name} redeclared` : `var ${name} ${there.origin} above`;
    }
    this.#entryByName.set(name, {
      local: { name, location, isWildcard: false, owner: this },
      origin,
      from,
      isUsed: false,
    });
    return undefined;
  }

  /** A variable that nothing declares belongs to the outermost body that it is written in. */
  use(name: string, location: Location): void {
    if (!this.#entryByName.has(name))
      this.#entryByName.set(name, {
        local: { name, location, isWildcard: false, owner: this },
        origin: "used",
        from: 0,
        isUsed: true,
      });
  }

  hasOwn(name: string): boolean {
    return this.#entryByName.has(name);
  }

  /** The local that a name means at this position; undefined when it is none. */
  find(name: string): Local | undefined {
    const entry = this.#entryByName.get(name);
    if (entry === undefined || entry.from > this.position) return this.#parent?.find(name);
    entry.isUsed = true;
    return entry.local;
  }

  /** Declared with `some` and never mentioned again. */
  unused(): readonly Local[] {
    return Array.from(this.#entryByName.values())
      .filter(({ origin, isUsed }) => origin === "declared" && !isUsed)
      .map(({ local }) => local);
  }
}
