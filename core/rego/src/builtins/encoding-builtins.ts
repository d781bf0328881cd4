import { base64, base64url, hex } from "@vedette/base";
import { ANY, anyOf, arrayOf, BOOLEAN, functionOf, objectOf, STRING, setOf, type Type } from "../types.ts";
import { parseJson, valueToJson } from "../values/json.ts";
import { quote, valueToText } from "../values/print.ts";
import { kindOf, memberOf, ObjectBuilder, type ObjectValue, sortedKeysOf, type Value } from "../values/value.ts";
import { base64Message, readBase64, readBase64url } from "./base64-text.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, type BuiltinResult, failure } from "./builtin.ts";
import { elementsOf, operandMeaningFailure, taking } from "./operands.ts";
import { bytesToText, textToBytes } from "./text-bytes.ts";
import { decodeQuery, decodeQueryPart, encodeQuery, encodeQueryPart } from "./url-query.ts";
import { parseYaml } from "./yaml.ts";
import { valueToYaml } from "./yaml-print.ts";

const STRINGS = arrayOf(STRING);
const MARSHAL_OPTIONS: Type = {
  type: "object",
  static: [
    { key: "indent", value: STRING },
    { key: "prefix", value: STRING },
    { key: "pretty", value: BOOLEAN },
  ],
  dynamic: { key: STRING, value: ANY },
};

/** Reading YAML takes up to two microseconds for each character. */
const YAML_STEPS = 8;

/** OPA policy reference, "Encoding". */
export const ENCODING_BUILTINS: readonly Builtin[] = [
  ...textBuiltins({
    "base64.encode": (text) => base64(textToBytes(text)),
    "base64.decode": (text) => decodeBase64(text),
    "base64url.encode": (text) => padBase64(base64url(textToBytes(text))),
    "base64url.encode_no_pad": (text) => base64url(textToBytes(text)),
    "base64url.decode": (text) => {
      const bytes = readBase64url(text);
      return bytes.ok ? bytesToText(bytes.value) : failure(bytes.error);
    },
    "hex.encode": (text) => hex(textToBytes(text)),
    "hex.decode": decodeHex,
    "urlquery.encode": encodeQueryPart,
    "urlquery.decode": decodeQueryPart,
  }),
  {
    name: "base64.is_valid",
    type: functionOf([STRING], BOOLEAN),
    run: isValid((text) => readBase64(text, "standard").ok),
  },
  {
    name: "urlquery.encode_object",
    type: functionOf([objectOf(STRING, anyOf(STRING, STRINGS, setOf(STRING)))], STRING),
    run: taking(["object"], encodeQueryObject),
  },
  {
    name: "urlquery.decode_object",
    type: functionOf([STRING], objectOf(STRING, STRINGS)),
    run: taking(["string"], (_, text) => {
      const valuesByKey = decodeQuery(text);
      return valuesByKey instanceof BuiltinFailure ? valuesByKey : ObjectBuilder.from(valuesByKey);
    }),
  },
  {
    name: "json.marshal",
    type: functionOf([ANY], STRING),
    run: taking(["any"], (context, value) => valueToJson(value, { spend: (steps) => context.spend(steps) })),
  },
  {
    name: "json.marshal_with_options",
    type: functionOf([ANY, MARSHAL_OPTIONS], STRING),
    run: taking(["any", "object"], marshalWithOptions),
  },
  {
    name: "json.unmarshal",
    type: functionOf([STRING], ANY),
    run: taking(["string"], (context, text) => {
      context.spend(text.length >>> 2);
      const parsed = parseJson(text);
      return parsed.ok ? parsed.value : failure(parsed.error.message);
    }),
  },
  {
    name: "json.is_valid",
    type: functionOf([STRING], BOOLEAN),
    run: isValid((text) => parseJson(text).ok),
  },
  {
    name: "yaml.marshal",
    type: functionOf([ANY], STRING),
    run: taking(["any"], (context, value) => valueToYaml(value, { spend: (steps) => context.spend(steps) })),
  },
  {
    name: "yaml.unmarshal",
    type: functionOf([STRING], ANY),
    run: taking(["string"], (context, text) => {
      context.spend(text.length * YAML_STEPS);
      const parsed = parseYaml(text);
      return parsed.ok ? parsed.value : failure(parsed.error.message);
    }),
  },
  {
    name: "yaml.is_valid",
    type: functionOf([STRING], BOOLEAN),
    run: isValid((text) => parseYaml(text).ok, YAML_STEPS),
  },
];

