import type { NumberValue } from "../values/value.ts";

/** Where a node begins; rows and columns count from 1, columns in characters (code points). */
export interface Location {
  readonly file: string;
  readonly row: number;
  readonly col: number;
  /** UTF-16 offsets into the text: of the first character, and behind the last. */
  readonly start: number;
  readonly end: number;
}

interface Node {
  readonly location: Location;
}

export interface Module {
  readonly file: string;
  readonly text: string;
  /** The syntax it was read in: 1 is Rego v1, or v0 with `import rego.v1`. */
  readonly regoVersion: 0 | 1;
  readonly package: Package;
  readonly imports: readonly Import[];
  readonly rules: readonly Rule[];
  readonly comments: readonly Comment[];
  readonly annotations: readonly Annotations[];
}

export interface Package extends Node {
  /** Below `data`: `package a.b["c d"]` is `["a", "b", "c d"]`. */
  readonly path: readonly string[];
}

export interface Import extends Node {
  /** `["data", "a", "b"]`, `["input", "x"]`, `["rego", "v1"]`, `["future", "keywords", "in"]`. */
  readonly path: readonly string[];
  readonly alias: string | undefined;
}

export interface Comment extends Node {
  /** Behind the `#`. */
  readonly text: string;
}

/** OPA policy reference, "Metadata". Unknown members are kept in `custom` alone. */
export interface Annotations extends Node {
  readonly scope: "package" | "subpackages" | "document" | "rule";
  readonly title?: string;
  readonly description?: string;
  readonly entrypoint?: boolean;
  readonly organizations?: readonly string[];
  readonly relatedResources?: readonly { readonly ref: string; readonly description?: string }[];
  readonly authors?: readonly { readonly name?: string; readonly email?: string }[];
  readonly schemas?: readonly {
    readonly path: readonly string[];
    readonly schema?: readonly string[];
    readonly definition?: unknown;
  }[];
  readonly compile?: { readonly unknowns?: readonly (readonly string[])[]; readonly maskRule?: readonly string[] };
  readonly labels?: Readonly<Record<string, unknown>>;
  readonly custom?: Readonly<Record<string, unknown>>;
}

export interface Rule extends Node {
  readonly isDefault: boolean;
  readonly head: Head;
  /** Undefined when nothing was written: it holds always. */
  readonly body: Body | undefined;
  readonly otherwise: Else | undefined;
  readonly annotations: readonly Annotations[];
  /** A further body of the rule before it: `p { … } { … }` (v0), `p if { … } { … }`. Its head is the same. */
  readonly isChained: boolean;
}

export interface Head extends Node {
  /** `p`, `p.q`, `p[x].r`: the name, then what follows it. Without the key of a partial set. */
  readonly name: string;
  readonly path: readonly Term[];
  /** Of a function; undefined for any other rule. */
  readonly args: readonly Term[] | undefined;
  /** Of a partial set: `p contains key`. */
  readonly key: Term | undefined;
  readonly value: Term | undefined;
  readonly operator: ":=" | "=" | undefined;
}

export interface Else extends Node {
  readonly value: Term | undefined;
  readonly operator: ":=" | "=" | undefined;
  readonly body: Body | undefined;
  readonly otherwise: Else | undefined;
}

export type Body = readonly Statement[];

export interface Statement extends Node {
  readonly isNegated: boolean;
  readonly what: Expression;
  readonly with: readonly With[];
}

export interface With extends Node {
  /** `input.a.b`, `data.x`, or a function's name. */
  readonly target: ReferenceTerm | VarTerm;
  readonly value: Term;
}

export type Expression =
  /** Holds when the term is defined and not false: references, calls, comparisons, membership. */
  | { readonly type: "term"; readonly term: Term }
  | { readonly type: "unify"; readonly left: Term; readonly right: Term }
  | { readonly type: "assign"; readonly target: Term; readonly value: Term }
  | { readonly type: "some"; readonly vars: readonly VarTerm[] }
  | { readonly type: "some-in"; readonly key: Term | undefined; readonly value: Term; readonly domain: Term }
  | {
      readonly type: "every";
      readonly key: VarTerm | undefined;
      readonly value: VarTerm;
      readonly domain: Term;
      readonly body: Body;
    };

interface NullTerm extends Node {
  readonly type: "null";
}
interface BooleanTerm extends Node {
  readonly type: "boolean";
  readonly value: boolean;
}
export interface NumberTerm extends Node {
  readonly type: "number";
  readonly value: NumberValue;
  /** As it was written. */
  readonly text: string;
}
export interface StringTerm extends Node {
  readonly type: "string";
  readonly value: string;
  /** `quoted`, `raw` (back quotes), or `name` behind a dot in a reference. */
  readonly form: "quoted" | "raw" | "name";
}
export interface VarTerm extends Node {
  readonly type: "var";
  /** `_` is a new variable each time it is written. */
  readonly name: string;
}
export interface ReferenceTerm extends Node {
  readonly type: "reference";
  readonly head: Term;
  /** Never empty. */
  readonly path: readonly Term[];
}
export interface ArrayTerm extends Node {
  readonly type: "array";
  readonly items: readonly Term[];
}
interface SetTerm extends Node {
  readonly type: "set";
  readonly items: readonly Term[];
}
interface ObjectTerm extends Node {
  readonly type: "object";
  readonly entries: readonly (readonly [Term, Term])[];
}
export interface CallTerm extends Node {
  readonly type: "call";
  /** `count`, `io.jwt.decode`, `data.lib.f`; an operator by its builtin's name: `plus`, `internal.member_2`. */
  readonly operator: VarTerm | ReferenceTerm;
  readonly args: readonly Term[];
  /** As it was written, when it was: `+`, `==`, `in`. */
  readonly infix: string | undefined;
}
export interface ComprehensionTerm extends Node {
  readonly type: "comprehension";
  readonly of: "array" | "set" | "object";
  /** Of an object. */
  readonly key: Term | undefined;
  readonly value: Term;
  readonly body: Body;
}
/** `$"… {term} …"`; the text between the terms is a string term. */
export interface TemplateTerm extends Node {
  readonly type: "template";
  readonly form: "quoted" | "raw";
  readonly parts: readonly (string | Term)[];
}

export type Term =
  | NullTerm
  | BooleanTerm
  | NumberTerm
  | StringTerm
  | VarTerm
  | ReferenceTerm
  | ArrayTerm
  | SetTerm
  | ObjectTerm
  | CallTerm
  | ComprehensionTerm
  | TemplateTerm;
