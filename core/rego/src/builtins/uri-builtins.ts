import { BOOLEAN, functionOf, objectOf, STRING } from "../types.ts";
import type { PlainObject } from "../values/value.ts";
import { type Builtin, failure } from "./builtin.ts";
import { taking } from "./operands.ts";
import { parseUri, type Uri } from "./uri.ts";

/** Members are left out where they are empty; `raw_path` and `raw_query` are as written, for who looks for tricks in them. */
export const URI_BUILTINS: readonly Builtin[] = [
  {
    name: "uri.parse",
    type: functionOf([STRING], objectOf(STRING, STRING)),
    run: taking(["string"], (context, text) => {
      context.spend(text.length >> 3);
      const uri = parseUri(text);
      return uri === undefined ? failure(`${JSON.stringify(text)} is no URI`) : partsOf(uri);
    }),
  },
  {
    name: "uri.is_valid",
    type: functionOf([STRING], BOOLEAN),
    run: (context, text) => {
      if (typeof text !== "string" || text === "") return false;
      context.spend(text.length >> 3);
      return parseUri(text) !== undefined;
    },
  },
];

function partsOf({ scheme, host, path, rawPath, query, fragment }: Uri): PlainObject {
  const [, bracketed, name, port] = /^(?:\[(.*)\]|([^:]*))(?::(.*))?$/s.exec(host) ?? [];
  const parts = {
    scheme,
    hostname: bracketed ?? name,
    port,
    path,
    raw_path: rawPath === "" ? path : rawPath,
    raw_query: query,
    fragment,
  };
  return Object.fromEntries(Object.entries(parts).flatMap(([key, part]) => (part ? [[key, part]] : [])));
}
