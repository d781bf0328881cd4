import { setTimeout as sleep } from "node:timers/promises";
import { AdapterError, ByteReader, ByteWriter, type Duration, milliseconds, minutes, seconds } from "@vedette/base";
import { TpmError } from "./errors.ts";
import { HEADER_SIZE, malformed, type Transport } from "./transport.ts";
import { COMMAND, type CommandName, HANDLE, TAG } from "./wire.ts";

/** How a command proves its right to use a handle: the empty password, or a policy session that has been satisfied. */
export type Authorization = { readonly kind: "password"; readonly value: Uint8Array } | PolicySession;
export interface PolicySession {
  readonly kind: "policy";
  readonly handle: number;
}

export interface Command {
  readonly name: CommandName;
  /** In the order of the command's handle area; the first `authorizations.length` of them are the authorised ones. */
  readonly handles?: readonly number[];
  readonly authorizations?: readonly Authorization[];
  readonly parameters?: Uint8Array;
  /** Whether the response begins with a handle. */
  readonly returnsHandle?: boolean;
}

/** Reads a response's parameters; `handle` is 0 when the command returns none. Bytes left over or missing are refused by `execute`. */
export type ResponseReader<T> = (parameters: ByteReader, handle: number) => T;

/**
 * The time in which one side has the TPM to itself. What it loads (objects, sessions) is its own and is flushed when it ends:
 * a TPM without resource manager has three slots, and a forgotten session is a leak until the next reset.
 */
export class Transaction {
  readonly #transport: Transport;
  readonly #limits: CommandLimits;
  readonly #loaded: Set<number> = new Set();

  constructor(transport: Transport, limits: CommandLimits) {
    this.#transport = transport;
    this.#limits = limits;
  }

  /** Throws `TpmError` when the TPM refuses; `AdapterError` TPM_TIMEOUT, TPM_DISCONNECTED, TPM_RESPONSE_MALFORMED when it does not answer properly. */
  async execute<T>(command: Command, read: ResponseReader<T>): Promise<T> {
    const frame = marshalCommand(command);
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#exchange(command.name, frame);
      const { responseCode } = answer;
      if (responseCode === 0) return this.#accept(command, answer, read);
      if (!RETRIABLE.has(responseCode) || attempt === ATTEMPTS_MAX) throw new TpmError(command.name, responseCode);
      await sleep(RETRY_PAUSE * 2 ** (attempt - 1));
    }
  }

  async flush(handle: number): Promise<void> {
    this.#loaded.delete(handle);
    await this.execute({ name: "FlushContext", parameters: new ByteWriter().u32(handle).finish() }, nothing);
  }

  /** Gives every slot back. The first failure is thrown, after all were tried. */
  async end(): Promise<void> {
    const failures: unknown[] = [];
    for (const handle of [...this.#loaded].reverse()) {
      try {
        await this.flush(handle);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #exchange(name: CommandName, frame: Uint8Array): Promise<Answer> {
    const timeout = SLOW_COMMANDS.has(name) ? this.#limits.keyCreationTimeout : this.#limits.commandTimeout;
    try {
      return parseAnswer(await this.#transport.exchange(frame, timeout));
    } catch (cause) {
      if (cause instanceof AdapterError)
        throw new AdapterError(cause.code, cause.message, { command: name, ...cause.facts }, cause);
      throw cause;
    }
  }

  #accept<T>(command: Command, answer: Answer, read: ResponseReader<T>): T {
    const body = new ByteReader(answer.body);
    const handle = command.returnsHandle ? body.u32() : 0;
    if (command.returnsHandle) this.#loaded.add(handle);
    const hasSessions = (command.authorizations?.length ?? 0) > 0;
    if (hasSessions !== (answer.tag === TAG.sessions))
      throw malformed("tag does not fit the command", { command: command.name });
    const parameters = new ByteReader(body.take(hasSessions ? body.u32() : body.remaining));
    const value = read(parameters, handle);
    if (!body.isWhole || !parameters.isFinished)
      throw malformed("parameters do not fit the frame", { command: command.name });
    return value;
  }
}

export interface CommandLimits {
  readonly commandTimeout: Duration;
  readonly keyCreationTimeout: Duration;
}

export const COMMAND_LIMITS: CommandLimits = {
  // A discrete TPM signs in 0.1-0.4 s and may first finish a self-test; Linux allows 2 s for what it calls long.
  commandTimeout: seconds(20),
  // Finding RSA primes takes a discrete TPM from seconds to minutes; Linux allows 5 minutes.
  keyCreationTimeout: minutes(5),
};

const SLOW_COMMANDS: ReadonlySet<CommandName> = new Set(["CreatePrimary", "Create"]);

// TPM_RC_YIELDED, TPM_RC_TESTING, TPM_RC_NV_RATE, TPM_RC_RETRY: "not now", the command had no effect (part 2 §6.6.3).
const RETRIABLE: ReadonlySet<number> = new Set([0x908, 0x90a, 0x920, 0x922]);
// Pauses double from 20 ms: seven attempts wait 1.3 s in all, longer than a self-test of one algorithm takes.
const ATTEMPTS_MAX = 7;
const RETRY_PAUSE: Duration = milliseconds(20);

interface Answer {
  readonly tag: number;
  readonly responseCode: number;
  readonly body: Uint8Array;
}

// Part 1 §18.3. The size field must be the true one; a TPM behind a broken bridge is as hostile as any peer.
function parseAnswer(frame: Uint8Array): Answer {
  const reader = new ByteReader(frame);
  const tag = reader.u16();
  const size = reader.u32();
  const responseCode = reader.u32();
  if (!reader.isWhole || size !== frame.length)
    throw malformed("header does not fit the frame", { size, received: frame.length });
  if (tag !== TAG.noSessions && tag !== TAG.sessions && responseCode === 0) throw malformed("unknown tag", { tag });
  return { tag, responseCode, body: frame.slice(HEADER_SIZE) };
}

function marshalCommand(command: Command): Uint8Array {
  const body = new ByteWriter();
  for (const handle of command.handles ?? []) body.u32(handle);
  const authorizations = command.authorizations ?? [];
  if (authorizations.length > 0) body.raw(marshalAuthorizations(authorizations));
  body.raw(command.parameters ?? new Uint8Array(0));
  const bytes = body.finish();
  return new ByteWriter()
    .u16(authorizations.length > 0 ? TAG.sessions : TAG.noSessions)
    .u32(HEADER_SIZE + bytes.length)
    .u32(COMMAND[command.name])
    .raw(bytes)
    .finish();
}

// Part 1 §18.4: handle, nonce (empty: no session here proves itself by HMAC), attributes, password.
function marshalAuthorizations(authorizations: readonly Authorization[]): Uint8Array {
  const area = new ByteWriter();
  for (const authorization of authorizations) {
    area
      .u32(authorization.kind === "password" ? HANDLE.password : authorization.handle)
      .u16(0)
      .u8(CONTINUE_SESSION);
    area.sized16(authorization.kind === "password" ? authorization.value : new Uint8Array(0));
  }
  const bytes = area.finish();
  return new ByteWriter().u32(bytes.length).raw(bytes).finish();
}

// The session stays until it is flushed, also when its command fails: one rule for both ends.
const CONTINUE_SESSION = 0x01;

/** For commands that answer with success and nothing else. */
export const nothing: ResponseReader<void> = () => undefined;

export const EMPTY_PASSWORD: Authorization = { kind: "password", value: new Uint8Array(0) };
