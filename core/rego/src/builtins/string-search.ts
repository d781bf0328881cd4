/** The engine's own search compares a part this long again at nearly every place, at its worst. */
const NATIVE_PART_MAX = 64;

/** Where a part first stands in a text, in UTF-16 units; -1 when it does not. Linear in both. */
export function indexOf(text: string, part: string, from: number = 0): number {
  if (part.length <= NATIVE_PART_MAX) return text.indexOf(part, from);
  for (const place of matchesOf(text, part, false, from)) return place;
  return -1;
}

/** Every place at which a part stands in a text. Those that overlap an earlier one only when asked for. */
export function placesOf(text: string, part: string, isOverlapping: boolean): Iterable<number> {
  return part.length <= NATIVE_PART_MAX
    ? nativePlacesOf(text, part, isOverlapping)
    : matchesOf(text, part, isOverlapping);
}

function* nativePlacesOf(text: string, part: string, isOverlapping: boolean): Iterable<number> {
  const step = isOverlapping ? 1 : part.length;
  for (let place = text.indexOf(part); place >= 0; place = text.indexOf(part, place + step)) yield place;
}

/** Knuth, Morris, Pratt (SIAM J. Comput. 6, 1977): no unit of the text is looked at again. */
function* matchesOf(text: string, part: string, isOverlapping: boolean, from = 0): Iterable<number> {
  const borders = bordersOf(part);
  let matched = 0;
  for (let i = from; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    while (matched > 0 && unit !== part.charCodeAt(matched)) matched = borders[matched - 1] as number;
    if (unit === part.charCodeAt(matched)) matched++;
    if (matched < part.length) continue;
    yield i + 1 - part.length;
    matched = isOverlapping ? (borders[matched - 1] as number) : 0;
  }
}

/** For each start of a part, how long the longest shorter text is that both starts and ends it. */
function bordersOf(part: string): Uint32Array {
  const borders = new Uint32Array(part.length);
  let length = 0;
  for (let i = 1; i < part.length; i++) {
    const unit = part.charCodeAt(i);
    while (length > 0 && unit !== part.charCodeAt(length)) length = borders[length - 1] as number;
    if (unit === part.charCodeAt(length)) length++;
    borders[i] = length;
  }
  return borders;
}
