import type { SeededRandom } from "./seeded-random.ts";

/** Texts that mean something to JavaScript, to JSON, to those who write code, and to nobody. */
export const HOSTILE_TEXTS: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "toJSON",
  "then",
  "length",
  "size",
  "text",
  "",
  " ",
  "a b",
  '"',
  "'",
  "`",
  "\\",
  "*/",
  "//",
  "$\u007bx}",
  "</script>",
  "\u2028",
  "\u0000",
  "\n",
  "é",
  "e\u0301",
  "😀",
  "\ue000",
  "0",
  "1",
  "-1",
  "null",
  "true",
  "undefined",
];

export const PLAIN_TEXTS: readonly string[] = [
  "a",
  "b",
  "c",
  "x",
  "y",
  "alice",
  "bob",
  "admin",
  "read",
  "write",
  "GET",
];

/** As they may stand in a policy and in JSON. */
export const NUMBERS: readonly string[] = [
  ...["0", "1", "2", "3", "4", "7", "10", "100", "-1", "-2", "0.5", "1.5", "0.1", "0.2", "1.0", "1e3", "2E-1"],
  ...["9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", "18446744073709551616"],
  ...["123456789012345678901234567890", "0.1234567890123456789", "1e21", "1e-7", "4294967296", "2147483648"],
];

const PLAIN_BY_NUMBER: Readonly<Record<string, string>> = {
  "1.0": "1",
  "0.0": "0",
  "-0": "0",
  "0e0": "0",
  "1e3": "1000",
  "2E-1": "0.2",
  "1e21": "1000000000000000000000",
  "1E400": "7",
  "-1e400": "-7",
  "1e-400": "0.7",
};

export function plainNumbers(text: string): string {
  return text.replaceAll(
    /(?<![\w"])-?[0-9][0-9.]*(?:[eE][+-]?[0-9]+)?(?![\w"])/g,
    (number) => PLAIN_BY_NUMBER[number] ?? number,
  );
}

/** Members of the input that modules ask for; each has the kind that they hope for. */
export const MEMBERS = {
  number: ["n", "m"],
  string: ["user", "action", "s", "t"],
  array: ["list", "roles", "items"],
  object: ["o", "attributes", "__proto__"],
  boolean: ["flag"],
  any: ["x", "constructor", "length", "toString"],
} as const;

/** JSON texts, not values: what a parser makes of them is part of what is tried. */
export function inputText(random: SeededRandom): string {
  if (random.chance(0.05)) return anyText(random, 2);
  const members = [
    ...MEMBERS.number.map((name) => member(name, numberText(random))),
    ...MEMBERS.string.map((name) => member(name, stringText(random))),
    ...MEMBERS.array.map((name) => member(name, listText(random, name === "items" ? 2 : 1))),
    ...MEMBERS.object.map((name) => member(name, objectText(random, 2))),
    ...MEMBERS.boolean.map((name) => member(name, random.pick(["true", "false"]))),
    ...MEMBERS.any.map((name) => member(name, anyText(random, 1))),
  ];
  return `{${mutated(members, random).join(",")}}`;
}

/** Missing members, members of another kind, members twice, members of which nobody asked. */
function mutated(members: readonly string[], random: SeededRandom): string[] {
  const kept = members.filter(() => !random.chance(0.12));
  const changed = kept.map((text) =>
    random.chance(0.08) ? `${text.slice(0, text.indexOf(":"))}:${anyText(random, 2)}` : text,
  );
  if (random.chance(0.15)) changed.push(member(random.pick(HOSTILE_TEXTS), anyText(random, 1)));
  if (random.chance(0.1) && changed.length > 0) changed.push(random.pick(changed));
  if (random.chance(0.03)) changed.push(member("x", nestedText(random)));
  return changed;
}

/** Base data: role and grant tables as policies have them, and a member of every kind. */
export function dataText(random: SeededRandom): string {
  const roles = ["alice", "bob", "admin", ...pickSome(HOSTILE_TEXTS, random)].map((user) =>
    member(user, nameListText(random)),
  );
  const grants = ["read", "write", "x", ...pickSome(HOSTILE_TEXTS, random)].map((role) =>
    member(role, random.chance(0.2) ? objectText(random, 1) : nameListText(random)),
  );
  return `{"base":{${[
    member("roles", `{${roles.join(",")}}`),
    member("grants", `{${grants.join(",")}}`),
    member("list", listText(random, 1)),
    member("o", objectText(random, 2)),
    member("n", numberText(random)),
    member("s", stringText(random)),
    member("empty", random.pick(["{}", "[]", "null", "false"])),
    member("rows", `[${repeated(random, 4, () => `{"id":${numberText(random)},"name":${stringText(random)}}`)}]`),
  ].join(",")}}}`;
}

function anyText(random: SeededRandom, depth: number): string {
  const kind = random.weighted([
    [1, "null"],
    [1, "boolean"],
    [3, "number"],
    [3, "string"],
    [depth > 0 ? 2 : 0, "list"],
    [depth > 0 ? 2 : 0, "object"],
  ]);
  if (kind === "null") return "null";
  if (kind === "boolean") return random.pick(["true", "false"]);
  if (kind === "number") return numberText(random);
  if (kind === "string") return stringText(random);
  return kind === "list" ? listText(random, depth) : objectText(random, depth);
}

function listText(random: SeededRandom, depth: number): string {
  if (random.chance(0.3)) return nameListText(random);
  return `[${repeated(random, 5, () => anyText(random, depth - 1))}]`;
}

function nameListText(random: SeededRandom): string {
  return `[${repeated(random, 4, () => JSON.stringify(random.pick(PLAIN_TEXTS)))}]`;
}

function objectText(random: SeededRandom, depth: number): string {
  return `{${repeated(random, 4, () => `${stringText(random)}:${anyText(random, depth - 1)}`)}}`;
}

function repeated(random: SeededRandom, most: number, make: () => string): string {
  return Array.from({ length: random.below(most + 1) }, make).join(",");
}

function stringText(random: SeededRandom): string {
  // Halves of surrogate pairs: no text of Rego's has them, JSON texts may.
  if (random.chance(0.01)) return random.pick(['"\\ud800"', '"\\udc00x"', '"\\ud83d\\ude00"']);
  return JSON.stringify(random.chance(0.2) ? random.pick(HOSTILE_TEXTS) : random.pick(PLAIN_TEXTS));
}

function numberText(random: SeededRandom): string {
  if (random.chance(0.02)) return random.pick(["-0", "0e0", "0.0", "1E400", "-1e400", "1e-400", `1${"0".repeat(60)}`]);
  return random.pick(NUMBERS);
}

function nestedText(random: SeededRandom): string {
  const depth = random.pick([20, 200, 999]);
  return "[".repeat(depth) + "]".repeat(depth);
}

function pickSome(texts: readonly string[], random: SeededRandom): string[] {
  return Array.from({ length: random.below(3) }, () => random.pick(texts));
}

function member(name: string, text: string): string {
  return `${JSON.stringify(name)}:${text}`;
}
