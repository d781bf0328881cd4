import { resolve } from "node:path";
import { instantToString } from "@vedette/base";
import { startDevice } from "@vedette/edge";
import { edgeStatus, joinFile } from "@vedette/protocol";
import { createLog, createNodeCrypto, systemClock, systemRandom, writeFileDurably } from "@vedette/runtime";
import { type Command, exitCode } from "./command.ts";
import { explainRefusal } from "./edge.ts";
import { readConfigFile } from "./input-files.ts";
import { callLocal } from "./local-api.ts";
import { untilStopped } from "./until-stopped.ts";

const run: Command = {
  name: "device run",
  summary: "prove this device to its gateway and lend its identity to local applications",
  options: {
    join: { summary: "the device's join file", value: "FILE", required: true },
    tpm: { summary: "/dev/tpmrm0, or the socket of a swtpm", value: "PATH", required: true },
    socket: { summary: "Unix socket for applications, in a folder of its own", value: "PATH", required: true },
  },
  details: `
Applications on the device send plain HTTP to the socket; it goes to the site's gateway over mTLS under the device's
current SVID, which is renewed by re-attestation. They hold no keys and no auth code.`,
  examples: [
    "vedette device run --join pos-1.join.json --tpm /dev/tpmrm0 --socket /run/vedette/app.sock",
    "curl --unix-socket /run/vedette/app.sock http://gateway/pricing/items/4006381333931",
  ],
  async run(invocation, terminal) {
    const log = createLog("vedette-device", systemClock, (line) => process.stderr.write(line));
    const socket = resolve(invocation.value("socket"));
    await using device = await startDevice({
      join: readConfigFile(joinFile, invocation.value("join")),
      tpmPath: invocation.value("tpm"),
      socket,
      clock: systemClock,
      random: systemRandom,
      crypto: createNodeCrypto(),
      log,
    }).catch(explainRefusal);
    const { spiffeId, svidNotAfter } = device;
    terminal.out(
      terminal.isJson
        ? JSON.stringify({ spiffeId, svidNotAfter, socket })
        : `${spiffeId}\n  SVID    until ${instantToString(svidNotAfter)}, renewed before\n  socket  ${socket}`,
    );
    await untilStopped(terminal.signal);
    return exitCode.done;
  },
};

const join: Command = {
  name: "device join",
  summary: "write the join file for a device, from its gateway",
  options: {
    edge: { summary: "the edge node's status socket", value: "PATH", required: true },
    class: { summary: "the device's class in the inventory", value: "NAME", required: true },
    name: { summary: "the device's name in the inventory", value: "NAME", required: true },
    out: { summary: "file to write", value: "FILE", required: true },
  },
  details:
    "\nThe file holds no secret: the device is admitted by its TPM, whose EK hash stands in the site's inventory.",
  examples: ["vedette device join --edge /run/vedette/edge.sock --class pos --name pos-1 --out pos-1.join.json"],
  async run(invocation, terminal) {
    const edge = await callLocal(invocation.value("edge"), "GET", "/v1/status", edgeStatus);
    const file = {
      kind: "vedette/join/v1",
      url: edge.enrolUrl,
      root: edge.root,
      fleet: edge.fleetDomain,
      site: edge.site,
      class: invocation.value("class"),
      name: invocation.value("name"),
    };
    writeFileDurably(invocation.value("out"), `${JSON.stringify(file, null, 2)}\n`);
    terminal.out(terminal.isJson ? JSON.stringify(file) : `Wrote ${invocation.value("out")}.`);
    return exitCode.done;
  },
};

export const deviceCommands: readonly Command[] = [join, run];
