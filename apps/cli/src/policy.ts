import {
  type Instant,
  instant,
  instantToString,
  isJsonObject,
  type Json,
  parseInstant,
  parseLocatedJson,
  parseUtf8,
} from "@vedette/base";
import { POLICY_KEY_ID } from "@vedette/control";
import {
  buildPolicyBundle,
  checkPolicy,
  compilePolicy,
  decide,
  type PolicyFinding,
  parseAccessRequest,
  parsePolicy,
  RULES_FILE,
  signPolicyBundle,
} from "@vedette/policy";
import { INVENTORY_FILE, inventory, parseConfig, publishedPolicy } from "@vedette/protocol";
import { createNodeCrypto, gunzip, gzip, readKeyFile, systemClock, writeFileDurably } from "@vedette/runtime";
import { type Command, exitCode, UsageError } from "./command.ts";
import { describeConfigError, readInput } from "./input-files.ts";
import { callLocal } from "./local-api.ts";
import { Refusal } from "./refusal.ts";

const compression = { gzip, gunzip };

const check: Command = {
  name: "policy check",
  summary: "check rules: everything that is wrong, with file, line, column and what was expected",
  operands: "FILE...",
  options: {},
  examples: ["vedette policy check examples/store-17/rules.json"],
  async run(invocation, terminal) {
    if (invocation.operands.length === 0) throw new UsageError("name at least one file of rules");
    const reports = invocation.operands.map((file) => ({ file, ...checkFile(file) }));
    const isGood = reports.every((report) => report.errors.length === 0);
    if (terminal.isJson) terminal.out(JSON.stringify({ ok: isGood, files: reports }));
    else for (const report of reports) terminal.out(describeReport(report));
    return isGood ? exitCode.done : exitCode.no;
  },
};

const build: Command = {
  name: "policy build",
  summary: "build a policy bundle (OPA layout) from rules and a site's inventory, still unsigned",
  options: {
    rules: { summary: "rules (JSON rules v1)", value: "FILE", required: true },
    inventory: { summary: "the site's classes and devices", value: "FILE", required: true },
    site: { summary: "the site it is for", value: "NAME", required: true },
    sequence: { summary: "rises with each publication", value: "NUMBER", required: true },
    "not-after": { summary: "end of its life, such as 2027-01-31T00:00:00Z", value: "TIME", required: true },
    revision: { summary: "a name for people (default: the sequence)", value: "TEXT" },
    out: { summary: "file to write", value: "FILE", required: true },
  },
  details: `
Rules and inventory travel together: what a site may do, and which devices it has. The node refuses a policy bundle that is
for another site, past its end, or not newer than the one it runs.`,
  examples: [
    "vedette policy build --rules rules.json --inventory inventory.json --site store-17 \\",
    "    --sequence 1 --not-after 2027-01-31T00:00:00Z --out policy-1.tar.gz",
  ],
  async run(invocation, terminal) {
    const sequence = readCount("sequence", invocation.value("sequence"));
    const notAfter = readInstant(invocation.value("not-after"));
    const [rules, listed] = [invocation.value("rules"), invocation.value("inventory")];
    const { errors } = checkFile(rules);
    if (errors.length > 0) throw new Refusal("POLICY_REFUSED", errors.map(describeFinding).join("\n"));
    const parsed = parseConfig(inventory, readInput(listed), listed);
    if (!parsed.ok) throw new Refusal(parsed.error.code, describeConfigError(parsed.error));
    const manifest = {
      revision: invocation.optional("revision") ?? `${invocation.value("site")}-${sequence}`,
      roots: ["vedette"],
      sequence,
      site: invocation.value("site"),
      notAfter,
    };
    const files = new Map([
      [RULES_FILE, readInput(rules)],
      [INVENTORY_FILE, readInput(listed)],
    ]);
    const bundle = buildPolicyBundle(files, manifest, compression);
    if (!bundle.ok)
      throw new Refusal(bundle.error.code, "the policy bundle cannot be built", factsOf(bundle.error), exitCode.usage);
    writeFileDurably(invocation.value("out"), bundle.value);
    const result = { out: invocation.value("out"), bytes: bundle.value.length, sequence, revision: manifest.revision };
    terminal.out(
      terminal.isJson
        ? JSON.stringify(result)
        : `Built ${result.out} (${result.bytes} bytes). Next: vedette policy sign ${result.out} --key FILE`,
    );
    return exitCode.done;
  },
};

