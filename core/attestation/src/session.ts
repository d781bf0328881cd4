import {
  addDuration,
  assert,
  ByteReader,
  ByteWriter,
  type Crypto,
  concatBytes,
  type Duration,
  err,
  hex,
  type Instant,
  instant,
  ok,
  parseUtf8,
  type Random,
  type Result,
  type Secret,
  seconds,
  utf8,
} from "@vedette/base";
import type { NodeKeys } from "./admission.ts";
import { BINDING_PART_LENGTH } from "./binding.ts";
import type { SessionError } from "./errors.ts";
import { marshalPcrSelection, type PcrSelection, readPcrSelections } from "./pcr.ts";
import { UsedOnce } from "./used-once.ts";

/** What the verifier must remember between its two messages. It travels with the attester, sealed. */
export interface Session {
  readonly attester: "tpm" | "software";
  readonly purpose: "enrol" | "reattest";
  readonly deviceClass: string;
  readonly site: string;
  readonly name: string;
  readonly nonce: Uint8Array;
  readonly activationSecret: Uint8Array;
  readonly messageDigest: Uint8Array;
  readonly nodeKeys?: NodeKeys | undefined;
  readonly spki: Uint8Array;
  readonly akPublic: Uint8Array;
  readonly ekHash: Uint8Array;
  readonly akName: Uint8Array;
  readonly pcrSelection: PcrSelection;
  /** SHA-256 of the single-use claim that lets this attester in; empty when its EK is registered. */
  readonly claimHash: Uint8Array;
}

/** The connection on which a message came, and the effective time (PROTOCOLS 3.1) at which it did. */
export interface Arrival {
  readonly now: Instant;
  readonly channel: string;
}

/** PROTOCOLS 2.4 and 2.5: no nonce is older. */
export const SESSION_LIFE: Duration = seconds(60);
/** A sealed session is about 600 bytes with an ECC AK and 900 with an RSA AK. */
export const SESSION_LENGTH_MAX = 2_048;
/** 100,000 devices that come back within three minutes use 33,000 sessions a minute; an entry is about 100 bytes. */
export const USED_SESSIONS_MAX = 65_536;

const SESSION_LABEL: Uint8Array = utf8("vedette/session/1");
const SESSION_ID_LENGTH = 16;
/** AES-GCM (SP 800-38D §8.2.2): random nonces are safe for 2^32 sessions under one key. */
const AEAD_NONCE_LENGTH = 12;
const NONE = new Uint8Array(0);
const attesters = ["tpm", "software"] as const;
const purposes = ["enrol", "reattest"] as const;

export interface SessionKeeperOptions {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly sessionKey: Secret;
  readonly usedSessionsMax: number;
}

/** Seals sessions and lets each be used once, on its channel, while it lives. */
export class SessionKeeper {
  readonly #options: SessionKeeperOptions;
  readonly #used: UsedOnce;

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
    this.#used = new UsedOnce(options.usedSessionsMax, SESSION_LIFE);
  }

  seal(session: Session, { now, channel }: Arrival): Uint8Array {
    const { crypto, random, sessionKey } = this.#options;
    const id = random.bytes(SESSION_ID_LENGTH);
    const plaintext = encodeSession(session, id, { now: this.#used.advance(now), channel });
    const nonce = random.bytes(AEAD_NONCE_LENGTH);
    return concatBytes(nonce, crypto.sealAead(sessionKey.reveal(), nonce, plaintext, SESSION_LABEL));
  }

  /** Consumes the session when it is genuine and alive, whatever comes of it. */
  open(sealed: Uint8Array, at: Arrival): Result<Session, SessionError> {
    const { crypto, sessionKey } = this.#options;
    const plaintext = sealed.length <= SESSION_LENGTH_MAX ? unseal(sealed, sessionKey, crypto) : undefined;
    if (!plaintext) return err({ code: "SESSION_INVALID" });
    const { id, sealedAt, channel, session } = decodeSession(plaintext);
    const now = this.#used.advance(at.now);
    if (now >= addDuration(sealedAt, SESSION_LIFE)) return err({ code: "SESSION_EXPIRED" });
    const use = this.#use(`session ${id}`, now, "SESSION_USED");
    if (!use.ok) return use;
    return channel === at.channel ? ok(session) : err({ code: "SESSION_CHANNEL_MISMATCH" });
  }

  /** A claim opens the door for one attester; a session that was sealed on it before finds it used. */
  useClaim(claimHash: Uint8Array, { now }: Arrival): Result<void, SessionError> {
    return this.#use(`claim ${hex(claimHash)}`, now, "CLAIM_USED");
  }

  #use(id: string, now: Instant, code: "SESSION_USED" | "CLAIM_USED"): Result<void, SessionError> {
    const { usedSessionsMax } = this.#options;
    const use = this.#used.use(id, now);
    if (use === "full") return err({ code: "DESK_FULL", usedSessionsMax });
    return use === "used" ? ok(undefined) : err({ code });
  }
}

