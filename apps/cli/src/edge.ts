import { resolve } from "node:path";
import { AdapterError, hex, instantToString } from "@vedette/base";
import { edgeFiles, initEdge, startEdge } from "@vedette/edge";
import { type EdgeConfig, type EdgeStatus, edgeConfig, edgeStatus, joinFile } from "@vedette/protocol";
import { createLog, createNodeCrypto, systemClock, systemRandom } from "@vedette/runtime";
import { openTpm } from "@vedette/tpm";
import { parseCertificate } from "@vedette/x509";
import { type Command, columns, exitCode, type Options, UsageError } from "./command.ts";
import { readConfigFile, readInput } from "./input-files.ts";
import { callLocal } from "./local-api.ts";
import { Refusal } from "./refusal.ts";
import { untilStopped } from "./until-stopped.ts";

const dataOption: Options = { data: { summary: "the node's data folder", value: "DIR", required: true } };
const ports = { clock: systemClock, random: systemRandom, crypto: createNodeCrypto() };

const init: Command = {
  name: "edge init",
  summary: "enrol this machine: prove its TPM, receive and seal its identity",
  options: {
    ...dataOption,
    join: { summary: "the join file", value: "FILE", required: true },
    config: { summary: "the node's configuration file", value: "FILE", required: true },
  },
  details: `
The node keeps a copy of the configuration. When nobody has registered this TPM and the join file has no claim, the
command ends with exit code 3 and prints the EK hash that an operator registers.`,
  examples: ["vedette edge init --join edge-1.join.json --config edge.json --data /var/lib/vedette/edge"],
  async run(invocation, terminal) {
    const configFile = invocation.value("config");
    const enrolled = await initEdge({
      join: readConfigFile(joinFile, invocation.value("join")),
      config: readConfigFile(edgeConfig, configFile),
      configFile: readInput(configFile),
      data: resolve(invocation.value("data")),
      ...ports,
    }).catch(explainRefusal);
    const { nodeId, svidNotAfter, siteCaNotAfter } = enrolled;
    terminal.out(
      terminal.isJson
        ? JSON.stringify(enrolled)
        : `Enrolled as ${nodeId}.
  SVID     until ${instantToString(svidNotAfter)}
  site CA  until ${instantToString(siteCaNotAfter)}

Next: vedette edge run --data ${invocation.value("data")}`,
    );
    return exitCode.done;
  },
};

const run: Command = {
  name: "edge run",
  summary: "run the node: gateway, enrolment desk, journal",
  options: dataOption,
  details: `
Says where it listens when it is ready, then logs to standard error, one JSON object a line, until SIGINT or SIGTERM. It
needs its TPM; it does not need the control plane.`,
  examples: ["vedette edge run --data /var/lib/vedette/edge"],
  async run(invocation, terminal) {
    const data = resolve(invocation.value("data"));
    const config: EdgeConfig = readConfigFile(edgeConfig, edgeFiles(data).config);
    const log = createLog("vedette-edge", systemClock, (line) => process.stderr.write(line));
    await using edge = await startEdge({ config, data, log, ...ports });
    const { enrolUrl, gatewayUrl, statusSocket } = edge;
    terminal.out(
      terminal.isJson
        ? JSON.stringify({ enrolUrl, gatewayUrl, statusSocket })
        : `The node is ready.\n  gateway    ${gatewayUrl}\n  enrolment  ${enrolUrl}\n  status     ${statusSocket}`,
    );
    await untilStopped(terminal.signal);
    return exitCode.done;
  },
};

const status: Command = {
  name: "edge status",
  summary: "show what works, until when, and what waits (needs no uplink)",
  options: { socket: { summary: "the node's status socket", value: "PATH", required: true } },
  examples: ["vedette edge status --socket /run/vedette/edge.sock"],
  async run(invocation, terminal) {
    const answer = await callLocal(invocation.value("socket"), "GET", "/v1/status", edgeStatus);
    terminal.out(terminal.isJson ? JSON.stringify(answer) : describeStatus(answer));
    return exitCode.done;
  },
};

