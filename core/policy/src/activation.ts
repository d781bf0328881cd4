import { ok, type Result } from "@vedette/base";
import { type BackEnd, closures } from "@vedette/rego";
import type { CodePorts } from "./ask-code.ts";
import { type CompiledPolicy, type FlatPolicy, loadPolicy } from "./compile.ts";
import type { PolicyBundleError, PolicyError } from "./errors.ts";
import type { PolicyBundle } from "./policy-bundle.ts";
import { compileCode } from "./policy-code.ts";
import { compileRules } from "./policy-transfer.ts";

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
  const rules = compileRules(bundle);
  return rules.ok ? adoptPolicy(current, bundle, rules.value, deps) : rules;
}

/**
 * The same from rules that were compiled before, maybe in another thread: `bundle.files` need not hold them. What is
 * left to do does not grow with their number; Rego is compiled here, because its rules become functions.
 */
export function adoptPolicy(
  current: PolicyGeneration | undefined,
  bundle: PolicyBundle,
  rules: FlatPolicy,
  { backEnd = closures, ...ports }: ActivationDeps,
): Result<PolicyGeneration, PolicyError> {
  const { revision, notAfter, roots } = bundle.manifest;
  const code = compileCode(bundle.files, roots, backEnd);
  if (!code.ok) return code;
  const loaded = loadPolicy(rules, { bundle: rules.id, revision, notAfter });
  const policy = code.value ? { ...loaded, code: { modules: code.value, ports } } : loaded;
  return ok({ number: (current?.number ?? 0) + 1, bundle, policy });
}
