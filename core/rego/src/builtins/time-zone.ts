/** Where and when clocks go how far ahead of UTC. Seconds are counted from 1970, offsets are positive in the east. */
export interface TimeZone {
  offsetAt(seconds: number): number;
  /** As the time zone database has it, but with the bare offset before 1970. `offset` is what `offsetAt` said for the moment. */
  abbreviationAt(seconds: number, offset: number): string;
}

export const UTC: TimeZone = { offsetAt: () => 0, abbreviationAt: () => "UTC" };

/**
 * A zone of the IANA time zone database, read from the host's Unicode data (ECMA-402). Undefined for a name that the
 * database does not have.
 */
export function openTimeZone(name: string): TimeZone | undefined {
  if (name.length > NAME_LENGTH_MAX || !NAME.test(name) || (name.length === 3 && !SHORT_NAMES.includes(name)))
    return undefined;
  const clock = formatter(name, CLOCK);
  const label = formatter(name, { timeZoneName: "long" });
  if (clock === undefined || label === undefined) return undefined;
  return {
    offsetAt: (seconds) => localSeconds(clock, seconds) - seconds,
    abbreviationAt: (seconds, offset) => abbreviation(name, longNameAt(label, seconds), offset),
  };
}

/** The longest name in the database has 32 characters. */
const NAME_LENGTH_MAX = 64;
/** The host also takes offsets and any case, which are no names, and names that only Unicode's data has. */
const NAME = /^(?!SystemV\/)[A-Z][A-Za-z0-9_+/-]*$/;
/** Of three letters the host knows more than the database, among them a BST that is not Britain's. */
const SHORT_NAMES = ["CET", "EET", "EST", "GMT", "HST", "MET", "MST", "PRC", "ROC", "ROK", "UCT", "UTC", "WET"];

const CLOCK: Intl.DateTimeFormatOptions = {
  calendar: "gregory",
  numberingSystem: "latn",
  hourCycle: "h23",
  year: "numeric",
  month: "numeric",
  day: "numeric",
  hour: "numeric",
  minute: "numeric",
  second: "numeric",
};

function formatter(timeZone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat("en-US", { ...options, timeZone });
  } catch {
    // ECMA-402 says that a name is unknown with a RangeError and in no other way.
    return undefined;
  }
}

function localSeconds(clock: Intl.DateTimeFormat, seconds: number): number {
  const fields = new Map(clock.formatToParts(seconds * 1000).map((part) => [part.type, Number(part.value)]));
  const field = (type: Intl.DateTimeFormatPartTypes): number => fields.get(type) ?? 0;
  return (
    Date.UTC(field("year"), field("month") - 1, field("day"), field("hour"), field("minute"), field("second")) / 1000
  );
}

function longNameAt(label: Intl.DateTimeFormat, seconds: number): string {
  return label.formatToParts(seconds * 1000).find((part) => part.type === "timeZoneName")?.value ?? "";
}

function abbreviation(zone: string, longName: string, offset: number): string {
  if (longName === "Coordinated Universal Time") return GREENWICH.test(zone) ? "GMT" : "UTC";
  if (CHANNEL_ISLANDS.test(zone) && offset === 3600) return "BST";
  if (NUMERIC_ZONES.has(zone)) return offsetText(offset);
  return ABBREVIATIONS.get(longName) ?? offsetText(offset);
}

const GREENWICH = /GMT|Greenwich/;
/** Their summer time has no long name of its own. */
const CHANNEL_ISLANDS = /^Europe\/(?:Guernsey|Isle_of_Man|Jersey)$/;
/** They share a long name with a zone that has letters, and have none. */
const NUMERIC_ZONES: ReadonlySet<string> = new Set([
  "Antarctica/Casey",
  "Antarctica/Troll",
  "Asia/Colombo",
  "Europe/Minsk",
]);

/** `+03`, `-0930`: what the database calls a zone whose people have no abbreviation. */
function offsetText(offset: number): string {
  const minutes = Math.floor(Math.abs(offset) / 60);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${minutes % 60 === 0 ? "" : two(minutes % 60)}`;
}

/** The Unicode data has the English names; the database, the abbreviations. */
const ABBREVIATIONS: ReadonlyMap<string, string> = new Map([
  ["Alaska Daylight Time", "AKDT"],
  ["Alaska Standard Time", "AKST"],
  ["American Samoa Standard Time", "SST"],
  ["Atlantic Daylight Time", "ADT"],
  ["Atlantic Standard Time", "AST"],
  ["Australian Central Daylight Time", "ACDT"],
  ["Australian Central Standard Time", "ACST"],
  ["Australian Eastern Daylight Time", "AEDT"],
  ["Australian Eastern Standard Time", "AEST"],
  ["Australian Western Daylight Time", "AWDT"],
  ["Australian Western Standard Time", "AWST"],
  ["British Summer Time", "BST"],
  ["Central Africa Time", "CAT"],
  ["Central Daylight Time", "CDT"],
  ["Central European Standard Time", "CET"],
  ["Central European Summer Time", "CEST"],
  ["Central Indonesia Time", "WITA"],
  ["Central Standard Time", "CST"],
  ["Chamorro Standard Time", "ChST"],
  ["China Daylight Time", "CDT"],
  ["China Standard Time", "CST"],
  ["Cuba Daylight Time", "CDT"],
  ["Cuba Standard Time", "CST"],
  ["East Africa Time", "EAT"],
  ["Eastern Daylight Time", "EDT"],
  ["Eastern European Standard Time", "EET"],
  ["Eastern European Summer Time", "EEST"],
  ["Eastern Indonesia Time", "WIT"],
  ["Eastern Standard Time", "EST"],
  ["Greenwich Mean Time", "GMT"],
  ["Hawaii-Aleutian Daylight Time", "HDT"],
  ["Hawaii-Aleutian Standard Time", "HST"],
  ["Hong Kong Standard Time", "HKT"],
  ["Hong Kong Summer Time", "HKST"],
  ["India Standard Time", "IST"],
  ["Irish Standard Time", "IST"],
  ["Israel Daylight Time", "IDT"],
  ["Israel Standard Time", "IST"],
  ["Japan Daylight Time", "JDT"],
  ["Japan Standard Time", "JST"],
  ["Korean Daylight Time", "KDT"],
  ["Korean Standard Time", "KST"],
  ["Mexican Pacific Daylight Time", "MDT"],
  ["Mexican Pacific Standard Time", "MST"],
  ["Moscow Standard Time", "MSK"],
  ["Moscow Summer Time", "MSD"],
  ["Mountain Daylight Time", "MDT"],
  ["Mountain Standard Time", "MST"],
  ["New Zealand Daylight Time", "NZDT"],
  ["New Zealand Standard Time", "NZST"],
  ["Newfoundland Daylight Time", "NDT"],
  ["Newfoundland Standard Time", "NST"],
  ["Pacific Daylight Time", "PDT"],
  ["Pacific Standard Time", "PST"],
  ["Pakistan Standard Time", "PKT"],
  ["Pakistan Summer Time", "PKST"],
  ["Philippine Standard Time", "PST"],
  ["Philippine Summer Time", "PDT"],
  ["South Africa Standard Time", "SAST"],
  ["Taiwan Daylight Time", "CDT"],
  ["Taiwan Standard Time", "CST"],
  ["West Africa Standard Time", "WAT"],
  ["West Africa Time", "WAT"],
  ["Western European Standard Time", "WET"],
  ["Western European Summer Time", "WEST"],
  ["Western Indonesia Time", "WIB"],
  ["Yukon Time", "MST"],
]);
