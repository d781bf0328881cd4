import { marshalPcrSelection, type PcrSelection, type PcrValues } from "@vedette/attestation";
import { assert, Secret } from "@vedette/base";
import { getRandom, HANDLE_RANGE, readHandles } from "./capabilities.ts";
import { defineCounter, incrementCounter, readCounter } from "./counter.ts";
import { loadEk, readEkCertificate } from "./endorsement.ts";
import type { LoadedObject, ObjectBlob } from "./objects.ts";
import * as objects from "./objects.ts";
import { extendPcr, readPcrs } from "./pcrs.ts";
import { policyGetDigest, policyPcr, policySecret, startPolicySession } from "./policy.ts";
import { AK_TEMPLATE, SRK_TEMPLATE, sealedTemplate } from "./templates.ts";
import { COMMAND_LIMITS, type CommandLimits, type PolicySession, Transaction } from "./transaction.ts";
import { openTransport, type Transport } from "./transport.ts";
import { HANDLE } from "./wire.ts";

/** The public part of the attestation key. */
export interface AkPublic {
  /** TPMT_PUBLIC (part 2 §12.2.4). */
  readonly publicArea: Uint8Array;
  /** nameAlg ‖ H_nameAlg(publicArea), as the TPM says it; a verifier computes it itself. */
  readonly name: Uint8Array;
}

export interface SignedQuote {
  /** TPMS_ATTEST. */
  readonly quoted: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
}

/**
 * Opens a TPM 2.0 behind a Unix socket that carries raw TPM frames (swtpm; it serves one client at a time, a second one waits
 * into its time-out) or behind a character device with the kernel's resource manager (`/dev/tpmrm0`).
 * Throws `AdapterError` TPM_UNAVAILABLE, and everything that `Tpm` throws.
 */
export async function openTpm(path: string, limits: CommandLimits = COMMAND_LIMITS): Promise<Tpm> {
  const transport = await openTransport(path);
  const tpm = new Tpm(transport, limits);
  try {
    if (!transport.isManaged) await tpm.transaction(flushWhatOthersLeft);
    return tpm;
  } catch (error) {
    await tpm.close();
    throw error;
  }
}

/**
 * A TPM in use. Operations run one after the other, each alone on the TPM, and flush what they loaded.
 *
 * Every method throws `TpmError` when the TPM refuses, and `AdapterError` TPM_TIMEOUT, TPM_DISCONNECTED or
 * TPM_RESPONSE_MALFORMED when it does not answer, or not properly. A time-out or a broken frame ends the connection: later calls
 * throw the same, until the TPM is opened again.
 */
export class Tpm implements AsyncDisposable {
  readonly #transport: Transport;
  readonly #limits: CommandLimits;
  #last: Promise<unknown> = Promise.resolve();

  constructor(transport: Transport, limits: CommandLimits) {
    this.#transport = transport;
    this.#limits = limits;
  }

  /** The EK certificate (RSA 2048, DER) from NV 0x1c00002; undefined when the TPM's maker stored none. */
  ekCertificate(): Promise<Uint8Array | undefined> {
    return this.transaction(readEkCertificate);
  }

  /** The attestation key: ECC P-256, restricted signing, endorsement hierarchy. The same key each time until the TPM is cleared. */
  createAk(): Promise<AkPublic> {
    return this.transaction(async (tpm) => {
      const { publicArea, name } = await loadAk(tpm);
      return { publicArea, name };
    });
  }

  /**
   * The secret that a verifier wrapped for this EK and this AK. Both arguments are without the size of their TPM2B:
   * TPMS_ID_OBJECT, and the OAEP ciphertext. `TpmError` TPM_RC_INTEGRITY: made for another AK, or altered.
   */
  activateCredential(credentialBlob: Uint8Array, encryptedSecret: Uint8Array): Promise<Secret> {
    return this.transaction(async (tpm) => {
      const ek = await loadEk(tpm);
      const ak = await loadAk(tpm);
      const session = await startPolicySession(tpm, "policy");
      await policySecret(tpm, session, HANDLE.endorsement);
      const handles = { activated: ak.handle, key: ek.handle, session };
      return new Secret(await objects.activateCredential(tpm, handles, credentialBlob, encryptedSecret));
    });
  }

  /** The AK's signature over the selected PCRs and `extraData`, for which every TPM has room up to 32 bytes. */
  quote(extraData: Uint8Array, selection: PcrSelection): Promise<SignedQuote> {
    return this.transaction(async (tpm) => {
      const ak = await loadAk(tpm);
      const { attested, signature } = await objects.quote(tpm, ak.handle, extraData, marshalPcrSelection(selection));
      return { quoted: attested, signature };
    });
  }

