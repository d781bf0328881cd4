import { isJsonObject, type Json, type JsonObject, parseBase64 } from "@vedette/base";

interface Fault {
  at: string | undefined;
}

/**
 * Reads the members of a JSON object with a closed schema. The first fault is remembered (`faultAt`: a path such as
 * `policyKeys[0].spki`) and later reads yield empty values; a member that nobody asked for is a fault.
 */
export class MemberReader {
  readonly #members: JsonObject;
  readonly #path: string;
  readonly #fault: Fault;
  readonly #read: Set<string> = new Set();

  constructor(value: unknown, path = "", fault: Fault = { at: undefined }) {
    this.#members = isJsonObject(value) ? value : {};
    this.#path = path;
    this.#fault = fault;
    if (!isJsonObject(value)) this.fail("");
  }

  get faultAt(): string | undefined {
    return this.#fault.at;
  }
  fail(name: string): void {
    this.#fault.at ??= this.#pathOf(name);
  }
  has(name: string): boolean {
    return Object.hasOwn(this.#members, name);
  }
  /** A member that nobody asked for is a fault. */
  finish(): void {
    for (const name of Object.keys(this.#members)) if (!this.#read.has(name)) this.fail(name);
  }

  /** A string that `parse` accepts. */
  text<T>(name: string, parse: (text: string) => T | undefined): T | undefined {
    const value = this.#take(name);
    const parsed = typeof value === "string" ? parse(value) : undefined;
    if (parsed === undefined) this.fail(name);
    return parsed;
  }
  /** An integer that a double carries exactly, from zero up. */
  count(name: string): number {
    const value = this.#take(name);
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    this.fail(name);
    return 0;
  }
  boolean(name: string): boolean {
    const value = this.#take(name);
    if (typeof value !== "boolean") this.fail(name);
    return value === true;
  }
  /** Base64 (RFC 4648 §4). */
  bytes(name: string): Uint8Array {
    return this.text(name, parseBytes) ?? new Uint8Array(0);
  }
  bytesList(name: string, countMax: number): readonly Uint8Array[] {
    return this.texts(name, countMax, parseBytes);
  }
  /** An array of strings, each accepted by `parse`. */
  texts<T>(name: string, countMax: number, parse: (text: string) => T | undefined): readonly T[] {
    const items: T[] = [];
    for (const [index, value] of this.#items(name, countMax).entries()) {
      const parsed = typeof value === "string" ? parse(value) : undefined;
      if (parsed === undefined) this.fail(`${name}[${index}]`);
      else items.push(parsed);
    }
    return items;
  }
  /** An array of objects, each closed after `read`. */
  objects<T>(name: string, countMax: number, read: (members: MemberReader) => T): readonly T[] {
    return this.#items(name, countMax).map((value, index) => this.#within(value, `${name}[${index}]`, read));
  }
  object<T>(name: string, read: (members: MemberReader) => T): T {
    return this.#within(this.#take(name), name, read);
  }
  /** An object whose member names are data. */
  map<T>(name: string, countMax: number, read: (members: MemberReader, key: string) => T): ReadonlyMap<string, T> {
    return this.object(name, (members) => {
      const keys = Object.keys(members.#members);
      if (keys.length > countMax) this.fail(name);
      return new Map(keys.slice(0, countMax).map((key) => [key, read(members, key)]));
    });
  }

  #within<T>(value: unknown, name: string, read: (members: MemberReader) => T): T {
    const members = new MemberReader(value, this.#pathOf(name), this.#fault);
    const result = read(members);
    members.finish();
    return result;
  }
  #items(name: string, countMax: number): readonly Json[] {
    const value = this.#take(name);
    if (Array.isArray(value) && value.length <= countMax) return value;
    this.fail(name);
    return [];
  }
  #take(name: string): Json | undefined {
    this.#read.add(name);
    return this.has(name) ? this.#members[name] : undefined;
  }
  #pathOf(name: string): string {
    return this.#path === "" || name === "" ? this.#path + name : `${this.#path}.${name}`;
  }
}

function parseBytes(text: string): Uint8Array | undefined {
  const bytes = parseBase64(text);
  return bytes.ok ? bytes.value : undefined;
}
