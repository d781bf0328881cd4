import fc from "fast-check";

/** Expressions of Rego by the type of their values: what every OPA since 0.40 understands. */
type Expressions = {
  readonly any: string;
  readonly number: string;
  readonly integer: string;
  readonly text: string;
  readonly truth: string;
  readonly array: string;
  readonly set: string;
  readonly object: string;
};

/**
 * Written as both write them: OPA carries a literal's notation along (`2.50`, `1e3`, `-0`), for us a number is its value.
 * OPA 0.47 counted in floating point where it counts exactly today, and knew `-0`: what is added up here is small, and
 * nothing is multiplied by zero. Types that can never be equal are not compared: only newer ones call that an error.
 */
const SMALL = ["1", "2", "3", "7", "10", "255", "-1", "-2", "-10"];
const LARGE = ["0", "1000000", "9007199254740993", "-9007199254740993", "123456789012345678901234567890"];
const FRACTIONS = ["0.1", "0.2", "1.5", "-2.25", "0.30000000000000004", "1234.5678"];
const TEXTS = ["", "a", "b", "ab", "A", "é", "ﬀ", "😀", "a b", "10", "01", "\n", '"', "z,a,m", "__proto__"];

const quoted = fc.constantFrom(...TEXTS).map((text) => JSON.stringify(text));

function call(name: string, ...operands: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc.tuple(...operands).map((texts) => `${name}(${texts.join(", ")})`);
}

function infix(operators: readonly string[], left: fc.Arbitrary<string>, right = left): fc.Arbitrary<string> {
  return fc.tuple(left, fc.constantFrom(...operators), right).map(([a, operator, b]) => `(${a} ${operator} ${b})`);
}

function list(item: fc.Arbitrary<string>, open: string, close: string): fc.Arbitrary<string> {
  return fc
    .array(item, { minLength: open === "{" ? 1 : 0, maxLength: 4 })
    .map((items) => `${open}${items.join(", ")}${close}`);
}

/** Of one kind, so that no type checker objects; `any` holds all kinds. */
export const arbitraryExpression: fc.Arbitrary<string> = fc.letrec<Expressions>((tie) => {
  const [any, number, integer, text] = [tie("any"), tie("number"), tie("integer"), tie("text")];
  const [truth, array, set, object] = [tie("truth"), tie("array"), tie("set"), tie("object")];
  const collection = fc.oneof(array, set);
  const depth = { maxDepth: 4, depthSize: "small" } as const;
  const small = fc.constantFrom(...SMALL);
  const literal = fc.constantFrom(...SMALL, ...LARGE);
  const fraction = fc.constantFrom(...FRACTIONS);
  const members = fc
    .uniqueArray(fc.tuple(fc.oneof(quoted, fc.constantFrom("1", "null", "true", "[1]", "2.5")), any), {
      maxLength: 3,
      selector: ([key]) => key,
    })
    .map((pairs) => `{${pairs.map(([key, value]) => `${key}: ${value}`).join(", ")}}`);
  return {
    any: fc.oneof(
      depth,
      quoted,
      literal,
      fc.constantFrom("null", "true", "false"),
      number,
      text,
      truth,
      array,
      set,
      object,
    ),
    integer: fc.oneof(
      depth,
      literal,
      infix(["+", "-", "*"], integer),
      call("count", fc.oneof(array, set, object, text)),
      call("round", number),
      call("floor", number),
      call("ceil", number),
      call("bits.and", small, small),
      call("bits.xor", small, small),
      call("indexof", text, quoted),
    ),
    number: fc.oneof(
      depth,
      literal,
      fraction,
      infix(["+", "-", "*", "/"], fc.oneof(small, fraction)),
      infix(["%"], small),
      call("abs", fc.oneof(small, fraction)),
      call("sum", list(fc.oneof(small, fraction), "[", "]")),
      call("product", list(fc.constantFrom("1", "2", "3", "-1", "-2"), "[", "]")),
      call("max", list(number, "[", "]")),
      call("min", list(number, "{", "}")),
      call("to_number", fc.constantFrom('"1"', '"1.5"', '"-7"', "true", "null", '"x"', '"0x1"')),
      call("units.parse_bytes", fc.constantFrom('"1K"', '"1.5Gi"', '"12"', '"2mb"')),
    ),
    text: fc.oneof(
      depth,
      quoted,
      call("concat", quoted, list(text, "[", "]")),
      fc
        .array(
          fc.oneof(
            fc.tuple(fc.constant("%v"), any),
            fc.tuple(fc.constantFrom("%s", "%5s"), text),
            fc.tuple(fc.constantFrom("%d", "%5d", "%-4d|", "%05d", "%x", "%o", "%b"), small),
            fc.tuple(fc.constantFrom("%.2f", "%8.3f", "%e", "%g"), fraction),
          ),
          { maxLength: 3 },
        )
        .map((parts) => {
          const [verbs, operands] = [parts.map(([verb]) => verb), parts.map(([, operand]) => operand)];
          return `sprintf("${verbs.join(" ")}%%", [${operands.join(", ")}])`;
        }),
      call("format_int", fc.oneof(small, fraction), fc.constantFrom("2", "8", "10", "16")),
      call("lower", text),
      call("upper", text),
      call("replace", text, quoted, quoted),
      call("substring", text, fc.constantFrom("0", "1", "2"), fc.constantFrom("-1", "0", "1", "3")),
      call("trim", text, quoted),
      call("trim_space", text),
      call("strings.reverse", text),
      call("json.marshal", any),
      call("base64.encode", text),
      call("urlquery.encode", text),
    ),
    truth: fc.oneof(
      depth,
      fc.constantFrom("true", "false"),
      infix(["<", "<=", ">", ">="], any),
      infix(["==", "!="], number),
      infix(["==", "!="], text),
      infix(["in"], number, list(number, "[", "]")),
      infix(["in"], text, list(text, "{", "}")),
      call("startswith", text, quoted),
      call("contains", text, quoted),
      call("is_number", any),
      call("is_set", any),
    ),
    array: fc.oneof(
      depth,
      list(any, "[", "]"),
      call("sort", collection),
      call("array.concat", array, array),
      call("array.slice", array, fc.constantFrom("0", "1", "-1"), fc.constantFrom("0", "2", "9")),
      call("array.reverse", array),
      call("split", text, quoted),
      call("numbers.range", fc.constantFrom("0", "3", "-2"), fc.constantFrom("0", "3", "-2")),
      // A set by itself: OPA 0.47 loops over one with computed members in the order in which they were written.
      fc
        .oneof(
          array,
          set.map((items) => `sort(${items})`),
        )
        .map((items) => `[each | each := ${items}[_]]`),
      object.map((items) => `[[key, value] | some key, value in ${items}]`),
      array.map((items) => `[kind | kind := type_name(${items}[_])]`),
    ),
    set: fc.oneof(
      depth,
      list(any, "{", "}"),
      fc.constant("set()"),
      infix(["|", "&", "-"], set),
      collection.map((items) => `{each | each := ${items}[_]}`),
      object.map((items) => `{key | ${items}[key]}`),
    ),
    object: fc.oneof(
      depth,
      members,
      call("object.union", object, object),
      call("object.remove", object, list(fc.oneof(quoted, literal), "[", "]")),
      array.map((items) => `{index: each | each := ${items}[index]}`),
    ),
  };
}).any;