  /** The registers as they stand now: the TPM's word, believed only with a quote over the same. `AdapterError` TPM_PCR_MISSING. */
  readPcrs(selection: PcrSelection): Promise<PcrValues> {
    return this.transaction((tpm) => readPcrs(tpm, selection));
  }

  /** SHA-256 bank: PCR becomes SHA-256(PCR ‖ digest), until the machine restarts. */
  extendPcr(pcr: number, digest: Uint8Array): Promise<void> {
    return this.transaction((tpm) => extendPcr(tpm, pcr, digest));
  }

  /** Seals at most 128 bytes to this TPM and to the PCRs as they stand now. `AdapterError` TPM_PCR_MISSING. */
  seal(data: Secret, selection: PcrSelection): Promise<ObjectBlob> {
    assert(selection.pcrs.length > 0, "data is sealed to at least one PCR");
    return this.transaction(async (tpm) => {
      // PolicyPCR passes over registers that do not exist: without this look, sealing to them would bind to nothing.
      await readPcrs(tpm, selection);
      const policy = await policyGetDigest(tpm, await startPcrSession(tpm, "trial", selection));
      const { handle } = await loadSrk(tpm);
      return objects.create(tpm, handle, sealedTemplate(policy), data);
    });
  }

  /** `TpmError` TPM_RC_POLICY_FAIL: the PCRs are not those it was sealed to. TPM_RC_INTEGRITY: altered, or of another TPM. */
  unseal(blob: ObjectBlob, selection: PcrSelection): Promise<Secret> {
    return this.transaction(async (tpm) => {
      const { handle: parent } = await loadSrk(tpm);
      const sealed = await objects.load(tpm, parent, blob);
      const session = await startPcrSession(tpm, "policy", selection);
      return new Secret(await objects.unseal(tpm, sealed.handle, session));
    });
  }

  /**
   * Makes the NV counter if it is not there, steps it once so that it can be read, and returns its value; an existing counter keeps
   * its value. `AdapterError` TPM_COUNTER_ALTERED when something else lives at the index.
   */
  defineCounter(index: number): Promise<bigint> {
    return this.transaction((tpm) => defineCounter(tpm, index));
  }

  /** `AdapterError` TPM_COUNTER_MISSING or TPM_COUNTER_ALTERED when the index is gone, or its attributes or Name are not those that `defineCounter` made. */
  readCounter(index: number): Promise<bigint> {
    return this.transaction((tpm) => readCounter(tpm, index));
  }

  /** Steps the counter by one and returns the new value. Throws as `readCounter` does. */
  incrementCounter(index: number): Promise<bigint> {
    return this.transaction((tpm) => incrementCounter(tpm, index));
  }

  /** Up to `length` bytes of the TPM's own randomness; it may return fewer. */
  random(length: number): Promise<Uint8Array> {
    return this.transaction((tpm) => getRandom(tpm, length));
  }

  /** Runs commands alone on the TPM and flushes afterwards what they loaded; all methods above are made of this. */
  async transaction<T>(act: (tpm: Transaction) => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#run(act));
    this.#last = turn.catch(() => undefined); // the caller of that turn has its error; the next one only waits for its end
    return turn;
  }

  /** Waits for the operation under way. */
  async close(): Promise<void> {
    await this.#last;
    await this.#transport.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run<T>(act: (tpm: Transaction) => Promise<T>): Promise<T> {
    const transaction = new Transaction(this.#transport, this.#limits);
    let value: T;
    try {
      value = await act(transaction);
    } catch (error) {
      await transaction.end().catch(() => undefined); // the first failure is the one to tell
      throw error;
    }
    await transaction.end();
    return value;
  }
}

function loadAk(tpm: Transaction): Promise<LoadedObject> {
  return objects.createPrimary(tpm, HANDLE.endorsement, AK_TEMPLATE);
}

function loadSrk(tpm: Transaction): Promise<LoadedObject> {
  return objects.createPrimary(tpm, HANDLE.owner, SRK_TEMPLATE);
}

async function startPcrSession(
  tpm: Transaction,
  type: "policy" | "trial",
  selection: PcrSelection,
): Promise<PolicySession> {
  const session = await startPolicySession(tpm, type);
  await policyPcr(tpm, session, marshalPcrSelection(selection));
  return session;
}

// Without a resource manager a client that died in the middle leaves its objects and sessions in the few slots there are.
async function flushWhatOthersLeft(tpm: Transaction): Promise<void> {
  for (const range of [HANDLE_RANGE.transient, HANDLE_RANGE.loadedSession])
    for (const handle of await readHandles(tpm, range)) await tpm.flush(handle);
}
