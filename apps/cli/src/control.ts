import { dirname, resolve } from "node:path";
import { instantToString, utf8 } from "@vedette/base";
import { initControl, signNextTrust, startControl } from "@vedette/control";
import {
  anyDocument,
  type ControlConfig,
  type ControlStatus,
  controlConfig,
  controlStatus,
  publishedTrust,
  trustAnswer,
} from "@vedette/protocol";
import { createLog, createNodeCrypto, systemClock, systemRandom, writeFileDurably } from "@vedette/runtime";
import { type Command, columns, exitCode, type Invocation, type Options } from "./command.ts";
import { readConfigFile } from "./input-files.ts";
import { callLocal } from "./local-api.ts";
import { untilStopped } from "./until-stopped.ts";

const configOption: Options = {
  config: { summary: "the control plane's configuration file", value: "FILE", required: true },
};
export const operatorOption: Options = {
  operator: { summary: "the control plane's operator socket", value: "PATH", required: true },
};

const ports = { clock: systemClock, random: systemRandom, crypto: createNodeCrypto() };

const init: Command = {
  name: "control init",
  summary: "found a fleet: root, issuing CA, trust key, policy key, first trust document",
  options: {
    ...configOption,
    authority: { summary: "folder for the keys that are to be taken away", value: "DIR", required: true },
  },
  details: `
Makes two sets of keys. The control plane's own go into its data folder. The root key, the trust key and the policy key go
into the authority folder: move it off this machine; the control plane runs without it.`,
  examples: ["vedette control init --config control.json --authority ./authority"],
  async run(invocation, terminal) {
    const { config, folder, data } = readControlConfig(invocation);
    const authority = resolve(invocation.value("authority"));
    const founded = initControl({ config, folder, data, authority, ...ports });
    const result = { ...founded, fleet: config.fleet, data, authority };
    terminal.out(
      terminal.isJson
        ? JSON.stringify(result)
        : `Founded the fleet ${config.fleet}.
  root (SHA-256)    ${founded.root}
  trust document    version 1, until ${instantToString(founded.trustNotAfter)}
  online keys       ${data}
  keys to take away ${authority}

Next: vedette control run --config ${invocation.value("config")}`,
    );
    return exitCode.done;
  },
};

const run: Command = {
  name: "control run",
  summary: "run the control plane",
  options: configOption,
  details: `
Says where it listens when it is ready, then logs to standard error, one JSON object a line, until SIGINT or SIGTERM.`,
  examples: ["vedette control run --config control.json"],
  async run(invocation, terminal) {
    const { config, folder, data } = readControlConfig(invocation);
    const log = createLog("vedette-control", systemClock, (line) => process.stderr.write(line));
    const operatorSocket = resolve(folder, config.operatorSocket);
    await using control = await startControl({ config, data, operatorSocket, log, ...ports });
    const { enrolUrl, fleetUrl } = control;
    terminal.out(
      terminal.isJson
        ? JSON.stringify({ enrolUrl, fleetUrl, operatorSocket })
        : `The control plane of ${config.fleet} is ready.\n  enrolment  ${enrolUrl}\n  fleet API  ${fleetUrl}\n  operator   ${operatorSocket}`,
    );
    await untilStopped(terminal.signal);
    return exitCode.done;
  },
};

const status: Command = {
  name: "control status",
  summary: "show nodes, who is pending, and what is mirrored",
  options: operatorOption,
  examples: ["vedette control status --operator run/operator.sock"],
  async run(invocation, terminal) {
    const answer = await callLocal(invocation.value("operator"), "GET", "/v1/status", controlStatus);
    terminal.out(terminal.isJson ? JSON.stringify(answer) : describeStatus(answer));
    return exitCode.done;
  },
};

