import { type Crypto, isSameBytes } from "@vedette/base";
import { checkNameConstraints } from "@vedette/x509";
import { integerOf } from "../values/big-number.ts";
import { isNumber, memberOf, type ObjectValue, sortedKeysOf } from "../values/value.ts";
import type { BuiltinContext } from "./builtin.ts";
import { elementsOf } from "./operands.ts";
import { NANOSECONDS, NANOSECONDS_MAX, NANOSECONDS_MIN } from "./time-civil.ts";
import type { X509Certificate } from "./x509-certificate.ts";
import { namesHost } from "./x509-hostname.ts";
import { EXTENDED_KEY_USAGES } from "./x509-json.ts";

/** What is asked of a chain; the defaults are those of Go's `x509.VerifyOptions`. */
export interface VerifyOptions {
  /** A host that the leaf must name; any if empty. */
  readonly host: string;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  /** Extended key usages (OIDs) of which one must be allowed all along the chain. */
  readonly usages: readonly string[];
  /** Names may be compared so often with name constraints. */
  readonly comparisonsMax: number;
}

const ANY_USAGE = "2.5.29.37.0";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const COMPARISONS_MAX = 250_000;

export function defaultOptions(now: bigint): VerifyOptions {
  return { host: "", time: now, usages: [SERVER_AUTH], comparisonsMax: COMPARISONS_MAX };
}

/** In the order of Go's `x509.ExtKeyUsage`. */
const USAGE_NAMES: readonly string[] = [
  "KeyUsageAny",
  "KeyUsageServerAuth",
  "KeyUsageClientAuth",
  "KeyUsageCodeSigning",
  "KeyUsageEmailProtection",
  "KeyUsageIPSECEndSystem",
  "KeyUsageIPSECTunnel",
  "KeyUsageIPSECUser",
  "KeyUsageTimeStamping",
  "KeyUsageOCSPSigning",
  "KeyUsageMicrosoftServerGatedCrypto",
  "KeyUsageNetscapeServerGatedCrypto",
  "KeyUsageMicrosoftCommercialCodeSigning",
  "KeyUsageMicrosoftKernelCodeSigning",
];

/** The options of a policy, or what is wrong with them. */
export function parseVerifyOptions(object: ObjectValue, now: bigint): VerifyOptions | { readonly error: string } {
  let options = defaultOptions(now);
  for (const name of sortedKeysOf(object)) {
    const value = memberOf(object, name) ?? null;
    switch (name) {
      case "DNSName":
        if (typeof value !== "string") return { error: "'DNSName' should be a string" };
        options = { ...options, host: value };
        break;
      case "CurrentTime": {
        if (!isNumber(value)) return { error: "'CurrentTime' should be a number" };
        const time = integerOf(value);
        if (time === undefined || time < NANOSECONDS_MIN || time > NANOSECONDS_MAX)
          return { error: "'CurrentTime' should be a valid int64 number" };
        options = { ...options, time };
        break;
      }
      case "MaxConstraintComparisons": {
        if (!isNumber(value)) return { error: "'MaxConstraintComparisons' should be a number" };
        const max = integerOf(value);
        if (max === undefined) return { error: "'MaxConstraintComparisons' should be a valid number" };
        options = { ...options, comparisonsMax: max === 0n ? COMPARISONS_MAX : Number(max) };
        break;
      }
      case "KeyUsages": {
        const names = elementsOf(value);
        if (names === undefined) return { error: "'KeyUsages' should be an Array or Set" };
        const texts = names.filter((one): one is string => typeof one === "string");
        const unknown = texts.filter((text) => !USAGE_NAMES.includes(text));
        if (unknown.length > 0) return { error: `invalid entries for 'KeyUsages' found: [${unknown.join(" ")}]` };
        const usages = texts.map((text) => EXTENDED_KEY_USAGES[USAGE_NAMES.indexOf(text)] as string);
        options = { ...options, usages: usages.length === 0 ? options.usages : usages };
        break;
      }
      default:
        return { error: "invalid key option" };
    }
  }
  return options;
}

/** Each costs a public key operation. */
const SIGNATURE_CHECKS_MAX = 100;
const SIGNATURE_STEPS = 10_000;

/**
 * The chain from the last certificate to the first, which is trusted as it stands (RFC 5280 §6.1); those between may
 * help, in any order. Undefined when there is none. Stricter than Go: a chain on which a policy is required is refused,
 * because policies are not evaluated; and so are names under a constraint of a form that `@vedette/x509` does not compare.
 */
