import { compareTypes, isAny, type Known, membersOf } from "./type-operations.ts";
import type { FunctionSignature, ObjectType } from "./types.ts";
import { valueToText } from "./values/print.ts";
import type { Value } from "./values/value.ts";

/** Beyond this, a line says of nested types only of what kind they are. */
const LINE_LENGTH_MAX = 80;

/** Levels of nesting that a long line still shows. */
const ELIDED_DEPTH = 1;

/** Renders lines side by side: in full when they fit, else all of them shortened alike. */
export function renderLines<T>(items: readonly T[], render: (item: T, depth: number) => string): readonly string[] {
  const full = items.map((item) => render(item, Number.POSITIVE_INFINITY));
  if (full.every(({ length }) => length <= LINE_LENGTH_MAX)) return full;
  return items.map((item) => render(item, ELIDED_DEPTH));
}

/** As OPA writes it: `array<string>[any]`, `object<a: number>`, `???` for what is not known. */
export function typeToText(type: Known, depth: number = Number.POSITIVE_INFINITY): string {
  if (type === undefined) return "???";
  switch (type.type) {
    case "any":
      if (isAny(type)) return "any";
      return `any<${
        depth <= 0
          ? "..."
          : membersOf(type)
              .toSorted(compareTypes)
              .map((member) => typeToText(member, depth - 1))
              .join(", ")
      }>`;
    case "array":
      return `array${staticText(
        (type.static ?? []).map((item) => typeToText(item, depth - 1)),
        depth,
      )}${type.dynamic === undefined ? "" : `[${depth <= 0 ? "..." : typeToText(type.dynamic, depth - 1)}]`}`;
    case "set":
      if (type.of === undefined) return "set";
      return `set[${depth <= 0 ? "..." : typeToText(type.of, depth - 1)}]`;
    case "object":
      return objectToText(type, depth);
    case "function":
      return `${argumentsToText(type.args, type.variadic, depth)} => ${typeToText(type.result, depth - 1)}`;
    default:
      return type.type;
  }
}

function objectToText({ static: properties = [], dynamic }: ObjectType, depth: number): string {
  const texts =
    depth <= 0
      ? properties.map(() => "")
      : properties.map(({ key, value }) => `${keyToText(key)}: ${typeToText(value, depth - 1)}`);
  const rest =
    dynamic && (depth <= 0 ? "..." : `${typeToText(dynamic.key, depth - 1)}: ${typeToText(dynamic.value, depth - 1)}`);
  return `object${staticText(texts, depth)}${rest === undefined ? "" : `[${rest}]`}`;
}

function staticText(texts: readonly string[], depth: number): string {
  if (texts.length === 0) return "";
  return `<${depth <= 0 ? "..." : texts.join(", ")}>`;
}

function keyToText(key: Value): string {
  return typeof key === "string" ? key : valueToText(key);
}

export function argumentsToText(
  args: readonly Known[],
  variadic: Known,
  depth: number = Number.POSITIVE_INFINITY,
): string {
  const texts = args.map((arg) => typeToText(arg, depth));
  return `(${[...texts, ...(variadic === undefined ? [] : [`${typeToText(variadic, depth)}...`])].join(", ")})`;
}

/** What a call may have in brackets: the operands, and the result as a last one. */
export function signatureToText({ args, result, variadic }: FunctionSignature, depth?: number): string {
  return argumentsToText(result === undefined ? args : [...args, result], variadic, depth);
}
