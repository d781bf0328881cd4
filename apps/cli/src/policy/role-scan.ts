/** A role name that an application decides by. */
export interface RoleUse {
  readonly role: string;
  readonly row: number;
  /** Of the name, in UTF-16 units from 1. */
  readonly col: number;
  readonly line: string;
}

const LITERAL = /(["'`])([A-Za-z][\w.:/ -]{0,63})\1/g;
/** What an application calls or compares when it decides by a role itself, in the languages that people write these in. */
const DECIDES: readonly RegExp[] = [
  /\brole\w*\b\s*(?:\)|\])?\s*(?:={2,3}|!={1,2}|\.equals\(|\.Equals\(|\beq\b|\bis\b)/i,
  /(?:={2,3}|!={1,2})\s*[\w.?()[\]]*role\w*\b/i,
  /\broles?\w*\s*(?:\(\))?\s*\??\.\s*(?:includes|contains|has|indexOf|some|any|include\?)\s*\(?/i,
  /["'`]\s+(?:not\s+)?in\s+[\w.]*roles?\b/i,
  /\b(?:has|is|require|requires|check|user_?in|any|with)_?(?:any_?|in_?)?(?:role|authority|group)s?\w*[?!]?\s*\(/i,
  /\b(?:role|roles|group|groups)_?(?:required|allowed|accepted)\b/i,
  /@(?:RolesAllowed|Secured|PreAuthorize|PostAuthorize|Roles|HasRoles?)\b/,
  /\[Authorize\b[^\]]*\bRoles\s*=/,
  /\bcase\s+["'`][^"'`]*["'`]\s*:.*\brole/i,
];
/** Where the name of a role that policy knows is no coincidence. */
const SPEAKS_OF_RIGHTS = /\b\w*(?:role|group|authori[sz]|permission|privilege|grant|isadmin)\w*\b/i;
const COMMENT = /^\s*(?:\/\/|#|\*|\/\*|--|<!--)/;
/** Said of a line that is meant so. */
export const ALLOWED_MARK = "vedette:role-allowed";
/** Minified code is nobody's to read. */
const LINE_LENGTH_MAX = 2_000;

/**
 * Role names in the source text of an application: literals on lines that decide by a role, and those that policy knows
 * (`known`) on lines that speak of rights. It reads lines, not languages: it misses what is built at run time, and a line
 * that is meant so says `vedette:role-allowed`.
 */
export function findRoles(text: string, known: ReadonlySet<string>): readonly RoleUse[] {
  const uses: RoleUse[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.length > LINE_LENGTH_MAX || COMMENT.test(line) || line.includes(ALLOWED_MARK)) continue;
    const decides = DECIDES.some((pattern) => pattern.test(line));
    if (!decides && (known.size === 0 || !SPEAKS_OF_RIGHTS.test(line))) continue;
    for (const { 2: role = "", index: at } of line.matchAll(LITERAL))
      if (decides || known.has(role)) uses.push({ role, row: index + 1, col: at + 2, line: line.trim() });
  }
  return uses;
}
