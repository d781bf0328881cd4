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
  latest,
  ok,
  parseUtf8,
  type Random,
  type Result,
  type Secret,
  seconds,
  utf8,
} from "@vedette/base";
import { BINDING_PART_LENGTH } from "./binding.ts";
import type { SessionError } from "./errors.ts";
import { marshalPcrSelection, type PcrSelection, readPcrSelections } from "./pcr.ts";

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

/** Seals sessions and lets each be used once, on its channel, while it lives. */
export interface SessionKeeper {
  seal(session: Session, at: Arrival): Uint8Array;
  /** Consumes the session when it is genuine and alive, whatever comes of it. */
  open(sealed: Uint8Array, at: Arrival): Result<Session, SessionError>;
  /** A claim opens the door for one attester; sessions sealed before that find it used. */
  useClaim(claimHash: Uint8Array, at: Arrival): Result<void, SessionError>;
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
const attesters = ["tpm", "software"] as const;
const purposes = ["enrol", "reattest"] as const;

export function createSessionKeeper(options: {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly sessionKey: Secret;
  readonly usedSessionsMax: number;
}): SessionKeeper {
  const { crypto, random, sessionKey, usedSessionsMax } = options;
  // INVARIANT: an entry is only dropped when no session that could match it is alive; insertion order is expiry order.
  const usedUntil = new Map<string, Instant>();
  let timeSeen = instant(0);

  // A clock that steps back would bring sessions back to life whose use has been forgotten.
  const advance = (now: Instant): Instant => {
    timeSeen = latest(timeSeen, now);
    return timeSeen;
  };
  const markUsed = (id: string, now: Instant): Result<void, SessionError> => {
    for (const [old, until] of usedUntil) {
      if (until > now) break;
      usedUntil.delete(old);
    }
    if (usedUntil.size >= usedSessionsMax) return err({ code: "DESK_FULL", usedSessionsMax });
    usedUntil.set(id, addDuration(now, SESSION_LIFE));
    return ok(undefined);
  };

  return {
    seal(session, at) {
      const plaintext = encodeSession(session, random.bytes(SESSION_ID_LENGTH), { ...at, now: advance(at.now) });
      const nonce = random.bytes(AEAD_NONCE_LENGTH);
      return concatBytes(nonce, crypto.sealAead(sessionKey.reveal(), nonce, plaintext, SESSION_LABEL));
    },
    open(sealed, at) {
      const plaintext = sealed.length <= SESSION_LENGTH_MAX ? unseal(sealed, sessionKey, crypto) : undefined;
      if (!plaintext) return err({ code: "SESSION_INVALID" });
      const { id, sealedAt, channel, session } = decodeSession(plaintext);
      const now = advance(at.now);
      if (now >= addDuration(sealedAt, SESSION_LIFE)) return err({ code: "SESSION_EXPIRED" });
      if (usedUntil.has(id)) return err({ code: "SESSION_USED" });
      const marked = markUsed(id, now);
      if (!marked.ok) return marked;
      return channel === at.channel ? ok(session) : err({ code: "SESSION_CHANNEL_MISMATCH" });
    },
    useClaim(claimHash, at) {
      const id = `claim ${hex(claimHash)}`;
      const now = advance(at.now);
      if ((usedUntil.get(id) ?? 0) > now) return err({ code: "CLAIM_USED" });
      usedUntil.delete(id);
      return markUsed(id, now);
    },
  };
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
    pcrSelection: readSelection(reader),
  };
  assert(reader.isFinished, "a sealed session has the shape that we gave it");
  return { id, sealedAt, channel, session };
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
