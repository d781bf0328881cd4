import { posix } from "node:path";
import type { Finding, SourceTree } from "./source-tree.ts";

/** A pattern that must not occur, where, and what to do instead. */
interface TextRule {
  readonly rule: string;
  readonly applies: (file: string) => boolean;
  /** `code` leaves comments out. */
  readonly reads: "code" | "text";
  readonly pattern: RegExp;
  readonly message: string;
}

const isSource = (file: string): boolean => /\.(ts|mjs)$/.test(file);
const isTest = (file: string): boolean => file.endsWith(".test.ts");
const isPure = (file: string): boolean => file.startsWith("core/") && isSource(file) && !isTest(file);
const isInRoom = (file: string): boolean => /^(core|adapters|apps|testing)\//.test(file) && isSource(file);
/** The checker and its tests must spell out what they look for. */
const isChecker = (file: string): boolean => /^tools\/(tidy|walls)(\.test)?\.ts$/.test(file);

/** Not in the ECMAScript library core is checked against, but in every host: declared there by name. */
const DECLARES_HOST = "core/base/src/bytes.ts";

/** The one back end that turns a program into code; its own tests hold it to escaped literals. */
const GENERATES_CODE = "core/rego/src/evaluate/javascript.ts";

/** Where the fault of `JSON.parse` is gone round, and what reads only texts that our own compiler wrote. */
const READS_JSON: readonly string[] = [
  "core/base/src/read-json.ts",
  "core/rego/src/values/json.ts",
  "core/policy/src/condition-code.ts",
  "core/policy/src/rule-search.ts",
];

