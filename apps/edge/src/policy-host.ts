import { renameSync } from "node:fs";
import { type Crypto, err, hex, type Instant, ok, parseUtf8, type Result } from "@vedette/base";
import { openTrustDocument, type TrustDocument, type TrustDocumentError } from "@vedette/identity";
import {
  compilePolicy,
  openPolicyBundle,
  type PolicyBundle,
  type PolicyBundleError,
  parsePolicy,
  RULES_FILE,
} from "@vedette/policy";
import { inventory, parseConfig } from "@vedette/protocol";
import { gunzip, gzip, readFileIfExists, writeFileDurably } from "@vedette/runtime";
import { type EdgeFiles, readTextIfExists } from "./edge-files.ts";
import type { EffectiveClock } from "./effective-clock.ts";
import type { EvidenceLog } from "./evidence-log.ts";
import type { ActivePolicy } from "./gateway.ts";
import type { NodeFacts } from "./node-facts.ts";
import type { StateKeeper } from "./state-keeper.ts";

export interface PolicyHostOptions {
  readonly files: EdgeFiles;
  readonly facts: NodeFacts;
  readonly state: StateKeeper;
  readonly evidence: EvidenceLog;
  readonly clock: EffectiveClock;
  readonly crypto: Crypto;
}

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
  | { readonly code: "TRUST_MISSING" }
  | { readonly code: "INVENTORY_INVALID"; readonly path: string; readonly expected: string }
  | { readonly code: "RULES_INVALID"; readonly first: string };

/** 100,000 rules are 17 MB of JSON (and a tenth of that on the wire). */
const BUNDLE_LENGTH_MAX = 16_777_216;
/** The inventory inside the policy bundle. */
const INVENTORY_FILE = "vedette/inventory/data.json";

/**
 * Walk 3 on the node: what arrives is verified, written, and verified again from this node's own disk before it runs.
 * A refusal leaves what ran before.
 */
export class PolicyHost {
  readonly #options: PolicyHostOptions;
  #trust: TrustDocument | undefined;
  #active: Activated | undefined;

  constructor(options: PolicyHostOptions) {
    this.#options = options;
  }

  /** Undefined before the first one, and again when its end has passed. */
  get trust(): TrustDocument | undefined {
    return this.#trust && this.#options.clock.now() <= this.#trust.notAfter ? this.#trust : undefined;
  }

  get active(): Activated | undefined {
    return this.#active;
  }

  /** At start: whatever lies on disk, if the sealed record still admits it. Returns why not, for the log. */
  loadFromDisk(): readonly { readonly what: string; readonly code: string }[] {
    const refused: { what: string; code: string }[] = [];
    const trust = this.#openTrust(readTextIfExists(this.#options.files.trustDocument) ?? "");
    if (trust.ok) this.#trust = trust.value;
    else refused.push({ what: "trust document", code: trust.error.code });
    const bytes = readFileIfExists(this.#options.files.policy, BUNDLE_LENGTH_MAX);
    if (!bytes) return refused;
    const policy = this.#openPolicy(bytes, this.#options.state.record.policySequence);
    if (policy.ok) this.#active = policy.value;
    else refused.push({ what: "policy bundle", code: policy.error.code });
    return refused;
  }

  async acceptTrust(text: string): Promise<Result<TrustDocument, TrustDocumentError>> {
    const { files, state, evidence } = this.#options;
    const offered = this.#openTrust(text);
    if (!offered.ok || offered.value.version === this.#trust?.version) return offered;
    writeFileDurably(files.trustDocument, text);
    const trust = this.#openTrust(readTextIfExists(files.trustDocument) ?? "");
    if (!trust.ok) return trust;
    await state.change({ trustVersion: trust.value.version });
    await evidence.event("trust-activated", { version: trust.value.version });
    this.#trust = trust.value;
    return trust;
  }

  async acceptPolicy(bytes: Uint8Array): Promise<Result<Activated, ActivationError>> {
    const { files, state, evidence, crypto } = this.#options;
    const atLeast = Math.max(state.record.policySequence, (this.#active?.sequence ?? 0) + 1);
    const offered = this.#openPolicy(bytes, atLeast);
    if (!offered.ok) {
      const digest = hex(crypto.hash("sha256", bytes));
      await evidence.event("policy-refused", {
        code: offered.error.code,
        digest,
        running: this.#active?.sequence ?? 0,
      });
      return offered;
    }
    const beside = `${files.policy}.offered`;
    writeFileDurably(beside, bytes);
    const fromDisk = this.#openPolicy(readFileIfExists(beside, BUNDLE_LENGTH_MAX) ?? new Uint8Array(0), atLeast);
    if (!fromDisk.ok) return fromDisk;
    renameSync(beside, files.policy);
    const { sequence, revision, digest } = fromDisk.value;
    await state.change({ policySequence: sequence });
    await evidence.event("policy-activated", { sequence, revision, digest });
    // One assignment: a request sees the old policy or the new one, never a mixture.
    this.#active = fromDisk.value;
    return ok(fromDisk.value);
  }

  #openTrust(text: string): Result<TrustDocument, TrustDocumentError> {
    const { facts, state, clock, crypto } = this.#options;
    const versionAtLeast = Math.max(state.record.trustVersion, this.#trust?.version ?? 0);
    return openTrustDocument(text, [facts.trustKey], { now: clock.now(), versionAtLeast, crypto });
  }

  #openPolicy(bytes: Uint8Array, sequenceAtLeast: number): Result<Activated, ActivationError> {
    const { facts, clock, crypto } = this.#options;
    const trust = this.trust;
    if (!trust) return err({ code: "TRUST_MISSING" });
    const keys = trust.policyKeys.filter(({ sites }) => sites === undefined || sites.includes(facts.site));
    const bundle = openPolicyBundle(bytes, {
      keys,
      site: facts.site,
      now: clock.now(),
      sequenceAtLeast,
      crypto,
      gzip: { gzip, gunzip },
    });
    if (!bundle.ok) return bundle;
    const compiled = compileBundle(bundle.value);
    if (!compiled.ok) return compiled;
    const { sequence, revision, notAfter } = bundle.value.manifest;
    return ok({ ...compiled.value, sequence, revision, notAfter, digest: hex(crypto.hash("sha256", bytes)) });
  }
}

function compileBundle({ files, manifest }: PolicyBundle): Result<ActivePolicy, ActivationError> {
  const rules = parseUtf8(files.get(RULES_FILE) ?? new Uint8Array(0));
  const document = parsePolicy(rules.ok ? rules.value : "", RULES_FILE);
  if (!document.ok) return err({ code: "RULES_INVALID", first: document.error.findings[0]?.message ?? "" });
  const listed = parseConfig(inventory, files.get(INVENTORY_FILE) ?? new Uint8Array(0), INVENTORY_FILE);
  if (!listed.ok) return err({ code: "INVENTORY_INVALID", path: listed.error.path, expected: listed.error.expected });
  const { revision, notAfter } = manifest;
  return ok({
    compiled: compilePolicy(document.value, { bundle: "vedette", revision, notAfter }),
    inventory: listed.value,
  });
}