const ek: Command = {
  name: "edge ek",
  summary: "print the hash of a TPM's EK, as an operator registers it",
  options: { tpm: { summary: "/dev/tpmrm0, or the socket of a swtpm", value: "PATH", required: true } },
  examples: ["vedette edge ek --tpm /dev/tpmrm0"],
  async run(invocation, terminal) {
    await using tpm = await openTpm(invocation.value("tpm"));
    const certificate = parseCertificate((await tpm.ekCertificate()) ?? new Uint8Array(0));
    if (!certificate.ok)
      throw new Refusal("TPM_WITHOUT_EK_CERTIFICATE", "this TPM holds no EK certificate that can be read");
    const ekHash = hex(ports.crypto.hash("sha256", certificate.value.spki));
    terminal.out(terminal.isJson ? JSON.stringify({ ek: ekHash }) : ekHash);
    return exitCode.done;
  },
};

const pcrs: Command = {
  name: "edge pcrs",
  summary: "print a TPM's PCR values, as reference values for a configuration or an inventory",
  options: {
    tpm: { summary: "/dev/tpmrm0, or the socket of a swtpm", value: "PATH", required: true },
    pcr: { summary: "a PCR index", value: "INDEX", repeated: true },
  },
  details:
    "\nRun it on a machine in the state that is to count as good. Without --pcr: 0 to 7, what UEFI measures before the system.",
  examples: ["vedette edge pcrs --tpm /dev/tpmrm0"],
  async run(invocation, terminal) {
    const wanted = invocation.all("pcr").length > 0 ? invocation.all("pcr").map(Number) : [0, 1, 2, 3, 4, 5, 6, 7];
    if (wanted.some((pcr) => !Number.isInteger(pcr) || pcr < 0 || pcr > 23))
      throw new UsageError("a PCR index is a number from 0 to 23");
    await using tpm = await openTpm(invocation.value("tpm"));
    const values = await tpm.readPcrs({ bank: "sha256", pcrs: [...new Set(wanted)].toSorted((a, b) => a - b) });
    const referenceValues = Object.fromEntries(Object.entries(values).map(([pcr, value]) => [pcr, [hex(value)]]));
    terminal.out(JSON.stringify({ referenceValues }, null, terminal.isJson ? 0 : 2));
    return exitCode.done;
  },
};

export const edgeCommands: readonly Command[] = [init, run, status, ek, pcrs];

/** Pending and refused are answers of the other side, not failures of the world. */
export function explainRefusal(error: unknown): never {
  if (!(error instanceof AdapterError)) throw error;
  const { code, message, facts } = error;
  if (code === "ATTESTATION_PENDING") {
    const advice = `${message}; an operator registers this EK, or hands out a join file with a claim`;
    throw new Refusal(code, advice, { ek: facts["ekHash"] }, exitCode.refused);
  }
  if (code === "ATTESTATION_REFUSED") {
    const { status, reason, answer } = facts;
    // A verifier that is busy or whose disk is full has refused nothing (PROTOCOLS 2.7).
    const exit = Number(status) >= 500 || status === 429 ? exitCode.unavailable : exitCode.refused;
    throw new Refusal(code, message, { reason, status, answer }, exit);
  }
  if (code === "GRANT_REFUSED") throw new Refusal(code, message, facts, exitCode.refused);
  throw error;
}

function describeStatus({ node, site, fleetDomain, fleet, policy, journal, decisions, devices }: EdgeStatus): string {
  const since = fleet.lastContact ?? "the start";
  const reach = { answering: "answers", refused: "refuses this node", unreachable: `out of reach since ${since}` }[
    fleet.contact
  ];
  const rules = policy
    ? `sequence ${policy.sequence} (${policy.revision}), until ${policy.notAfter}`
    : "none: everything is refused";
  const rows: [string, string][] = [
    ["control plane", reach],
    ["devices served", `until ${fleet.siteCaNotAfter} (site CA), whether the control plane answers or not`],
    ["fleet-facing SVID", `until ${fleet.svidNotAfter}`],
    ["policy", rules],
    ["journal", `${journal.size} leaves, ${journal.mirrored} mirrored, ${journal.waiting} waiting`],
    [
      "decisions",
      `${decisions.allowed} allowed, ${decisions.denied} denied, ${decisions.unavailable} unavailable since the start`,
    ],
  ];
  const deviceRows = devices.map((device): [string, string] => [
    device.name,
    `${device.state}, attested ${device.attestedAt}`,
  ]);
  return `Node ${node} at ${site}.${fleetDomain}\n${columns(rows)}\nDevices (${devices.length})\n${columns(deviceRows)}`.trimEnd();
}
