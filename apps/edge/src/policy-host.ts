import { closeSync, fsyncSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { AdapterError, type Crypto, err, hex, type Instant, ok, type Random, type Result } from "@vedette/base";
import { openTrustDocument, type TrustDocument, type TrustDocumentError } from "@vedette/identity";
import {
  activatePolicy,
  adoptPolicy,
  BUNDLE_LENGTH_MAX,
  type CompiledPolicy,
  openPolicyBundle,
  type PolicyBundle,
  type PolicyBundleError,
  type PolicyError,
} from "@vedette/policy";
import { inventory, parseConfig } from "@vedette/protocol";
import type { CodeUnsound } from "@vedette/rego";
import { gunzip, gzip, readFileIfExists, writeFileDurably } from "@vedette/runtime";
import { type EdgeFiles, readTextIfExists } from "./edge-files.ts";
import type { EffectiveClock } from "./effective-clock.ts";
import type { EvidenceLog } from "./evidence-log.ts";
import type { ActivePolicy } from "./gateway.ts";
import { inTurns } from "./in-turns.ts";
import type { NodeFacts } from "./node-facts.ts";
import { type OpenedPolicy, type OpenTerms, PolicyThread, type ThreadFailure } from "./policy-thread.ts";
import type { StateKeeper } from "./state-keeper.ts";

export interface PolicyHostOptions {
  readonly files: Pick<EdgeFiles, "trustDocument" | "policy">;
  readonly facts: Pick<NodeFacts, "site" | "trustKey">;
  readonly state: Pick<StateKeeper, "record" | "change">;
  readonly evidence: Pick<EvidenceLog, "event">;
  readonly clock: Pick<EffectiveClock, "now">;
  readonly crypto: Crypto;
  readonly random: Random;
  /** After a document was judged, whatever came of it: much was read and little of it is kept. */
  readonly onJudged?: () => void;
  /** Where bundles are opened once the node decides. */
  readonly startThread?: () => Thread;
}

type Thread = Pick<PolicyThread, "verify" | "open"> & Disposable;

/** What runs, and what an acknowledgement says about it. */
export interface Activated extends ActivePolicy {
  readonly sequence: number;
  readonly revision: string;
  /** SHA-256 of the bundle, hexadecimal. */
  readonly digest: string;
  readonly notAfter: Instant;
}

export type ActivationError =
  | PolicyBundleError
  | PolicyError
  | ThreadFailure
  | CodeUnsound
  | { readonly code: "TRUST_MISSING" }
  | { readonly code: "INVENTORY_INVALID"; readonly path: string; readonly expected: string };

/** The inventory inside the policy bundle. */
const INVENTORY_FILE = "vedette/inventory/data.json";
const NOTHING = new Uint8Array(0);

/**
 * Walk 3 on the node: what arrives is verified, written, and verified again from this node's own disk before it runs.
 * A refusal leaves what ran before; only a new trust document ends it, when it no longer admits the policy's key.
 */
export class PolicyHost {
  readonly #options: PolicyHostOptions;
  #trust: TrustDocument | undefined;
  #active: Activated | undefined;
  #refused = "";
  #expected: Thread | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PolicyHostOptions) {
    this.#options = options;
  }

  /** Undefined before the first one, and again when its end has passed. */
  get trust(): TrustDocument | undefined {
    return this.#trust && this.#options.clock.now() <= this.#trust.notAfter ? this.#trust : undefined;
  }

  /** Of the document in force; 0 without one. When it changes, what was resolved under the old one is void. */
  get trustVersion(): number {
    return this.trust?.version ?? 0;
  }

  get active(): Activated | undefined {
    return this.#active;
  }

  /** The files of the active policy, verified again from disk; nothing when another lies there. Too much to keep in memory. */
  readActiveFiles(): PolicyBundle["files"] {
    const { files, state, crypto } = this.#options;
    const bytes = readFileIfExists(files.policy, BUNDLE_LENGTH_MAX) ?? NOTHING;
    const isActive = hex(crypto.hash("sha256", bytes)) === this.#active?.digest;
    const bundle = isActive ? this.#openBundle(bytes, state.record.policySequence) : undefined;
    return bundle?.ok ? bundle.value.files : new Map();
  }

  /** At start: whatever lies on disk, if the sealed record still admits it. Returns why not, for the log. */
  loadFromDisk(): readonly { readonly what: string; readonly code: string }[] {
    const { files, state } = this.#options;
    const refused: { what: string; code: string }[] = [];
    const trust = this.#openTrust(readTextIfExists(files.trustDocument) ?? "");
    if (trust.ok) this.#trust = trust.value;
    else refused.push({ what: "trust document", code: trust.error.code });
    const bytes = readFileIfExists(files.policy, BUNDLE_LENGTH_MAX);
    if (!bytes) return refused;
    const policy = this.#openPolicy(bytes, state.record.policySequence);
    if (policy.ok) this.#active = policy.value;
    else refused.push({ what: "policy bundle", code: policy.error.code });
    return refused;
  }

  /** After `loadFromDisk`: a power cut between the file and its seal must not leave a way back to the older one. */
  sealLoaded(): Promise<void> {
    return this.#inTurn(async () => {
      const { trustVersion, policySequence } = this.#options.state.record;
      if (this.#trust && this.#trust.version > trustVersion) await this.#sealTrust(this.#trust);
      if (this.#active && this.#active.sequence > policySequence) await this.#sealPolicy(this.#active);
    });
  }

  acceptTrust(text: string): Promise<Result<TrustDocument, TrustDocumentError>> {
    return this.#inTurn(async () => {
      const { files } = this.#options;
      const offered = this.#openTrust(text);
      if (!offered.ok || offered.value.version === this.#trust?.version) return offered;
      const beside = `${files.trustDocument}.offered`;
      writeFileDurably(beside, text);
      const trust = this.#openTrust(readTextIfExists(beside) ?? "");
      if (!trust.ok) return trust;
      renameDurably(beside, files.trustDocument);
      await this.#sealTrust(trust.value);
      this.#trust = trust.value;
      await this.#reopenPolicy();
      return trust;
    });
  }

  /**
   * A policy is on its way: starts the thread that will open it, which takes as long as fetching a bundle does. Kept ready
   * all the time, it would take memory all the time. Disposed of when nothing came after all.
   */
  expectPolicy(): Disposable {
    this.#expected ??= this.#startThread();
    return { [Symbol.dispose]: () => this.#takeExpected()?.[Symbol.dispose]() };
  }

  acceptPolicy(bytes: Uint8Array): Promise<Result<Activated, ActivationError>> {
    return this.#inTurn(async () => {
      const accepted = await this.#writePolicy(bytes);
      if (!accepted.ok) {
        await this.#recordRefusal(bytes, accepted.error, this.#active);
        return accepted;
      }
      await this.#sealPolicy(accepted.value);
      // One assignment: a request sees the old policy or the new one, never a mixture.
      this.#active = accepted.value;
      return accepted;
    });
  }

  /** Renewals and the control plane bring documents independently; each is judged against what the last one left. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act).finally(() => this.#options.onJudged?.());
    this.#turn = turn.catch(() => {}); // whoever asked has the error
    return turn;
  }

  async #writePolicy(bytes: Uint8Array): Promise<Result<Activated, ActivationError>> {
    const { files, state } = this.#options;
    const atLeast = Math.max(state.record.policySequence, (this.#active?.sequence ?? 0) + 1);
    const terms = this.#termsOf(atLeast);
    if (!terms.ok) return terms;
    using thread = this.#takeExpected() ?? this.#startThread();
    const offered = await thread.verify(bytes, terms.value);
    if (!offered.ok) return offered;
    const beside = `${files.policy}.offered`;
    writeFileDurably(beside, bytes);
    const fromDisk = await thread.open(readFileIfExists(beside, BUNDLE_LENGTH_MAX) ?? NOTHING, terms.value);
    const accepted = fromDisk.ok ? await this.#adopt(fromDisk.value) : fromDisk;
    if (accepted.ok) renameDurably(beside, files.policy);
    return accepted;
  }

  /** The keys may have changed, so the policy has to stand before them again. */
  async #reopenPolicy(): Promise<void> {
    const { files, state } = this.#options;
    const running = this.#active;
    // Whatever fails from here on, nothing runs that the new document does not admit.
    this.#active = undefined;
    const bytes = readFileIfExists(files.policy, BUNDLE_LENGTH_MAX);
    if (!bytes && !running) return;
    const policy = await this.#reopen(bytes ?? NOTHING, state.record.policySequence);
    if (!policy.ok) return this.#recordRefusal(bytes ?? NOTHING, policy.error, undefined);
    if (policy.value.digest !== running?.digest) await this.#sealPolicy(policy.value);
    this.#active = policy.value;
  }

  async #sealTrust({ version }: TrustDocument): Promise<void> {
    const { state, evidence } = this.#options;
    await state.change({ trustVersion: version });
    await evidence.event("trust-activated", { version });
  }

  async #sealPolicy({ sequence, revision, digest }: Activated): Promise<void> {
    const { state, evidence } = this.#options;
    await state.change({ policySequence: sequence });
    await evidence.event("policy-activated", { sequence, revision, digest });
  }

  /** Once for each bundle and reason: what is offered again every few seconds must not fill the journal. */
  async #recordRefusal(bytes: Uint8Array, { code }: ActivationError, running: Activated | undefined): Promise<void> {
    const { evidence, crypto } = this.#options;
    const digest = hex(crypto.hash("sha256", bytes));
    const refused = `${code} ${digest} ${running?.sequence ?? 0}`;
    if (refused === this.#refused) return;
    await evidence.event("policy-refused", { code, digest, running: running?.sequence ?? 0 });
    this.#refused = refused;
  }

  #openTrust(text: string): Result<TrustDocument, TrustDocumentError> {
    const { facts, state, clock, crypto } = this.#options;
    const versionAtLeast = Math.max(state.record.trustVersion, this.#trust?.version ?? 0);
    return openTrustDocument(text, [facts.trustKey], { now: clock.now(), versionAtLeast, crypto });
  }

  async #reopen(bytes: Uint8Array, sequenceAtLeast: number): Promise<Result<Activated, ActivationError>> {
    const terms = this.#termsOf(sequenceAtLeast);
    if (!terms.ok) return terms;
    using thread = this.#startThread();
    const opened = await thread.open(bytes, terms.value);
    if (opened.ok) return this.#adopt(opened.value);
    // Nothing runs meanwhile: better to hold the node up than to leave it without a policy.
    return opened.error.code === "POLICY_THREAD_FAILED" ? this.#openPolicy(bytes, sequenceAtLeast) : opened;
  }

  #startThread(): Thread {
    return this.#options.startThread?.() ?? new PolicyThread();
  }

  #takeExpected(): Thread | undefined {
    const thread = this.#expected;
    this.#expected = undefined;
    return thread;
  }

  /** What another thread opened, made to decide. */
  async #adopt(opened: OpenedPolicy): Promise<Result<Activated, ActivationError>> {
    const { crypto, random } = this.#options;
    // This process holds the site CA's key and the journal's: no code is made from policy here (PROTOCOLS 5.4).
    const generation = await inTurns(adoptPolicy(undefined, opened, { crypto, random }));
    return generation.ok ? describe(opened.bundle, generation.value.policy, opened.digest) : generation;
  }

  /** At start, when nothing waits. */
  #openPolicy(bytes: Uint8Array, sequenceAtLeast: number): Result<Activated, ActivationError> {
    const { crypto, random } = this.#options;
    const bundle = this.#openBundle(bytes, sequenceAtLeast);
    if (!bundle.ok) return bundle;
    const generation = activatePolicy(undefined, bundle.value, { crypto, random });
    if (!generation.ok) return generation;
    return describe(bundle.value, generation.value.policy, hex(crypto.hash("sha256", bytes)));
  }

  #openBundle(bytes: Uint8Array, sequenceAtLeast: number): Result<PolicyBundle, ActivationError> {
    const { crypto } = this.#options;
    const terms = this.#termsOf(sequenceAtLeast);
    return terms.ok ? openPolicyBundle(bytes, { ...terms.value, crypto, gzip: { gzip, gunzip } }) : terms;
  }

  #termsOf(sequenceAtLeast: number): Result<OpenTerms, ActivationError> {
    const { facts, clock } = this.#options;
    const trust = this.trust;
    if (!trust) return err({ code: "TRUST_MISSING" });
    const keys = trust.policyKeys.filter(({ sites }) => sites === undefined || sites.includes(facts.site));
    return ok({ keys, site: facts.site, now: clock.now(), sequenceAtLeast });
  }
}

function describe(
  { files, manifest }: PolicyBundle,
  compiled: CompiledPolicy,
  digest: string,
): Result<Activated, ActivationError> {
  const listed = parseConfig(inventory, files.get(INVENTORY_FILE) ?? NOTHING, INVENTORY_FILE);
  if (!listed.ok) return err({ code: "INVENTORY_INVALID", path: listed.error.path, expected: listed.error.expected });
  const deviceByName = new Map(listed.value.devices.map((device) => [device.name, device]));
  const { sequence, revision, notAfter } = manifest;
  return ok({ compiled, inventory: listed.value, deviceByName, sequence, revision, notAfter, digest });
}

/** Both ends lie in one folder; the seal that follows must never be the only one of the two that outlives a power cut. */
function renameDurably(from: string, to: string): void {
  try {
    renameSync(from, to);
    const folder = openSync(dirname(to), "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (cause) {
    throw new AdapterError("FILE_WRITE_FAILED", "could not put a verified file in place", { path: to }, cause);
  }
}
