import type { GeneralName } from "@vedette/x509";
import { octetsToInteger } from "./key-der.ts";
import { addressToText, parseAddress } from "./net-address.ts";

/** Does one of a certificate's names stand for a host (RFC 6125 §6.4)? An address is compared with addresses only. */
export function namesHost(names: readonly GeneralName[], host: string): boolean {
  const address = parseAddress(host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host);
  if (address !== undefined)
    return names.some((name) => name.kind === "ip" && addressOf(name.value) === addressToText(address));
  const wanted = lowerAscii(host).replace(/\.$/, "");
  return names.some((name) => name.kind === "dns" && isNamed(lowerAscii(name.value), wanted));
}

function addressOf(octets: Uint8Array): string | undefined {
  const value = octetsToInteger(octets);
  const text = addressToText({ bits: octets.length === 4 ? 32 : 128, value });
  const address = parseAddress(text);
  return address && addressToText(address);
}

/** A star stands for one whole label, the first. */
function isNamed(pattern: string, host: string): boolean {
  if (pattern === host) return host !== "";
  if (!HOST.test(host)) return false;
  const labels = host.split(".");
  return pattern.startsWith("*.") && HOST.test(pattern.slice(2)) && labels.slice(1).join(".") === pattern.slice(2);
}

/** Underscores are no host name's, and stand in certificates all the same. */
const HOST = /^[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)*$/;

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