function textBuiltins(functions: Readonly<Record<string, (text: string) => string | BuiltinFailure>>): Builtin[] {
  return Object.entries(functions).map(([name, run]) => ({
    name,
    type: functionOf([STRING], STRING),
    run: taking(["string"], (context, text) => {
      context.spend(text.length >>> 2);
      return run(text);
    }),
  }));
}

/** What is no string is not valid, rather than an operand of the wrong type. */
function isValid(check: (text: string) => boolean, stepsOfUnit = 0.25): Builtin["run"] {
  return (context, operand) => {
    if (typeof operand !== "string") return false;
    context.spend(Math.ceil(operand.length * stepsOfUnit));
    return check(operand);
  };
}

function padBase64(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

function decodeBase64(text: string): string | BuiltinFailure {
  const bytes = readBase64(text, "standard");
  return bytes.ok ? bytesToText(bytes.value) : failure(base64Message(bytes.error));
}

function decodeHex(text: string): string | BuiltinFailure {
  const invalid = /[^0-9A-Fa-f]/u.exec(text)?.[0];
  if (invalid !== undefined) return failure(`encoding/hex: invalid byte: ${invalidByte(invalid)}`);
  if (text.length % 2 !== 0) return failure("encoding/hex: odd length hex string");
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytesToText(bytes);
}

/** Go names the first byte of the character, as the character of that number. */
function invalidByte(character: string): string {
  const byte = textToBytes(character)[0] as number;
  return `U+${byte.toString(16).toUpperCase().padStart(4, "0")} '${String.fromCharCode(byte)}'`;
}

function encodeQueryObject(context: BuiltinContext, object: ObjectValue): BuiltinResult {
  const valuesByKey = new Map<string, readonly string[]>();
  for (const key of sortedKeysOf(object)) {
    const value = memberOf(object, key) as Value;
    const values = typeof value === "string" ? [value] : elementsOf(value);
    if (values === undefined || !isStrings(values))
      return operandMeaningFailure(1, "values must be string, array[string], or set[string]");
    for (const text of values) context.spend(1 + (text.length >>> 2));
    valuesByKey.set(typeof key === "string" ? key : valueToJson(key), values);
  }
  return encodeQuery(valuesByKey);
}

function isStrings(values: readonly Value[]): values is readonly string[] {
  return values.every((value) => typeof value === "string");
}

/** Without an indent, pretty printing indents by a tab. Prefix and indent imply pretty printing. */
function marshalWithOptions(context: BuiltinContext, value: Value, options: ObjectValue): BuiltinResult {
  const layout = { prefix: "", indent: "\t" };
  let isPretty: boolean | undefined;
  let hasLayout = false;
  for (const [position, key] of sortedKeysOf(options).entries()) {
    const option = memberOf(options, key) as Value;
    if (key === "prefix" || key === "indent") {
      if (typeof option !== "string") return optionFailure(`key "${key}" failed cast to string`, position, option);
      layout[key] = option;
      hasLayout = true;
    } else if (key === "pretty") {
      if (typeof option !== "boolean") return operandMeaningFailure(2, 'key "pretty" failed cast to bool');
      isPretty = option;
    } else if (typeof key === "string") return operandMeaningFailure(2, `object contained unknown key ${quote(key)}`);
    else return optionFailure(`failed to stringify key ${valueToText(key)} at index ${position}`, position, key);
  }
  const limits = { spend: (steps: number) => context.spend(steps) };
  if (!(isPretty ?? hasLayout)) return valueToJson(value, limits);
  return layout.prefix + valueToJson(value, { ...layout, ...limits });
}

function optionFailure(what: string, position: number, actual: Value): BuiltinFailure {
  return operandMeaningFailure(2, `${what}: operand ${position} must be string but got ${kindOf(actual)}`);
}
