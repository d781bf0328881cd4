import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseModule, parseQuery, parseTerm } from "./parse.ts";

const top = join(import.meta.dirname, "../../../..");
const VECTORS = join(process.env["VEDETTE_VECTORS"] ?? join(top, "../shared/vectors"), "rego/v1");
const skip = existsSync(VECTORS) ? false : `no vectors at ${VECTORS}: set VEDETTE_VECTORS`;

interface Case {
  readonly note: string;
  readonly query?: string;
  readonly modules?: readonly string[];
  readonly input_term?: string;
}

function cases(): readonly Case[] {
  return readdirSync(VECTORS).flatMap((category) =>
    readdirSync(join(VECTORS, category)).flatMap((file) => {
      const read: { readonly cases: readonly Case[] } = JSON.parse(readFileSync(join(VECTORS, category, file), "utf8"));
      return read.cases;
    }),
  );
}

test("every module, query and input term of OPA's conformance suite is read", { skip }, (t) => {
  let modules = 0;
  for (const { note, query, modules: texts = [], input_term: input } of cases()) {
    for (const text of texts) {
      const module = parseModule(text, { file: note });
      assert.ok(module.ok, `${note}: ${JSON.stringify(module)}`);
      modules++;
    }
    if (query !== undefined) assert.ok(parseQuery(query).ok, `${note}: ${query}`);
    if (input !== undefined) assert.ok(parseTerm(input).ok, `${note}: ${input}`);
  }
  assert.ok(modules > 2000);
  t.diagnostic(`${modules} modules`);
});