function unseal(sealed: Uint8Array, sessionKey: Secret, crypto: Crypto): Uint8Array | undefined {
  const nonce = sealed.subarray(0, AEAD_NONCE_LENGTH);
  if (nonce.length < AEAD_NONCE_LENGTH) return undefined;
  return crypto.openAead(sessionKey.reveal(), nonce, sealed.subarray(AEAD_NONCE_LENGTH), SESSION_LABEL);
}

function encodeSession(session: Session, id: Uint8Array, at: Arrival): Uint8Array {
  return new ByteWriter()
    .raw(id)
    .u64(BigInt(at.now))
    .sized16(utf8(at.channel))
    .u8(attesters.indexOf(session.attester))
    .u8(purposes.indexOf(session.purpose))
    .sized16(utf8(session.deviceClass))
    .sized16(utf8(session.site))
    .sized16(utf8(session.name))
    .raw(session.nonce)
    .raw(session.activationSecret)
    .raw(session.messageDigest)
    .sized16(session.spki)
    .sized16(session.akPublic)
    .raw(session.ekHash)
    .sized16(session.akName)
    .sized16(session.claimHash)
    .sized16(session.nodeKeys?.siteCa ?? NONE)
    .sized16(session.nodeKeys?.journal ?? NONE)
    .raw(marshalPcrSelection(session.pcrSelection))
    .finish();
}

interface DecodedSession {
  readonly id: string;
  readonly sealedAt: Instant;
  readonly channel: string;
  readonly session: Session;
}

/** Only called with what our own key has authenticated, so anything unexpected is a bug. */
function decodeSession(plaintext: Uint8Array): DecodedSession {
  const reader = new ByteReader(plaintext);
  const id = hex(reader.take(SESSION_ID_LENGTH));
  const sealedAt = instant(Number(reader.u64()));
  const channel = readText(reader);
  const session: Session = {
    attester: oneOf(attesters, reader.u8()),
    purpose: oneOf(purposes, reader.u8()),
    deviceClass: readText(reader),
    site: readText(reader),
    name: readText(reader),
    nonce: reader.take(BINDING_PART_LENGTH),
    activationSecret: reader.take(BINDING_PART_LENGTH),
    messageDigest: reader.take(BINDING_PART_LENGTH),
    spki: reader.sized16(),
    akPublic: reader.sized16(),
    ekHash: reader.take(BINDING_PART_LENGTH),
    akName: reader.sized16(),
    claimHash: reader.sized16(),
    nodeKeys: readNodeKeys(reader),
    pcrSelection: readSelection(reader),
  };
  assert(reader.isFinished, "a sealed session has the shape that we gave it");
  return { id, sealedAt, channel, session };
}

function readNodeKeys(reader: ByteReader): NodeKeys | undefined {
  const [siteCa, journal] = [reader.sized16(), reader.sized16()];
  return siteCa.length > 0 ? { siteCa, journal } : undefined;
}

function readText(reader: ByteReader): string {
  const text = parseUtf8(reader.sized16());
  assert(text.ok, "a sealed session holds our own UTF-8");
  return text.value;
}

function readSelection(reader: ByteReader): PcrSelection {
  const [selection] = readPcrSelections(reader) ?? [];
  assert(selection !== undefined, "a sealed session holds one PCR selection");
  return selection;
}

function oneOf<T>(values: readonly T[], index: number): T {
  const value = values[index];
  assert(value !== undefined, "a sealed session holds an index that we wrote");
  return value;
}
