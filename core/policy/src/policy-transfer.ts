import { err, ok, parseUtf8, type Result } from "@vedette/base";
import type { CodeUnsound, Parts } from "@vedette/rego";
import { parsePolicy } from "./check.ts";
import { type CodeTransfer, packCode, parseCode } from "./code-transfer.ts";
import { type FlatPolicy, flattenPolicy } from "./compile.ts";
import type { PolicyBundleError, PolicyError } from "./errors.ts";
import { type PolicyBundle, RULES_FILE } from "./policy-bundle.ts";
import { type CheckedCode, checkCode } from "./policy-code.ts";
import type { PolicyDocument } from "./rules.ts";

/** The policy of a bundle, checked and compiled: what is left is to load it. */
export interface CompiledBundle {
  readonly rules: FlatPolicy;
  /** Undefined when there is no Rego in the bundle. */
  readonly code: CheckedCode | undefined;
}

/** An opened bundle with its policy compiled, as one thread hands it to another. */
export interface PolicyTransfer {
  /** Without the rules: they are many bytes, and nobody reads them again. */
  readonly bundle: PolicyBundle;
  readonly rules: FlatPolicy;
  readonly code: CodeTransfer | undefined;
}

/** A bundle of Rego alone. */
const NO_RULES: PolicyDocument = { id: "rego", mask: [], rules: [] };

/** All of an activation that grows with the number of rules. */
export function compileBundle(bundle: PolicyBundle): Result<CompiledBundle, PolicyBundleError | PolicyError> {
  const rules = compileRules(bundle);
  if (!rules.ok) return rules;
  const code = checkCode(bundle.files, bundle.manifest.roots);
  return code.ok ? ok({ rules: rules.value, code: code.value }) : code;
}

function compileRules({ files }: PolicyBundle): Result<FlatPolicy, PolicyBundleError | PolicyError> {
  const contents = files.get(RULES_FILE);
  if (!contents) {
    const hasCode = Array.from(files.keys()).some((name) => name.endsWith(".rego"));
    return hasCode ? ok(flattenPolicy(NO_RULES)) : err({ code: "FILE_MISSING", name: RULES_FILE });
  }
  const text = parseUtf8(contents);
  if (!text.ok) return err({ code: "BUNDLE_MALFORMED", expected: `${RULES_FILE}: UTF-8` });
  const document = parsePolicy(text.value, RULES_FILE);
  return document.ok ? ok(flattenPolicy(document.value)) : document;
}

/** Plain data and the buffers in it, which are handed over without a copy: whoever packs them keeps nothing. */
export function packPolicy(
  bundle: PolicyBundle,
  { rules, code }: CompiledBundle,
): { readonly transfer: PolicyTransfer; readonly buffers: readonly ArrayBufferLike[] } {
  const kept = Array.from(bundle.files).filter(([name]) => name !== RULES_FILE);
  // Each file is a view into the whole unpacked archive, which would travel with it.
  const files = new Map(kept.map(([name, contents]) => [name, Uint8Array.from(contents)]));
  const transfer = { bundle: { ...bundle, files }, rules, code: code && packCode(code) };
  return { transfer, buffers: Array.from(buffersIn(transfer)) };
}

/** The other end: programs are verified before anything is linked. */
export function* unpackPolicy({ bundle, rules, code }: PolicyTransfer): Parts<Result<CompiledBundle, CodeUnsound>> {
  if (code === undefined) return ok({ rules, code });
  const parsed = yield* parseCode(code, bundle.files);
  return parsed.ok ? ok({ rules, code: parsed.value }) : parsed;
}

/** Every buffer below a value, each once. */
function buffersIn(value: unknown, found: Set<ArrayBufferLike> = new Set()): Set<ArrayBufferLike> {
  if (ArrayBuffer.isView(value)) found.add(value.buffer);
  else if (value instanceof Map) for (const member of value.values()) buffersIn(member, found);
  else if (typeof value === "object" && value !== null)
    for (const member of Object.values(value)) buffersIn(member, found);
  return found;
}
