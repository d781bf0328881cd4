import type { Value } from "../values/value.ts";

/** One element of a template (Go's `text/template`). */
export type TemplateNode =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "action"; readonly pipeline: Pipeline }
  | {
      readonly type: "if" | "with" | "range";
      readonly pipeline: Pipeline;
      readonly body: Body;
      readonly otherwise: Body;
    }
  | { readonly type: "template"; readonly name: string; readonly pipeline: Pipeline | undefined }
  | { readonly type: "break" | "continue" };

export type Body = readonly TemplateNode[];

/** `$x := command | command`: each command gets the result of the one before as its last argument. */
export interface Pipeline {
  /** One variable; two in `range $i, $x := …`. */
  readonly variables: readonly string[];
  readonly isAssignment: boolean;
  readonly commands: readonly Command[];
}

/** An operand alone, or a function with its arguments. */
export type Command = readonly Operand[];

export type Operand =
  | { readonly type: "constant"; readonly value: Value }
  | { readonly type: "function"; readonly name: string }
  | { readonly type: "dot" | "nil" }
  /** Members below the dot, a variable or the result of a pipeline. */
  | { readonly type: "field"; readonly of: FieldBase; readonly names: readonly string[] };

export type FieldBase =
  | { readonly type: "dot" }
  | { readonly type: "variable"; readonly name: string }
  | { readonly type: "pipeline"; readonly pipeline: Pipeline };

export interface Template {
  readonly main: Body;
  /** By the name that `define` or `block` gave them. */
  readonly bodyByName: ReadonlyMap<string, Body>;
}

/** What is wrong with a template, or with what it was asked to do. */
export class TemplateFault extends Error {}
