import type { Location } from "../syntax/ast.ts";
import type { Local } from "./resolved.ts";

interface Entry {
  readonly local: Local;
  /** Index of the statement from which on the name means this local. */
  readonly from: number;
  /** Something says that it is a variable; else that is so because it is nothing else. */
  readonly isDeclared: boolean;
}

/** The locals of one body (or of a rule's arguments), inside those of the bodies around it. */
export class Scope {
  readonly #parent: Scope | undefined;
  readonly #entryByName = new Map<string, Entry>();
  readonly #left = new Set<string>();
  /** The statement being resolved. */
  position = 0;

  constructor(parent: Scope | undefined) {
    this.#parent = parent;
  }

  /** Declares a name for this body. A first declaration stays: that there is one only has been checked. */
  declare(name: string, location: Location, from: number): void {
    this.#add(name, location, { from, isDeclared: true });
  }

  /** A variable that nothing declares belongs to the outermost body that it is written in. */
  use(name: string, location: Location): void {
    this.#add(name, location, { from: 0, isDeclared: false });
  }

  #add(name: string, location: Location, how: Omit<Entry, "local">): void {
    if (this.#entryByName.has(name)) return;
    this.#entryByName.set(name, { local: { name, location, isWildcard: false, owner: this }, ...how });
  }

  /** Says that a name is that of a variable, but of which body is for the bodies inside to say. */
  leave(name: string): void {
    this.#left.add(name);
  }

  hasOwn(name: string): boolean {
    return this.#entryByName.has(name);
  }

  /** The local that a name means at this position; undefined when it is none. */
  find(name: string): Local | undefined {
    const entry = this.#entryByName.get(name);
    return entry === undefined || entry.from > this.position ? this.#parent?.find(name) : entry.local;
  }

  /** Whether something declares the name, be it further down in one of the bodies around. */
  isDeclared(name: string): boolean {
    const isOwn = this.#entryByName.get(name)?.isDeclared === true || this.#left.has(name);
    return isOwn || (this.#parent?.isDeclared(name) ?? false);
  }
}
