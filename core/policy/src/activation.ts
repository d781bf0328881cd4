import { err, ok, parseUtf8, type Result } from "@vedette/base";
import { type BackEnd, closures } from "@vedette/rego";
import type { CodePorts } from "./ask-code.ts";
import { parsePolicy } from "./check.ts";
import { type CompiledPolicy, compilePolicy } from "./compile.ts";
import type { PolicyBundleError, PolicyError } from "./errors.ts";
import { type PolicyBundle, RULES_FILE } from "./policy-bundle.ts";
import { compileCode } from "./policy-code.ts";
import type { PolicyDocument } from "./rules.ts";

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
  { backEnd = closures, ...ports }: ActivationDeps,
): Result<PolicyGeneration, PolicyBundleError | PolicyError> {
  const code = compileCode(bundle.files, bundle.manifest.roots, backEnd);
  if (!code.ok) return code;
  const rules = bundle.files.get(RULES_FILE);
  if (!rules && !code.value) return err({ code: "FILE_MISSING", name: RULES_FILE });
  const document = rules ? readRules(rules) : ok(NO_RULES);
  if (!document.ok) return document;
  const { revision, notAfter } = bundle.manifest;
  const compiled = compilePolicy(document.value, { bundle: document.value.id, revision, notAfter });
  const policy = code.value ? { ...compiled, code: { modules: code.value, ports } } : compiled;
  return ok({ number: (current?.number ?? 0) + 1, bundle, policy });
}

/** A bundle of Rego alone. */
const NO_RULES: PolicyDocument = { id: "rego", mask: [], rules: [] };

function readRules(contents: Uint8Array): Result<PolicyDocument, PolicyBundleError | PolicyError> {
  const text = parseUtf8(contents);
  return text.ok
    ? parsePolicy(text.value, RULES_FILE)
    : err({ code: "BUNDLE_MALFORMED", expected: `${RULES_FILE}: UTF-8` });
}
