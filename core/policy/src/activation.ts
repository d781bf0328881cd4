import { err, ok, parseUtf8, type Result } from "@vedette/base";
import { parsePolicy } from "./check.ts";
import { type CompiledPolicy, compilePolicy } from "./compile.ts";
import type { PolicyBundleError, PolicyError } from "./errors.ts";
import { type PolicyBundle, RULES_FILE } from "./policy-bundle.ts";

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

/** Makes the next generation from an opened policy bundle. When it refuses, the current one simply stays. */
export function activatePolicy(
  current: PolicyGeneration | undefined,
  bundle: PolicyBundle,
): Result<PolicyGeneration, PolicyBundleError | PolicyError> {
  const rules = bundle.files.get(RULES_FILE);
  if (!rules) return err({ code: "FILE_MISSING", name: RULES_FILE });
  const text = parseUtf8(rules);
  if (!text.ok) return err({ code: "BUNDLE_MALFORMED", expected: `${RULES_FILE}: UTF-8` });
  const document = parsePolicy(text.value, RULES_FILE);
  if (!document.ok) return document;
  const { revision, notAfter } = bundle.manifest;
  const policy = compilePolicy(document.value, { bundle: document.value.id, revision, notAfter });
  return ok({ number: (current?.number ?? 0) + 1, bundle, policy });
}