const join: Command = {
  name: "control join",
  summary: "write the join file for a node",
  details: `
The file says where the control plane is and what proves it; \`vedette edge init\` reads it. The node's TPM must be registered
in the control plane's configuration, or the file must hold a claim, which admits one TPM under this name and is a secret.`,
  options: {
    ...operatorOption,
    site: { summary: "the site's name", value: "NAME", required: true },
    class: { summary: "the node's class", value: "NAME", required: true },
    name: { summary: "the node's name", value: "NAME", required: true },
    claim: { summary: "add a single-use claim, for a TPM that is not registered" },
    out: { summary: "file to write", value: "FILE", required: true },
  },
  examples: [
    "vedette control join --operator op.sock --site store-17 --class gateway --name edge-1 --out edge-1.join.json",
  ],
  async run(invocation, terminal) {
    const body = {
      site: invocation.value("site"),
      class: invocation.value("class"),
      name: invocation.value("name"),
      isClaimed: invocation.isSet("claim"),
    };
    const file = await callLocal(
      invocation.value("operator"),
      "POST",
      "/v1/joins",
      anyDocument,
      utf8(JSON.stringify(body)),
    );
    writeFileDurably(invocation.value("out"), `${JSON.stringify(file, null, 2)}\n`);
    // The file may hold a claim, and output ends in logs.
    const { claim, ...told } = file;
    const secret = claim === undefined ? "" : " It holds a single-use claim: keep it secret.";
    terminal.out(
      terminal.isJson
        ? JSON.stringify({ ...told, out: invocation.value("out") })
        : `Wrote ${invocation.value("out")}.${secret}`,
    );
    return exitCode.done;
  },
};

const trust: Command = {
  name: "control trust",
  summary: "sign and publish the next trust document: new sites, new EK anchors, revoked sites, a new end",
  options: {
    ...configOption,
    ...operatorOption,
    authority: { summary: "the folder with the trust key", value: "DIR", required: true },
    revoke: { summary: "a site that is trusted no more", value: "NAME", repeated: true },
  },
  details: `
The sites and EK anchors are those of the configuration file as it now stands. Run it after a change there, to revoke a site,
and at least twice a year: a trust document ends after 180 days. Nodes follow within seconds when they are connected.`,
  examples: [
    "vedette control trust --config control.json --operator op.sock --authority ./authority --revoke store-17",
  ],
  async run(invocation, terminal) {
    const { config, folder } = readControlConfig(invocation);
    const operator = invocation.value("operator");
    const current = await callLocal(operator, "GET", "/v1/trust", trustAnswer);
    const authority = resolve(invocation.value("authority"));
    const next = { config, folder, authority, current: current.document, revoke: invocation.all("revoke") };
    const text = signNextTrust({ ...next, clock: ports.clock, crypto: ports.crypto });
    const published = await callLocal(operator, "POST", "/v1/trust", publishedTrust, utf8(text));
    terminal.out(
      terminal.isJson ? JSON.stringify(published) : `Trust document version ${published.version} is in force.`,
    );
    return exitCode.done;
  },
};

export const controlCommands: readonly Command[] = [init, run, status, join, trust];

function readControlConfig(invocation: Invocation): { config: ControlConfig; folder: string; data: string } {
  const path = resolve(invocation.value("config"));
  const folder = dirname(path);
  const config = readConfigFile(controlConfig, path);
  return { config, folder, data: resolve(folder, config.data) };
}

function describeStatus({ fleet, trustVersion, nodes, pending }: ControlStatus): string {
  const nodeRows = nodes.map((node): [string, string] => [
    node.id,
    `${node.state}, policy ${node.policySequence ?? "none"}, ${node.mirrored} leaves mirrored, attested ${node.attestedAt}`,
  ]);
  const pendingRows = pending.map((each): [string, string] => [
    each.ek,
    `for ${each.site}, class ${each.class}, asked ${each.attempts} times, last ${each.lastSeenAt}`,
  ]);
  return `Fleet ${fleet}, trust document version ${trustVersion}

Nodes (${nodes.length})
${columns(nodeRows)}
Pending: genuine TPMs that nobody registered (${pending.length})
${columns(pendingRows)}`.trimEnd();
}
