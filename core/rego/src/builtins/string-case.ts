/**
 * Unicode's simple mappings, one code point to one (UnicodeData.txt), as OPA's `lower` and `upper` use them. JavaScript
 * has only the full mappings (SpecialCasing.txt): `ß` to `SS`, and a sigma that depends on its place in the word.
 */
export function lower(text: string): string {
  return text.replaceAll("\u0130", "i").replaceAll("\u03a3", "\u03c3").toLowerCase();
}

export function upper(text: string): string {
  if (!MANY.test(text)) return text.toUpperCase();
  let upper = "";
  for (const character of text) upper += MANY.test(character) ? simpleUpper(character) : character.toUpperCase();
  return upper;
}

// The characters whose full upper case is several characters.
const MANY: RegExp =
  /[\u00df\u0149\u01f0\u0390\u03b0\u0587\u1e96-\u1e9a\u1f50\u1f52\u1f54\u1f56\u1f80-\u1faf\u1fb2-\u1fb4\u1fb6\u1fb7\u1fbc\u1fc2-\u1fc4\u1fc6\u1fc7\u1fcc\u1fd2\u1fd3\u1fd6\u1fd7\u1fe2-\u1fe4\u1fe6\u1fe7\u1ff2-\u1ff4\u1ff6\u1ff7\u1ffc\ufb00-\ufb06\ufb13-\ufb17]/;

/** Of these only Greek letters with an iota below have a single upper-case character. */
function simpleUpper(character: string): string {
  const code = character.charCodeAt(0);
  if (code >= 0x1f80 && code <= 0x1faf) return String.fromCharCode(code | 8);
  return code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3 ? String.fromCharCode(code + 9) : character;
}
