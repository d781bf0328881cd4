import { type ChildProcess, execFile, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { AdapterError, type Duration, milliseconds, seconds } from "@vedette/base";
import type { SwtpmTools } from "./swtpm-tools.ts";

/** A software TPM as its maker ships it: EK, EK certificate, state. It protects nothing from whoever reads `stateDir`. */
export interface ManufacturedTpm {
  /** For `startSwtpm`. Copy it while no swtpm runs on it, and you have cloned the TPM. */
  readonly stateDir: string;
  /** DER: the issuer of the EK certificate, then the root above it. */
  readonly ekCaCertificates: readonly Uint8Array[];
}

export interface RunningSwtpm extends AsyncDisposable {
  readonly socketPath: string;
  readonly pid: number;
  /** Ends the process, by its id, and removes the socket. The TPM's state stays. */
  stop(): Promise<void>;
}

/**
 * Makes a TPM in `directory` (created if needed) whose EK certificate is issued by swtpm's local CA in `caDirectory`. TPMs that
 * share that folder share the CA; without it the TPM has a CA of its own.
 * Throws `AdapterError` SWTPM_SETUP_FAILED, also when `directory` already holds a TPM.
 */
export async function manufactureTpm(
  tools: SwtpmTools,
  directory: string,
  caDirectory: string = join(directory, "ca"),
): Promise<ManufacturedTpm> {
  const stateDir = join(directory, "state");
  for (const path of [stateDir, caDirectory]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const config = writeSetupConfig(tools, directory, caDirectory);
  // swtpm_setup puts a socket of its own into TMPDIR, and socket paths are short.
  const scratch = shortPrivateDirectory();
  try {
    await promisify(execFile)(
      tools.swtpmSetup,
      [
        "--tpm2",
        "--tpmstate",
        stateDir,
        "--config",
        config,
        "--create-ek-cert",
        "--lock-nvram",
        "--pcr-banks",
        "sha256",
      ],
      { env: { ...tools.environment, TMPDIR: scratch, LC_ALL: "C" }, timeout: SETUP_TIMEOUT, maxBuffer: LOG_SIZE_MAX },
    );
  } catch (cause) {
    throw new AdapterError(
      "SWTPM_SETUP_FAILED",
      "could not manufacture a software TPM",
      { directory, said: saidBy(cause) },
      cause,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return { stateDir, ekCaCertificates: readCaCertificates(caDirectory) };
}

/**
 * Powers a TPM on: a new swtpm on a Unix socket in a short private folder, PCRs at their start values. It ends when the thread that
 * called ends, even if that is killed. Throws `AdapterError` SWTPM_START_FAILED with what swtpm said.
 */
export async function startSwtpm(tools: SwtpmTools, stateDir: string): Promise<RunningSwtpm> {
  const directory = shortPrivateDirectory();
  const socketPath = join(directory, "tpm");
  const logFile = join(directory, "log");
  const log = openSync(logFile, "w", 0o600);
  const child = spawn(SETPRIV, ["--pdeathsig", "TERM", tools.swtpm, ...swtpmArguments(stateDir, socketPath)], {
    env: tools.environment,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  child.unref();
  const stop = async () => {
    child.ref();
    await endChild(child);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await untilListening(socketPath, child);
    return { socketPath, pid: child.pid!, stop, [Symbol.asyncDispose]: stop };
  } catch (cause) {
    const said = readFileSync(logFile, "utf8").slice(0, LOG_SIZE_MAX);
    await stop();
    throw new AdapterError("SWTPM_START_FAILED", "could not start swtpm", { stateDir, said }, cause);
  }
}

// Belongs to Debian's essential util-linux. Node itself cannot ask the kernel for a parent-death signal.
const SETPRIV = "setpriv";

// Making RSA keys takes seconds on a busy machine; a minute and more means that it hangs.
const SETUP_TIMEOUT: Duration = seconds(120);
const START_TIMEOUT: Duration = seconds(20);
const STOP_TIMEOUT: Duration = seconds(5);
const POLL_PAUSE: Duration = milliseconds(5);
const LOG_SIZE_MAX = 64 * 1_024;

// A Unix socket's path has 107 bytes at most; TMPDIR or the clone's folder may be longer than that alone.
function shortPrivateDirectory(): string {
  return mkdtempSync("/tmp/vedette-tpm-");
}

function swtpmArguments(stateDir: string, socketPath: string): readonly string[] {
  const server = `type=unixio,path=${socketPath},mode=0600`;
  return [
    "socket",
    "--tpm2",
    "--tpmstate",
    `dir=${stateDir}`,
    "--server",
    server,
    "--flags",
    "not-need-init,startup-clear",
  ];
}

function saidBy(error: unknown): string {
  return error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
}

function writeSetupConfig(tools: SwtpmTools, directory: string, caDirectory: string): string {
  const write = (name: string, lines: readonly string[]) => {
    const path = join(directory, name);
    writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o600 });
    return path;
  };
  const localca = write("swtpm-localca.conf", [
    `statedir = ${caDirectory}`,
    `signingkey = ${join(caDirectory, "signkey.pem")}`,
    `issuercert = ${join(caDirectory, ISSUER_FILE)}`,
    `certserial = ${join(caDirectory, "certserial")}`,
  ]);
  const options = write("swtpm-localca.options", [
    "--platform-manufacturer Vedette",
    "--platform-version 1",
    "--platform-model development",
  ]);
  return write("swtpm_setup.conf", [
    `create_certs_tool = ${tools.swtpmLocalca}`,
    `create_certs_tool_config = ${localca}`,
    `create_certs_tool_options = ${options}`,
  ]);
}

const ISSUER_FILE = "issuercert.pem";
const ROOT_FILE = "swtpm-localca-rootca-cert.pem";

function readCaCertificates(caDirectory: string): readonly Uint8Array[] {
  return [ISSUER_FILE, ROOT_FILE].map(
    (name) => new Uint8Array(new X509Certificate(readFileSync(join(caDirectory, name))).raw),
  );
}

async function untilListening(socketPath: string, child: ChildProcess): Promise<void> {
  await once(child, "spawn"); // rejects when setpriv is not there
  const attempts = START_TIMEOUT / POLL_PAUSE;
  for (let attempt = 0; attempt < attempts && !hasEnded(child); attempt++) {
    if (await isListening(socketPath)) return;
    await sleep(POLL_PAUSE);
  }
  const facts = { code: child.exitCode, signal: child.signalCode };
  throw new AdapterError("SWTPM_START_FAILED", "swtpm ended, or did not listen in time", facts);
}

async function isListening(socketPath: string): Promise<boolean> {
  const socket = createConnection(socketPath);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    // Not yet there, or not yet listening: the caller tries again.
    return false;
  } finally {
    socket.destroy();
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const patience = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT);
  await ended;
  clearTimeout(patience);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
