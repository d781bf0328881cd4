import { BUILTINS, capabilitiesToValue, type PolicyTier, REFUSED_CALLS } from "@vedette/rego";
import { type Command, exitCode } from "../command.ts";
import { PolicyValue, reportToJson } from "./json-text.ts";
import { tableToText } from "./table.ts";

const TIERS: readonly PolicyTier[] = ["edge", "gate"];

export const capabilities: Command = {
  name: "policy capabilities",
  summary: "print what modules may use here, in the form of OPA's capabilities files",
  options: {
    current: { summary: "all there is, also what only tests may put something in place of" },
    tier: {
      summary: "what may be called on an edge node, or in a gate before something ships",
      value: "TIER",
      choices: TIERS,
    },
    format: { summary: "json or pretty", short: "f", value: "FORMAT", choices: ["json", "pretty"], default: "json" },
    "v0-compatible": { summary: "of Rego v0, the language before OPA 1.0" },
  },
  details: "\nWith a tier and --format pretty: what the tier refuses, and why.",
  examples: [
    "vedette policy capabilities --tier edge > edge.json && opa check --capabilities edge.json policy/",
    "vedette policy capabilities --tier edge --format pretty",
  ],
  async run(invocation, terminal) {
    const tier = TIERS.find((each) => each === invocation.optional("tier"));
    if (invocation.value("format") === "pretty" && !terminal.isJson) {
      const refused = REFUSED_CALLS.filter(({ tiers }) => tier === undefined || tiers.includes(tier));
      const rows = refused.map(({ name, tiers, reason }) => [name, tiers.join(", "), reason]);
      terminal.out(`${BUILTINS.length} builtins; refused:\n${tableToText(["Builtin", "Tiers", "Why"], rows)}`);
      return exitCode.done;
    }
    const regoVersion = invocation.isSet("v0-compatible") ? 0 : 1;
    terminal.out(reportToJson(new PolicyValue(capabilitiesToValue(BUILTINS, { tier, regoVersion }))));
    return exitCode.done;
  },
};
