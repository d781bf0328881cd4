import type { AdapterError } from "@vedette/base";
import { netError } from "./errors.ts";

/** An event as received; `data` is unparsed. */
export interface ReceivedEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: string;
}

/** Our events are a few hundred bytes; a server that sends more than this without ending an event is not ours. */
export const EVENT_LENGTH_MAX = 65_536;

export interface EventParser {
  /** Takes the next bytes and returns the events they complete. Throws `AdapterError` NET_PROTOCOL. */
  push(bytes: Uint8Array): readonly ReceivedEvent[];
}

/** WHATWG HTML §9.2.6. `retry` is not followed: our own back-off spreads the fleet, the server's number would gather it. */
export function createEventParser(): EventParser {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  let lastId: string | undefined;
  let fields = emptyFields();

  function takeLine(line: string): ReceivedEvent | undefined {
    if (line === "") {
      const { type, data } = fields;
      fields = emptyFields();
      return data.length === 0 ? undefined : { id: lastId, type, data: data.join("\n") };
    }
    const [, name, value = ""] = FIELD.exec(line) ?? [];
    if (name === "data") fields.data.push(value);
    else if (name === "event") fields.type = value;
    else if (name === "id" && !value.includes("\0")) lastId = value;
    fields.length += line.length;
    return undefined;
  }

  return {
    push: (bytes) => {
      const lines = (rest + decode(decoder, bytes)).split(LINE_END);
      rest = lines.pop() ?? "";
      const events: ReceivedEvent[] = [];
      for (const line of lines) {
        const event = takeLine(line);
        if (event) events.push(event);
        if (fields.length > EVENT_LENGTH_MAX) throw tooLarge();
      }
      if (rest.length > EVENT_LENGTH_MAX) throw tooLarge();
      return events;
    },
  };
}

// A lone CR at the end of the bytes may be half of CRLF: it waits for what follows.
const LINE_END = /\r\n|\n|\r(?!$)/;
const FIELD = /^([^:]+)(?:: ?(.*))?$/s;

function emptyFields() {
  return { type: "message", data: [] as string[], length: 0 };
}

function decode(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes, { stream: true });
  } catch (cause) {
    throw netError("NET_PROTOCOL", "event stream is not UTF-8", { reason: "UTF8_INVALID" }, cause);
  }
}

function tooLarge(): AdapterError {
  return netError("NET_PROTOCOL", "event is larger than its limit", {
    reason: "EVENT_TOO_LARGE",
    lengthMax: EVENT_LENGTH_MAX,
  });
}
