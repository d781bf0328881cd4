/** Why a message was refused. `path` is a JSON pointer (RFC 6901) into it. */
export type ProtocolError =
  | { readonly code: "MESSAGE_TOO_LARGE"; readonly length: number; readonly lengthMax: number }
  | { readonly code: "MESSAGE_NOT_JSON" }
  | { readonly code: "MESSAGE_INVALID"; readonly path: string; readonly expected: string };

/** Why a configuration file was refused, and where a person finds the place. Lines and columns count from 1. */
export interface ConfigError {
  readonly code: "CONFIG_NOT_JSON" | "CONFIG_INVALID";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly expected: string;
}