const sign: Command = {
  name: "policy sign",
  summary: "sign a policy bundle in place, in OPA's .signatures.json",
  operands: "BUNDLE",
  options: {
    key: { summary: "the policy key (PKCS #8 PEM)", value: "FILE", required: true },
    "key-id": { summary: "the key's name in the trust document", value: "NAME", default: POLICY_KEY_ID },
  },
  details: "\nDo it where the policy key is kept, which is not the control plane.",
  examples: ["vedette policy sign policy-1.tar.gz --key authority/policy.key"],
  async run(invocation, terminal) {
    const [path] = invocation.operands;
    if (!path) throw new UsageError("name the policy bundle");
    const deps = { signer: readKeyFile(invocation.value("key")), crypto: createNodeCrypto(), gzip: compression };
    const signed = signPolicyBundle(readInput(path), invocation.value("key-id"), deps);
    if (!signed.ok)
      throw new Refusal(signed.error.code, "the policy bundle cannot be signed", factsOf(signed.error), exitCode.usage);
    writeFileDurably(path, signed.value);
    terminal.out(
      terminal.isJson ? JSON.stringify({ out: path, keyId: invocation.value("key-id") }) : `Signed ${path}.`,
    );
    return exitCode.done;
  },
};

const publish: Command = {
  name: "policy publish",
  summary: "hand a signed policy bundle to the control plane for a site",
  operands: "BUNDLE",
  options: {
    operator: { summary: "the control plane's operator socket", value: "PATH", required: true },
    site: { summary: "the site it is for", value: "NAME", required: true },
  },
  details: `
It is verified as the site's node will verify it. A refusal (exit code 3) says why, and what ran before still runs.
\`vedette control status\` shows when the node has activated it.`,
  examples: ["vedette policy publish policy-1.tar.gz --operator run/operator.sock --site store-17"],
  async run(invocation, terminal) {
    const [path] = invocation.operands;
    if (!path) throw new UsageError("name the policy bundle");
    const target = `/v1/policies?site=${encodeURIComponent(invocation.value("site"))}`;
    const answer = await callLocal(invocation.value("operator"), "POST", target, publishedPolicy, readInput(path));
    terminal.out(
      terminal.isJson
        ? JSON.stringify(answer)
        : `Published sequence ${answer.sequence} for ${answer.site} (${answer.revision}).`,
    );
    return exitCode.done;
  },
};

