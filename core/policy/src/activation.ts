import { ok, type Result } from "@vedette/base";
import { type BackEnd, type CodeUnsound, closures, type Parts } from "@vedette/rego";
import type { CodePorts } from "./ask-code.ts";
import { type CompiledPolicy, loadPolicy } from "./compile.ts";
import type { PolicyBundleError, PolicyError } from "./errors.ts";
import type { PolicyBundle } from "./policy-bundle.ts";
import { linkCode } from "./policy-code.ts";
import { type CompiledBundle, compileBundle, type PolicyTransfer, unpackPolicy } from "./policy-transfer.ts";

/**
 * The policy that is in force, as one value. The caller keeps it in one variable and replaces it in one assignment:
 * each decision reads that variable once, so no decision ever sees half of a policy.
 */
export interface PolicyGeneration {
  /** Counts activations in this process; whoever keeps decisions throws them away when it changes. */
  readonly number: number;
  readonly bundle: PolicyBundle;
  readonly policy: CompiledPolicy;
}

export interface ActivationDeps extends CodePorts {
  /** `javascript` only where the process holds no CA or journal key (PROTOCOLS 5.4). */
  readonly backEnd?: BackEnd;
}

/** Makes the next generation from an opened policy bundle. When it refuses, the current one simply stays. */
export function activatePolicy(
  current: PolicyGeneration | undefined,
  bundle: PolicyBundle,
  deps: ActivationDeps,
): Result<PolicyGeneration, PolicyBundleError | PolicyError> {
  const compiled = compileBundle(bundle);
  return compiled.ok ? ok(load(current, bundle, compiled.value, deps)) : compiled;
}

/**
 * The same from a policy that another thread compiled: `bundle.files` need not hold the rules. Nothing is parsed or compiled
 * here; Rego's programs are verified part by part, and become functions when they are first asked.
 */
export function* adoptPolicy(
  current: PolicyGeneration | undefined,
  transfer: PolicyTransfer,
  deps: ActivationDeps,
): Parts<Result<PolicyGeneration, CodeUnsound>> {
  const compiled = yield* unpackPolicy(transfer);
  return compiled.ok ? ok(load(current, transfer.bundle, compiled.value, deps)) : compiled;
}

function load(
  current: PolicyGeneration | undefined,
  bundle: PolicyBundle,
  { rules, code }: CompiledBundle,
  { backEnd = closures, ...ports }: ActivationDeps,
): PolicyGeneration {
  const { revision, notAfter } = bundle.manifest;
  const loaded = loadPolicy(rules, { bundle: rules.id, revision, notAfter });
  const policy = code ? { ...loaded, code: { modules: linkCode(code, backEnd), ports } } : loaded;
  return { number: (current?.number ?? 0) + 1, bundle, policy };
}