export function verifyChain(
  context: BuiltinContext,
  certificates: readonly X509Certificate[],
  options: VerifyOptions,
): readonly X509Certificate[] | undefined {
  const [root, ...others] = certificates;
  const leaf = others.pop();
  if (root === undefined || leaf === undefined) return undefined;
  if (!isUsable(leaf, options) || (options.host !== "" && !namesHost(leaf.subjectAltNames.names, options.host)))
    return undefined;
  let checksLeft = SIGNATURE_CHECKS_MAX;
  const isIssued = (subject: X509Certificate, issuer: X509Certificate): boolean => {
    if (!isSameBytes(subject.issuer, issuer.subject) || !maySign(issuer) || checksLeft === 0) return false;
    checksLeft--;
    context.spend(SIGNATURE_STEPS);
    return hasSigned(issuer, subject, context.crypto);
  };
  const extend = (chain: readonly X509Certificate[]): readonly X509Certificate[] | undefined => {
    const top = chain.at(-1) as X509Certificate;
    const whole = [...chain, root];
    if (
      !isInChain(root, chain) &&
      isIssued(top, root) &&
      isLink(root, chain, options) &&
      isAllowed(context, whole, options)
    )
      return whole;
    for (const issuer of others) {
      const isCa = issuer.basicConstraints?.isCa === true;
      if (isInChain(issuer, chain) || !isCa || !isLink(issuer, chain, options) || !isIssued(top, issuer)) continue;
      const found = extend([...chain, issuer]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  if (isSameBytes(root.der, leaf.der)) return isAllowed(context, [leaf], options) ? [leaf] : undefined;
  return extend([leaf]);
}

function isUsable({ unhandledCritical, notBefore, notAfter }: X509Certificate, { time }: VerifyOptions): boolean {
  const isInTime = time >= BigInt(notBefore) * NANOSECONDS && time <= BigInt(notAfter) * NANOSECONDS;
  return unhandledCritical.length === 0 && isInTime;
}

/** `path` is from the leaf to the certificate below this one. */
function isLink(certificate: X509Certificate, path: readonly X509Certificate[], options: VerifyOptions): boolean {
  const { basicConstraints } = certificate;
  return isUsable(certificate, options) && path.length - 1 <= (basicConstraints?.pathLength ?? path.length);
}

/** The same name and key: a chain never goes through one authority twice. */
function isInChain({ subject, spki }: X509Certificate, chain: readonly X509Certificate[]): boolean {
  return chain.some((one) => isSameBytes(one.subject, subject) && isSameBytes(one.spki, spki));
}

const KEY_CERT_SIGN = 1 << 5;

/** Before version 3, which brought the extensions, a certificate could not say that it may not. */
function maySign({ version, basicConstraints, keyUsage }: X509Certificate): boolean {
  const isCa = basicConstraints === undefined ? version < 3 : basicConstraints.isCa;
  return isCa && (keyUsage === 0 || (keyUsage & KEY_CERT_SIGN) !== 0);
}

function hasSigned(issuer: X509Certificate, subject: X509Certificate, crypto: Crypto): boolean {
  const { signatureAlgorithm, tbs, signature } = subject;
  return signatureAlgorithm.check?.(crypto, issuer.spki, tbs, signature) === true;
}

/** What can only be said of a chain as a whole. */
function isAllowed(context: BuiltinContext, chain: readonly X509Certificate[], options: VerifyOptions): boolean {
  return isFitFor(chain, options.usages) && isWithinConstraints(context, chain, options) && !requiresPolicy(chain);
}

/** A certificate without usages allows all of them; each other takes away what it does not name. */
function isFitFor(chain: readonly X509Certificate[], usages: readonly string[]): boolean {
  if (usages.includes(ANY_USAGE)) return true;
  const allows = ({ extendedKeyUsage }: X509Certificate, usage: string): boolean =>
    extendedKeyUsage.length === 0 || extendedKeyUsage.includes(ANY_USAGE) || extendedKeyUsage.includes(usage);
  return usages.some((usage) => chain.every((certificate) => allows(certificate, usage)));
}

/** Constraints bind the leaf's names and those of the authorities below. */
function isWithinConstraints(
  context: BuiltinContext,
  chain: readonly X509Certificate[],
  { comparisonsMax }: VerifyOptions,
): boolean {
  let comparisonsLeft = comparisonsMax;
  return chain.every(({ nameConstraints }, height) => {
    if (nameConstraints === undefined) return true;
    const size = nameConstraints.permitted.length + nameConstraints.excluded.length;
    return chain.slice(0, height).every((below) => {
      const comparisons = size * below.subjectAltNames.names.length;
      comparisonsLeft -= comparisons;
      context.spend(comparisons);
      const named = { serial: "", subject: below.subject, subjectAltNames: below.subjectAltNames.names };
      return comparisonsLeft >= 0 && checkNameConstraints(named, nameConstraints).ok;
    });
  });
}

function requiresPolicy(chain: readonly X509Certificate[]): boolean {
  return chain.some(({ requireExplicitPolicy }) => requireExplicitPolicy !== undefined);
}
