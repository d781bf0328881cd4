import { isJsonObject, type Json, type JsonObject } from "@vedette/base";

const INPUT = "/input/";

/** An input as it may be written down, and which of the policy's pointers took something out of it. */
export function maskInput(
  mask: readonly string[],
  input: Json,
): { readonly input: Json; readonly erased: readonly string[] } {
  const erased: string[] = [];
  let left = input;
  for (const pointer of mask) {
    const masked = erase(left, pointer.slice(INPUT.length).split("/").map(unescapeToken));
    if (masked === undefined) continue;
    left = masked;
    erased.push(pointer);
  }
  return { input: left, erased };
}

/** A copy without the member; undefined when there is nothing to erase. */
function erase(value: Json | undefined, [name, ...rest]: readonly string[]): JsonObject | undefined {
  if (value === undefined || !isJsonObject(value) || name === undefined || !Object.hasOwn(value, name))
    return undefined;
  const { [name]: member, ...others } = value;
  if (rest.length === 0) return others;
  const inner = erase(member, rest);
  return inner && { ...value, [name]: inner };
}

function unescapeToken(token: string): string {
  return token.replaceAll("~1", "/").replaceAll("~0", "~");
}
