import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { hex, instantToString } from "@vedette/base";
import { parseVerifierKey, type VerifierKey } from "@vedette/envelope";
import { exportLog, openStoredLog } from "@vedette/journal";
import { auditTrustFile } from "@vedette/protocol";
import { createNodeCrypto, readFileIfExists, writeFileDurably } from "@vedette/runtime";
import { decisionsIn, parseLeaf } from "@vedette/telemetry";
import { type AuditError, verifyExport } from "@vedette/tlog";
import { type Command, exitCode, type Terminal, UsageError } from "./command.ts";
import { operatorOption } from "./control.ts";
import { readConfigFile } from "./input-files.ts";
import { callLocal } from "./local-api.ts";
import { Refusal } from "./refusal.ts";

const crypto = createNodeCrypto();

const trust: Command = {
  name: "audit trust",
  summary: "write the trust file for an auditor: which keys sign which logs, and which key cosigns",
  options: { ...operatorOption, out: { summary: "file to write", value: "FILE", required: true } },
  details:
    "\nHand it over before the audit and by another way than the export: an export proves nothing against keys of its own.",
  examples: ["vedette audit trust --operator run/operator.sock --out audit-trust.json"],
  async run(invocation, terminal) {
    const file = await callLocal(invocation.value("operator"), "GET", "/v1/audit/trust", auditTrustFile);
    writeFileDurably(invocation.value("out"), `${JSON.stringify(file, null, 2)}\n`);
    terminal.out(terminal.isJson ? JSON.stringify(file) : `Wrote ${invocation.value("out")}.`);
    return exitCode.done;
  },
};

const exportCommand: Command = {
  name: "audit export",
  summary: "copy a log out as files (C2SP tlog-tiles), up to what the mirror has cosigned",
  operands: "DIR",
  options: {
    log: {
      summary: "a node's journal.db, or a control plane's mirror.db; it may be in use",
      value: "FILE",
      required: true,
    },
    origin: { summary: "which log, where the file holds several", value: "NAME" },
    uncosigned: { summary: "take the log's own newest checkpoint instead: nobody else has vouched for it" },
  },
  examples: ["vedette audit export --log ./edge/journal.db ./export"],
  async run(invocation, terminal) {
    const [directory] = invocation.operands;
    if (!directory) throw new UsageError("name the folder to write");
    if (existsSync(directory))
      throw new Refusal("EXPORT_EXISTS", `${directory} exists; an export goes into a new folder`, {}, exitCode.usage);
    const path = resolve(invocation.value("log"));
    if (!existsSync(path)) throw new Refusal("FILE_MISSING", `there is no file ${path}`, {}, exitCode.usage);
    using log = openStoredLog(path, invocation.optional("origin"));
    const checkpoint = invocation.isSet("uncosigned") ? log.signed : log.cosigned;
    if (!checkpoint)
      throw new Refusal(
        "CHECKPOINT_MISSING",
        "nothing of this log is cosigned yet; wait for the upload, or pass --uncosigned",
        { origin: log.origin },
      );
    exportLog(log, checkpoint, directory, progress(terminal, "written"));
    const result = { origin: log.origin, size: checkpoint.size, directory, notExported: log.size - checkpoint.size };
    terminal.out(
      terminal.isJson
        ? JSON.stringify(result)
        : `Exported ${result.size} leaves of ${result.origin} to ${directory}${result.notExported > 0 ? ` (${result.notExported} newer ones are not cosigned yet)` : ""}.`,
    );
    return exitCode.done;
  },
};

