import { publishedPolicy } from "@vedette/protocol";
import { type Command, exitCode, UsageError } from "../command.ts";
import { readInput } from "../input-files.ts";
import { callLocal } from "../local-api.ts";

export const publish: Command = {
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