const TEXT_RULES: readonly TextRule[] = [
  {
    rule: "core-host",
    applies: isPure,
    reads: "code",
    pattern: /["']node:|\bglobalThis\b|\bimport\.meta\b/,
    message: "core knows no host; take a port as an argument",
  },
  {
    rule: "core-host",
    applies: (file) => isPure(file) && file !== DECLARES_HOST,
    reads: "code",
    pattern: /\bdeclare (?:class|function|let|var|(?:const \w+: (?!unique symbol)))/,
    message: "core knows no host, so it declares nothing of one; take a port as an argument",
  },
  {
    rule: "core-code-from-text",
    applies: (file) => isPure(file) && file !== GENERATES_CODE,
    reads: "code",
    pattern: /\bFunction\(|\beval\(|\bimport\(/,
    message: "core never turns text into code",
  },
  {
    rule: "hidden-clock",
    applies: (file) => isInRoom(file) && !file.startsWith("adapters/runtime/") && !isTest(file),
    reads: "code",
    // A host that was handed in is a port.
    pattern: /(?<!host\.)\bDate\.now\b|\bnew Date\(\)/,
    message: "ask a Clock, or take `now`",
  },
  {
    rule: "hidden-chance",
    applies: (file) => isInRoom(file) && !file.startsWith("adapters/runtime/"),
    reads: "code",
    pattern: /\bMath\.random\b|\brandomUUID\b/,
    message: "ask a Random",
  },
  {
    rule: "json-parse",
    applies: (file) => /^(core|adapters|apps)\/.*\.ts$/.test(file) && !isTest(file) && !READS_JSON.includes(file),
    reads: "code",
    pattern: /\bJSON\.parse\b/,
    message: "call readJson: JSON.parse of V8 may take an escaped name for one that was sent before",
  },
  {
    rule: "string-class",
    applies: isInRoom,
    reads: "code",
    pattern: /\bextends String\b/,
    message: "one class over String makes charCodeAt six times as slow in the whole process",
  },
  {
    rule: "type-hole",
    applies: (file) => file.endsWith(".ts") && !isChecker(file),
    reads: "code",
    pattern: /\bas unknown as\b/,
    message: "parse, or write the type",
  },
  {
    rule: "type-hole",
    applies: (file) => file.endsWith(".ts") && !isTest(file) && !isChecker(file),
    reads: "text",
    pattern: /@ts-(?:ignore|nocheck|expect-error)\b|\boxlint-disable\b/,
    message: "mend what the compiler says instead of hushing it",
  },
  {
    rule: "unfinished",
    applies: (file) => /\.(ts|mjs|md|json)$/.test(file) && !isChecker(file),
    reads: "text",
    pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/,
    message: "finish it, or open an issue",
  },
  {
    rule: "machine-path",
    applies: (file) => !isChecker(file),
    reads: "text",
    pattern: /(?<![\w.])\/(?:work|home|root|Users)\/\w/,
    message: "names a folder of one machine",
  },
  {
    rule: "registry-host",
    applies: (file) => !isChecker(file),
    reads: "text",
    pattern:
      /https?:\/\/(?!registry\.npmjs\.org\/)[\w.-]*(?:registry|artifactory|nexus|npm-?proxy|verdaccio)[\w.-]*[:/]/i,
    message: "names a package registry; the lock file names none",
  },
];

/** Text that no compiler objects to and no reader wants (STYLE); every rule is proved by a planted violation. */
export function checkTidy(tree: SourceTree): Finding[] {
  return tree.files.flatMap((file) => {
    const found = checkFileName(file);
    if (!/\.(ts|mjs|md|json|jsonc|sh|yml|yaml|conf|html)$/.test(file) && !file.startsWith(".")) return found;
    const text = tree.read(file);
    found.push(...checkText(file, text));
    if (isInRoom(file)) found.push(...checkStaysInRoom(file, text));
    if (file.endsWith(".md")) found.push(...checkLinks(tree, file, text));
    return found;
  });
}

const NAMELESS = /(?:^|-)(?:utils?|helpers?|commons?|misc|stuff)(?:-|$)/;

function checkFileName(file: string): Finding[] {
  if (!isSource(file)) return [];
  const stem = posix.basename(file).replace(/(?:\.test)?\.(?:ts|mjs)$/, "");
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(stem)) return [{ rule: "file-name", file, message: "name it in kebab-case" }];
  if (NAMELESS.test(stem)) return [{ rule: "file-name", file, message: "name the idea, not the drawer" }];
  return [];
}

function checkText(file: string, text: string): Finding[] {
  const rules = TEXT_RULES.filter((rule) => rule.applies(file));
  return text.split("\n").flatMap((line, index) => {
    const code = withoutComment(line);
    return rules
      .filter(({ reads, pattern }) => pattern.test(reads === "code" ? code : line))
      .map(({ rule, message }) => ({
        rule,
        file,
        line: index + 1,
        message: `${message}: ${line.trim().slice(0, 100)}`,
      }));
  });
}

/** Line by line is enough: the formatter starts every comment line with `//`, `/*` or ` *`, and breaks no operator so. */
function withoutComment(line: string): string {
  return line.replace(/^\s*(?:\/\/|\/\*|\*(?=[\s/]|$)).*|\s\/\/\s.*$/, "");
}

/** `exports` closes the door to packages; this closes the tunnel by relative path. A test may read what lies in no room. */
function checkStaysInRoom(file: string, text: string): Finding[] {
  const room = file.split("/").slice(0, 2).join("/");
  const specifiers = text.matchAll(/(?:from|import|import\(|URL\()\s*"(\.[^"]+\.(?:ts|mjs|js|json))"/g);
  return Array.from(specifiers, ([, specifier = ""]) => specifier)
    .filter((specifier) => {
      const target = posix.join(posix.dirname(file), specifier);
      return !target.startsWith(`${room}/`) && (!isTest(file) || isInRoom(target));
    })
    .map((specifier) => ({ rule: "room-tunnel", file, message: `${specifier} leaves the room; use the other's door` }));
}

/** Links between our own documents: the file is there, and so is the heading. */
function checkLinks(tree: SourceTree, file: string, text: string): Finding[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, link = ""]) => link)
    .filter((link) => !/^[a-z]+:/.test(link) && !isFound(tree, file, link))
    .map((link) => ({ rule: "dead-link", file, message: `links to ${link}, which is not there` }));
}

function isFound(tree: SourceTree, from: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? from : posix.join(posix.dirname(from), decodeURIComponent(path));
  if (!tree.has(target)) return false;
  if (heading === undefined || !target.endsWith(".md")) return true;
  return Array.from(tree.read(target).matchAll(/^#+ +(.+)$/gm), ([, title = ""]) => anchorOf(title)).includes(heading);
}

/** How the forges name headings: lower case, punctuation gone, spaces to hyphens. */
function anchorOf(title: string): string {
  return title
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
}