const verify: Command = {
  name: "audit verify",
  summary: "re-hash an export and check every signature; names the first entry, tile or checkpoint that does not fit",
  operands: "DIR",
  options: { trust: { summary: "the trust file", value: "FILE", required: true } },
  details: `
Needs the export and the trust file, and nothing else: no node, no control plane, no network. Exit code 1 when anything
does not fit.`,
  examples: ["vedette audit verify ./export --trust audit-trust.json"],
  async run(invocation, terminal) {
    const [directory] = invocation.operands;
    if (!directory) throw new UsageError("name the folder of the export");
    if (!existsSync(directory))
      throw new Refusal("FILE_MISSING", `there is no folder ${directory}`, {}, exitCode.usage);
    const keys = readTrustFile(invocation.value("trust"));
    const counts: Record<string, number> = {};
    let decisions = 0;
    const watcher = {
      onProgress: progress(terminal, "checked"),
      onEntry: (_index: number, entry: Uint8Array) => {
        const leaf = parseLeaf(entry);
        const kind = leaf.ok ? leaf.value.kind : "unreadable";
        counts[kind] = (counts[kind] ?? 0) + 1;
        if (leaf.ok) decisions += decisionsIn(leaf.value).length;
      },
    };
    const reader = { read: (path: string) => readFileIfExists(join(directory, path), EXPORT_FILE_LENGTH_MAX) };
    const report = verifyExport(reader, keys, crypto, watcher);
    if (!report.ok) {
      const { code, ...facts } = report.error;
      if (terminal.isJson) terminal.out(JSON.stringify({ ok: false, error: { code, ...facts } }));
      else terminal.out(`NOT INTACT: ${describeAuditError(report.error)}`);
      return exitCode.no;
    }
    const { origin, size, root, cosignedBy } = report.value;
    const cosigners = cosignedBy.map(({ name, at }) => ({ name, at: instantToString(at) }));
    terminal.out(
      terminal.isJson
        ? JSON.stringify({ ok: true, origin, size, root: hex(root), cosigners, leaves: counts, decisions })
        : `INTACT: ${size} leaves of ${origin}
  root        ${hex(root)}
  cosigned    ${cosigners.map(({ name, at }) => `${name} at ${at}`).join(", ")}
  leaves      ${Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ")}
  decisions   ${decisions}`,
    );
    return exitCode.done;
  },
};

export const auditCommands: readonly Command[] = [trust, exportCommand, verify];

/** An entry bundle is at most 256 entries of 64 KiB. */
const EXPORT_FILE_LENGTH_MAX = 17_000_000;

function describeAuditError(error: AuditError): string {
  const facts = Object.entries(error).flatMap(([name, value]) => (name === "code" ? [] : [`${name} ${value}`]));
  const what: Partial<Record<AuditError["code"], string>> = {
    ENTRY_MISMATCH: "an entry was changed",
    ENTRY_MALFORMED: "an entry cannot be read",
    TILE_MISMATCH: "a tile was changed",
    TILE_MALFORMED: "a tile cannot be read",
    FILE_MISSING: "a file is missing",
    CHECKPOINT_MISSING: "the checkpoint is missing",
    COSIGNATURE_MISSING: "no trusted cosigner has signed the checkpoint",
    TREE_MISMATCH: "entries and tiles do not give the signed root",
  };
  return `${what[error.code] ?? "the checkpoint is not to be trusted"} (${[error.code, ...facts].join(", ")})`;
}

function readTrustFile(path: string): {
  readonly logKeys: readonly VerifierKey[];
  readonly cosignerKeys: readonly VerifierKey[];
} {
  const { logs, mirrors } = readConfigFile(auditTrustFile, path);
  const keyOf = ({ verifierKey }: { readonly verifierKey: string }): VerifierKey => {
    const key = parseVerifierKey(verifierKey, crypto);
    if (!key.ok)
      throw new Refusal(key.error.code, `${path}: "${verifierKey}" is not a verifier key`, {}, exitCode.usage);
    return key.value;
  };
  return { logKeys: logs.map(keyOf), cosignerKeys: mirrors.map(keyOf) };
}

/** One line that grows on a terminal; nothing where nobody watches. */
function progress(terminal: Terminal, done: string): (count: number, total: number) => void {
  if (terminal.isJson || !process.stderr.isTTY) return () => {};
  return (count, total) =>
    void process.stderr.write(`\r  ${count} of ${total} leaves ${done}${count === total ? "\n" : ""}`);
}
