import {
  type Duration,
  type Instant,
  instant,
  parseBase64url,
  parseDuration,
  parseHex,
  parseInstant,
} from "@vedette/base";
import * as v from "valibot";

/** A DNS label in lower case: sites become part of trust domains, names part of SPIFFE IDs. */
const LABEL: RegExp = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const DOMAIN: RegExp = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/;
const URL_LENGTH_MAX = 2_048;
const PATH_LENGTH_MAX = 4_096;

export const label: v.GenericSchema<string, string> = v.pipe(
  v.string(),
  v.regex(LABEL, "a name of lower-case letters, digits and hyphens, at most 63 characters"),
);

export const domain: v.GenericSchema<string, string> = v.pipe(
  v.string(),
  v.maxLength(253),
  v.regex(DOMAIN, "a lower-case domain name with at least one dot"),
);

export const httpsUrl: v.GenericSchema<string, string> = v.pipe(
  v.string(),
  v.maxLength(URL_LENGTH_MAX),
  v.regex(/^https:\/\/[a-z0-9.[\]:-]+$/, "an https:// address without a path, such as https://10.0.0.1:8443"),
);

export const filePath: v.GenericSchema<string, string> = v.pipe(
  v.string(),
  v.minLength(1, "a path"),
  v.maxLength(PATH_LENGTH_MAX),
);

export const count: v.GenericSchema<number, number> = v.pipe(
  v.number("a whole number"),
  v.integer("a whole number"),
  v.minValue(0, "a number that is not negative"),
  v.maxValue(Number.MAX_SAFE_INTEGER),
);

/** base64url without padding on the wire, bytes inside. */
export function bytes(lengthMax: number, lengthMin: number = 0): v.GenericSchema<string, Uint8Array> {
  return v.pipe(
    v.string(),
    v.maxLength(Math.ceil((lengthMax * 4) / 3), `at most ${lengthMax} bytes`),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const parsed = parseBase64url(dataset.value);
      if (parsed.ok && parsed.value.length >= lengthMin && parsed.value.length <= lengthMax) return parsed.value;
      addIssue({ message: `base64url of ${lengthMin} to ${lengthMax} bytes` });
      return NEVER;
    }),
  );
}

/** A SHA-256 in lower-case hexadecimal. */
export const digest: v.GenericSchema<string, string> = v.pipe(
  v.string(),
  v.check((text) => /^[0-9a-f]{64}$/.test(text) && parseHex(text).ok, "64 lower-case hexadecimal digits"),
);

export const instantField: v.GenericSchema<string, Instant> = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const parsed = parseInstant(dataset.value);
    if (parsed.ok) return parsed.value;
    addIssue({ message: "a date and time such as 2027-01-31T12:00:00Z" });
    return NEVER;
  }),
);

export const durationField: v.GenericSchema<string, Duration> = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const parsed = parseDuration(dataset.value);
    if (parsed.ok && parsed.value > 0) return parsed.value;
    addIssue({ message: "a length of time such as PT15M, PT24H or P30D" });
    return NEVER;
  }),
);

/** Machines write instants as whole milliseconds since 1970; people write dates. */
export const instantMilliseconds: v.GenericSchema<number, Instant> = v.pipe(count, v.transform(instant));