const evaluate: Command = {
  name: "policy eval",
  summary: "decide one request, as the gateway would, and say why",
  options: {
    rules: { summary: "rules (JSON rules v1)", value: "FILE", required: true },
    input: { summary: "an AuthZEN request: subject, action, resource, context", value: "FILE", required: true },
    state: {
      summary: "the subject's attestation: fresh, stale, expired or contraindicated",
      value: "STATE",
      default: "fresh",
    },
    "attested-at": {
      summary: "the time of the subject's last appraisal (default: the time of the decision)",
      value: "TIME",
    },
    at: { summary: "the time of the decision (default: now)", value: "TIME" },
    spent: { summary: "what every spend counter already stands at", value: "NUMBER", default: "0" },
    fail: { summary: "exit code 1 when the answer is deny" },
  },
  examples: ["vedette policy eval --rules examples/store-17/rules.json --input request.json"],
  async run(invocation, terminal) {
    const file = invocation.value("rules");
    const document = parsePolicy(textOf(file), file);
    if (!document.ok) throw new Refusal("POLICY_REFUSED", document.error.findings.map(describeFinding).join("\n"));
    const origin = { bundle: document.value.id, revision: "eval", notAfter: instant(Number.MAX_SAFE_INTEGER) };
    const request = parseAccessRequest(readJson(invocation.value("input")));
    if (!request.ok)
      throw new Refusal(
        request.error.code,
        `the request lacks ${request.error.member}: expected ${request.error.expected}`,
        {},
        exitCode.usage,
      );
    const at = invocation.optional("at");
    const spent = readCount("spent", invocation.value("spent"));
    const now = at === undefined ? systemClock.now() : readInstant(at);
    const attestedAt = invocation.optional("attested-at");
    const decision = decide(compilePolicy(document.value, origin), request.value, {
      now,
      attestation: {
        state: readState(invocation.value("state")),
        at: attestedAt === undefined ? now : readInstant(attestedAt),
      },
      counters: { spent: () => spent },
      labels: {},
      requestedBy: "vedette policy eval",
    });
    const { effect, reason, ruleId, description, obligations, spend } = decision;
    const words = description === undefined ? "" : `: ${description}`;
    // A rule that did not decide is named as the one that nearly did; its words speak for an effect that there is not.
    const hasDecided = reason === "allowed-by-rule" || reason === "denied-by-rule";
    const rule =
      ruleId === undefined ? "" : hasDecided ? `, rule ${ruleId}${words}` : `, else rule ${ruleId} would allow it`;
    const because = `${reason}${rule}`;
    terminal.out(
      terminal.isJson
        ? JSON.stringify({ effect, reason, rule: ruleId, description, obligations, spend, record: decision.record })
        : `${effect} (${because})`,
    );
    return effect === "deny" && invocation.isSet("fail") ? exitCode.no : exitCode.done;
  },
};

export const policyCommands: readonly Command[] = [check, build, sign, publish, evaluate];

function checkFile(file: string): {
  readonly errors: readonly PolicyFinding[];
  readonly warnings: readonly PolicyFinding[];
} {
  const checked = checkPolicy(textOf(file), file);
  return checked.ok
    ? { errors: [], warnings: checked.value.warnings }
    : { errors: checked.error.findings, warnings: [] };
}

function describeReport({
  file,
  errors,
  warnings,
}: {
  file: string;
  errors: readonly PolicyFinding[];
  warnings: readonly PolicyFinding[];
}): string {
  const lines = [
    ...errors.map((each) => `error    ${describeFinding(each)}`),
    ...warnings.map((each) => `warning  ${describeFinding(each)}`),
  ];
  return lines.length > 0 ? lines.join("\n") : `${file}: good`;
}

function describeFinding({ file, line, column, code, message, expected }: PolicyFinding): string {
  return `${file}:${line}:${column}: ${message}; expected ${expected} [${code}]`;
}

function textOf(file: string): string {
  const text = parseUtf8(readInput(file));
  if (!text.ok) throw new Refusal("FILE_NOT_TEXT", `${file} is not UTF-8 text`, {}, exitCode.usage);
  return text.value;
}

function readJson(file: string): Json {
  const located = parseLocatedJson(textOf(file), { length: 16_777_216, depth: 64 });
  if (located.ok && isJsonObject(located.value.value)) return located.value.value;
  const place = located.ok
    ? "1:1: expected an object"
    : `${located.error.line}:${located.error.column}: expected ${located.error.expected}`;
  throw new Refusal("FILE_NOT_JSON", `${file}:${place}`, {}, exitCode.usage);
}

function readCount(option: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${option} "${text}" is not a whole number`);
  return Number(text);
}

/** All but the code, which is said already. */
function factsOf({ code: _, ...facts }: { readonly code: string }): Readonly<Record<string, unknown>> {
  return facts;
}

function readInstant(text: string): Instant {
  const at = parseInstant(text);
  if (!at.ok) throw new UsageError(`"${text}" is not a time such as ${instantToString(instant(0))}`);
  return at.value;
}

function readState(text: string): "fresh" | "stale" | "expired" | "contraindicated" {
  if (text === "fresh" || text === "stale" || text === "expired" || text === "contraindicated") return text;
  throw new UsageError(`"${text}" is not fresh, stale, expired or contraindicated`);
}
