import { parseUtf8 } from "@vedette/base";
import { type DerElement, type DerReader, TAG } from "@vedette/x509";
import type { Value } from "../values/value.ts";
import { oidToValue } from "./x509-oid.ts";

/** One attribute of a distinguished name (RFC 5280 §4.1.2.4). */
export interface NameAttribute {
  readonly type: string;
  readonly value: string;
}

const RELATIVE_NAMES_MAX = 256;

/** The attributes in the order of the name; a fault of the reader for texts of a kind that names do not have. */
export function readName(reader: DerReader): readonly NameAttribute[] {
  return reader.within(TAG.sequence, (names) =>
    names
      .list(RELATIVE_NAMES_MAX, () =>
        names.within(TAG.set, (set) =>
          set.list(RELATIVE_NAMES_MAX, () =>
            set.within(TAG.sequence, (attribute) => {
              const type = attribute.oid();
              const value = readText(attribute.element());
              if (value === undefined) attribute.fail();
              return { type, value: value ?? "" };
            }),
          ),
        ),
      )
      .flat(),
  );
}

const NUMERIC_STRING = 0x12;
const PRINTABLE_STRING = 0x13;
const T61_STRING = 0x14;
const IA5_STRING = 0x16;
const BMP_STRING = 0x1e;

const PATTERN_BY_TAG: ReadonlyMap<number, RegExp> = new Map([
  [NUMERIC_STRING, /^[0-9 ]*$/],
  // With `*` and `&`, which are not of the type and stand in certificates all the same.
  [PRINTABLE_STRING, /^[A-Za-z0-9 '()+,\-./:=?*&]*$/],
  [T61_STRING, /^[\s\S]*$/],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: IA5 has them.
  [IA5_STRING, /^[\x00-\x7f]*$/],
]);

/** The character string in an element (X.690 §8.23); undefined for other types and characters that the type has not. */
export function readText({ tag, contents }: DerElement): string | undefined {
  if (tag === TAG.utf8String) {
    const text = parseUtf8(contents);
    return text.ok ? text.value : undefined;
  }
  if (tag === BMP_STRING) return readUtf16(contents);
  const text = Array.from(contents, (octet) => String.fromCharCode(octet)).join("");
  return PATTERN_BY_TAG.get(tag)?.test(text) ? text : undefined;
}

/** Two octets a character; a closing NUL is left out. */
function readUtf16(contents: Uint8Array): string | undefined {
  if (contents.length % 2 !== 0) return undefined;
  const units = Array.from({ length: contents.length / 2 }, (_, i) => (contents[2 * i]! << 8) | contents[2 * i + 1]!);
  if (units.at(-1) === 0) units.pop();
  return units
    .map((unit) => String.fromCharCode(unit))
    .join("")
    .toWellFormed();
}

/** Of the attribute types below 2.5.4, those that Go's `pkix.Name` has as lists. */
const LISTS = {
  Country: "2.5.4.6",
  Organization: "2.5.4.10",
  OrganizationalUnit: "2.5.4.11",
  Locality: "2.5.4.7",
  Province: "2.5.4.8",
  StreetAddress: "2.5.4.9",
  PostalCode: "2.5.4.17",
} as const;
const COMMON_NAME = "2.5.4.3";
const SERIAL_NUMBER = "2.5.4.5";

/** As Go's `encoding/json` writes `pkix.Name`. */
export function nameToValue(attributes: readonly NameAttribute[]): Value {
  const valuesOf = (type: string): string[] => attributes.filter((one) => one.type === type).map(({ value }) => value);
  const lists = Object.entries(LISTS).map(([name, type]): [string, Value] => {
    const values = valuesOf(type);
    return [name, values.length === 0 ? null : values];
  });
  return {
    ...Object.fromEntries(lists),
    CommonName: valuesOf(COMMON_NAME).at(-1) ?? "",
    SerialNumber: valuesOf(SERIAL_NUMBER).at(-1) ?? "",
    Names:
      attributes.length === 0 ? null : attributes.map(({ type, value }) => ({ Type: oidToValue(type), Value: value })),
    ExtraNames: null,
  };
}
