import { existsSync } from "node:fs";
import { join } from "node:path";
import { AdapterError, type Crypto, type Random, Secret } from "@vedette/base";
import { openFile, sealFile } from "@vedette/identity";
import { type DataKeyFile, dataKeyFile, encodeMessage, parseMessage } from "@vedette/protocol";
import { readFileIfExists, writeFileDurably } from "@vedette/runtime";
import { TpmError } from "@vedette/tpm";
import type { TpmAccess } from "./tpm-access.ts";

/** Sealed secrets and records are kilobytes; the state record's own limit is a mebibyte. */
const SEALED_FILE_LENGTH_MAX = 1_114_112;
const DATA_KEY_LENGTH = 32;
const DATA_KEY_FILE = "data-key.json";
const SEALING_BANK = "sha256";

interface VaultDeps {
  readonly crypto: Crypto;
  readonly random: Random;
}

/** The node's secret files: one data key, sealed to the TPM and its boot state, encrypts them all (PROTOCOLS 4.1). */
export class Vault {
  readonly directory: string;
  readonly dataKey: Secret;
  readonly #deps: VaultDeps;

  private constructor(directory: string, dataKey: Secret, deps: VaultDeps) {
    this.directory = directory;
    this.dataKey = dataKey;
    this.#deps = deps;
  }

  /** Makes a data key and seals it to the PCRs as they stand now. Replaces whatever key was there. */
  static async create(directory: string, tpm: TpmAccess, pcrs: readonly number[], deps: VaultDeps): Promise<Vault> {
    const dataKey = new Secret(deps.random.bytes(DATA_KEY_LENGTH));
    const blob = await tpm.use((open) => open.seal(dataKey, { bank: SEALING_BANK, pcrs }));
    writeFileDurably(join(directory, DATA_KEY_FILE), encodeMessage({ format: 1, pcrs, ...blob }));
    return new Vault(directory, dataKey, deps);
  }

  /**
   * Throws `AdapterError` VAULT_LOCKED when this machine's boot state is not the one it was sealed to, VAULT_FOREIGN when it
   * was sealed by another TPM or altered, VAULT_MISSING when there is none.
   */
  static async open(directory: string, tpm: TpmAccess, deps: VaultDeps): Promise<Vault> {
    const { pcrs, ...blob } = readDataKeyFile(directory);
    try {
      return new Vault(directory, await tpm.use((open) => open.unseal(blob, { bank: SEALING_BANK, pcrs })), deps);
    } catch (error) {
      throw error instanceof TpmError ? lockedError(error, directory) : error;
    }
  }

  /** Whether the folder holds such a file; says nothing about what is in it. */
  static holds(directory: string, name: string): boolean {
    return existsSync(join(directory, `${name}.sealed`));
  }

  /** Undefined when there is no such file. Throws `AdapterError` SEAL_BROKEN when it was altered or is another's. */
  read(name: string): Uint8Array | undefined {
    const sealed = readFileIfExists(this.#path(name), SEALED_FILE_LENGTH_MAX);
    if (!sealed) return undefined;
    const opened = openFile(name, sealed, this.dataKey, this.#deps.crypto);
    if (opened.ok) return opened.value;
    throw new AdapterError("SEAL_BROKEN", "a sealed file was altered or put in another's place", {
      path: this.#path(name),
    });
  }

  /** As `read`, for files without which the node does not start: throws `AdapterError` SEALED_FILE_MISSING. */
  require(name: string): Uint8Array {
    const contents = this.read(name);
    if (contents) return contents;
    throw new AdapterError("SEALED_FILE_MISSING", "a sealed file is missing", { path: this.#path(name) });
  }

  write(name: string, contents: Uint8Array): void {
    writeFileDurably(this.#path(name), sealFile(name, contents, this.dataKey, this.#deps));
  }

  #path(name: string): string {
    return join(this.directory, `${name}.sealed`);
  }
}

function lockedError(error: TpmError, directory: string): AdapterError {
  const facts = { directory, tpm: error.code };
  return error.code === "TPM_RC_POLICY_FAIL"
    ? new AdapterError("VAULT_LOCKED", "the boot state is not the one the data key was sealed to", facts, error)
    : new AdapterError("VAULT_FOREIGN", "the data key was sealed by another TPM, or altered", facts, error);
}

function readDataKeyFile(directory: string): DataKeyFile {
  const path = join(directory, DATA_KEY_FILE);
  const bytes = readFileIfExists(path, SEALED_FILE_LENGTH_MAX);
  if (!bytes)
    throw new AdapterError("VAULT_MISSING", "this folder holds no enrolled node; run `vedette edge init`", { path });
  const file = parseMessage(dataKeyFile, bytes);
  if (!file.ok) throw new AdapterError("VAULT_FOREIGN", "the data key file is damaged", { path, ...file.error });
  return file.value;
}
