import { canonicalJson, type JsonObject } from "@vedette/base";

/** A record's members, each as canonical JSON: what does not change from record to record need not be written anew. */
export type RecordText = Readonly<Record<string, string>>;

export function recordText(record: JsonObject): RecordText {
  const members = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(members.map(([name, value]) => [name, canonicalJson(value)]));
}

/** The record as canonical JSON, less some of its members. */
export function recordJson(record: RecordText, without: ReadonlySet<string>): string {
  let text = "";
  for (const name of sortedNames(record))
    if (!without.has(name)) text += `${text === "" ? "" : ","}${canonicalJson(name)}:${record[name]}`;
  return `{${text}}`;
}

function sortedNames(record: RecordText): readonly string[] {
  const names = Object.keys(record);
  for (let i = 1; i < names.length; i++) if (names[i - 1]! > names[i]!) return names.sort();
  return names;
}
