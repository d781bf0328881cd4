import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { utf8 } from "./bytes.ts";
import { Secret } from "./secret.ts";

const HIDDEN = "correct horse battery staple";

test("a secret shows itself in no print, no JSON and no template", () => {
  const secret = new Secret(utf8(HIDDEN));
  const shown = [
    `${secret}`,
    JSON.stringify({ secret }),
    inspect(secret, { showHidden: true, depth: Infinity }),
    inspect({ nested: [secret] }),
    Object.values(secret).join(),
    new Error("failed", { cause: secret }).stack ?? "",
  ].join("\n");
  assert.doesNotMatch(shown, /correct|99,\s*111|636f72/);
  assert.match(JSON.stringify({ secret }), /redacted/);
});

test("a secret is revealed to whoever asks by name", () => {
  assert.deepEqual(new Secret(utf8(HIDDEN)).reveal(), utf8(HIDDEN));
});
