import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { AdapterError } from "@vedette/base";
import {
  findPrivateSwtpm,
  findSwtpm,
  manufactureTpm,
  PRIVATE_SWTPM_FILE,
  type PrivateSwtpm,
  privateSwtpmDirectory,
  SWTPM_PROGRAMS,
  type SwtpmTools,
} from "@vedette/tpm";

/**
 * swtpm from PATH, else from Debian packages unpacked without root into `<top>/.vedette/swtpm`: signed by the archive, checked by
 * apt, installed nowhere. A second call only looks. Throws `AdapterError` SWTPM_UNAVAILABLE whose message says what to install.
 */
export async function provideSwtpm(top: string): Promise<SwtpmTools> {
  const found = findIntactSwtpm(top);
  if (found) return found;
  say("no swtpm on PATH; fetching its Debian packages into .vedette/swtpm (about 2 MB) …");
  const target = privateSwtpmDirectory(top);
  mkdirSync(dirname(target), { recursive: true });
  const work = mkdtempSync(`${target}.new-`);
  try {
    await unpackSwtpm(work);
    if (!findIntactSwtpm(top)) {
      rmSync(target, { recursive: true, force: true }); // a damaged one
      // INVARIANT: the folder appears whole or not at all; whoever sees it may use it.
      renameSync(join(work, "swtpm"), target);
    }
  } catch (cause) {
    throw new AdapterError("SWTPM_UNAVAILABLE", UNAVAILABLE, { reasons: reasonsOf(cause) }, cause);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const provided = findPrivateSwtpm(target);
  if (!provided) throw new AdapterError("SWTPM_UNAVAILABLE", UNAVAILABLE);
  return provided;
}

const UNAVAILABLE =
  "no swtpm on PATH, and its Debian packages could not be fetched; install it (Debian, Ubuntu: `apt-get install swtpm swtpm-tools`) and start again";

interface Package {
  readonly provides: readonly string[];
  /** Alternatives: releases name some packages differently. The first that the archive knows is taken. */
  readonly names: readonly string[];
  readonly reason: string;
}

const PROGRAMS: readonly Package[] = [
  { provides: ["swtpm"], names: ["swtpm"], reason: "the software TPM" },
  {
    provides: ["swtpm_setup", "swtpm_localca", "swtpm_cert"],
    names: ["swtpm-tools"],
    reason: "manufactures a TPM with its EK certificate",
  },
  { provides: ["certtool"], names: ["gnutls-bin"], reason: "swtpm_localca makes its CA with it" },
];

/** Fetched only where the dynamic linker misses them. Names with t64 are those after Debian's 64-bit time_t transition. */
const LIBRARIES: readonly Package[] = [
  { provides: ["libswtpm_libtpms.so.0"], names: ["swtpm-libs"], reason: "swtpm's own library" },
  { provides: ["libtpms.so.0"], names: ["libtpms0", "libtpms0t64"], reason: "the TPM 2.0 implementation" },
  { provides: ["libjson-glib-1.0.so.0"], names: ["libjson-glib-1.0-0"], reason: "swtpm_setup reads swtpm's answers" },
  {
    provides: ["libglib-2.0.so.0", "libgobject-2.0.so.0", "libgio-2.0.so.0", "libgmodule-2.0.so.0"],
    names: ["libglib2.0-0t64", "libglib2.0-0"],
    reason: "base library of swtpm_setup and swtpm_localca",
  },
  { provides: ["libseccomp.so.2"], names: ["libseccomp2"], reason: "swtpm confines itself" },
  { provides: ["libcrypto.so.3"], names: ["libssl3t64", "libssl3"], reason: "cryptography of swtpm" },
  { provides: ["libgnutls.so.30"], names: ["libgnutls30t64", "libgnutls30"], reason: "certtool and swtpm_cert" },
  { provides: ["libtasn1.so.6"], names: ["libtasn1-6"], reason: "certificates of swtpm_cert" },
  { provides: ["libnettle.so.8"], names: ["libnettle8t64", "libnettle8"], reason: "needed by libgnutls" },
  { provides: ["libhogweed.so.6"], names: ["libhogweed6t64", "libhogweed6"], reason: "needed by libgnutls" },
  { provides: ["libgmp.so.10"], names: ["libgmp10"], reason: "needed by libgnutls" },
  { provides: ["libp11-kit.so.0"], names: ["libp11-kit0"], reason: "needed by libgnutls" },
  { provides: ["libidn2.so.0"], names: ["libidn2-0"], reason: "needed by libgnutls" },
  { provides: ["libunistring.so.2"], names: ["libunistring2"], reason: "needed by libgnutls" },
  { provides: ["libunistring.so.5"], names: ["libunistring5"], reason: "needed by libgnutls" },
  { provides: ["libbrotlienc.so.1", "libbrotlidec.so.1"], names: ["libbrotli1"], reason: "needed by libgnutls" },
  { provides: ["libffi.so.8"], names: ["libffi8"], reason: "needed by libglib and libp11-kit" },
  { provides: ["libpcre2-8.so.0"], names: ["libpcre2-8-0"], reason: "needed by libglib" },
  { provides: ["libmount.so.1"], names: ["libmount1"], reason: "needed by libglib" },
  { provides: ["libblkid.so.1"], names: ["libblkid1"], reason: "needed by libglib" },
  { provides: ["libselinux.so.1"], names: ["libselinux1"], reason: "needed by libglib" },
  { provides: ["libz.so.1"], names: ["zlib1g"], reason: "needed by libglib" },
];

// Each round can uncover what the libraries of the last one need; the chains above are four long.
const LIBRARY_ROUNDS_MAX = 6;

function findIntactSwtpm(top: string): SwtpmTools | undefined {
  try {
    return findSwtpm(top);
  } catch (error) {
    if (error instanceof AdapterError && error.code === "SWTPM_TOOLS_INVALID") return undefined;
    throw error;
  }
}

/** Leaves `work/swtpm`: the unpacked packages under `root`, and the file that says how to use them. */
async function unpackSwtpm(work: string): Promise<void> {
  const directory = join(work, "swtpm");
  const apt = new PrivateApt(work);
  const packages = PROGRAMS.map((wanted) => apt.unpack(wanted, join(directory, "root")));
  for (let round = 0; round < LIBRARY_ROUNDS_MAX; round++) {
    const file: PrivateSwtpm = { format: 1, programs: "root/usr/bin", libraries: libraryFolders(directory), packages };
    writeFileSync(join(directory, PRIVATE_SWTPM_FILE), `${JSON.stringify(file, undefined, 2)}\n`);
    const tools = findPrivateSwtpm(directory);
    if (!tools) throw new Error("the packages lack a program");
    const missing = missingLibraries(tools);
    if (missing.length === 0) {
      await manufactureTpm(tools, join(work, "trial")); // the proof that all of it works together
      return;
    }
    for (const wanted of missing) packages.push(apt.unpack(wanted, join(directory, "root")));
  }
  throw new Error("libraries are still missing after all rounds");
}

function missingLibraries(tools: SwtpmTools): readonly Package[] {
  const missing = new Set<Package>();
  for (const program of SWTPM_PROGRAMS) {
    const linked = run("ldd", [join(dirname(tools.swtpm), program)], tools.environment);
    for (const [, library = ""] of linked.matchAll(/^\s*(\S+) => not found$/gm)) {
      const wanted = LIBRARIES.find(({ provides }) => provides.includes(library));
      if (!wanted) throw new Error(`${program} needs ${library}, and no known package has it`);
      missing.add(wanted);
    }
  }
  return [...missing];
}

function libraryFolders(directory: string): readonly string[] {
  const entries = readdirSync(join(directory, "root"), { recursive: true, withFileTypes: true });
  const libraries = entries.filter((entry) => !entry.isDirectory() && /\.so\.\d/.test(entry.name));
  return [...new Set(libraries.map((entry) => relative(directory, entry.parentPath)))].sort();
}

/**
 * apt with a state of its own, so that it needs no root and leaves no trace: the machine's sources, keys and proxies, and its package
 * lists as long as they know the package; else lists fetched into `work`.
 */
class PrivateApt {
  readonly #work: string;
  readonly #updateFailures: unknown[] = [];
  #lists = "/var/lib/apt/lists";

  constructor(work: string) {
    this.#work = work;
    for (const path of ["lists/partial", "cache/archives/partial", "state", "debs"])
      mkdirSync(join(work, path), { recursive: true });
  }

  /** Returns the file name of the package taken, which has its version. */
  unpack(wanted: Package, into: string): string {
    const file = this.#download(wanted);
    mkdirSync(into, { recursive: true });
    run("dpkg-deb", ["-x", join(this.#work, "debs", file), into]);
    rmSync(join(this.#work, "debs", file));
    return file;
  }

  #download(wanted: Package): string {
    try {
      return this.#downloadAny(wanted);
    } catch (error) {
      if (this.#lists === this.#privateLists) throw error;
      this.#updateLists();
      return this.#downloadAny(wanted);
    }
  }

  #downloadAny({ names, reason }: Package): string {
    const failures: unknown[] = [...this.#updateFailures];
    for (const name of names) {
      try {
        this.#run(["download", name]);
        const file = readdirSync(join(this.#work, "debs")).find((entry) => entry.endsWith(".deb"));
        if (file) return file;
      } catch (error) {
        failures.push(error);
      }
    }
    throw new AggregateError(failures, `could not download ${names.join(" or ")} (${reason})`);
  }

  #updateLists(): void {
    say("the machine's package lists are missing or old; fetching fresh ones for this once …");
    this.#lists = this.#privateLists;
    try {
      this.#run(["update"]);
    } catch (error) {
      // One broken source of many makes this fail; whether the packages can be had is seen when they are asked for.
      this.#updateFailures.push(error);
    }
  }

  get #privateLists(): string {
    return join(this.#work, "lists");
  }

  #run(arguments_: readonly string[]): void {
    const config = join(this.#work, "apt.conf");
    writeFileSync(config, this.#config());
    // With -c our settings are read last, after the machine's own.
    run("apt-get", ["-qq", "-c", config, ...arguments_], undefined, join(this.#work, "debs"));
  }

  #config(): string {
    return [
      // Hooks of the machine are for its own lists, and want root.
      "#clear APT::Update::Pre-Invoke;",
      "#clear APT::Update::Post-Invoke;",
      "#clear APT::Update::Post-Invoke-Success;",
      `Dir::State "${this.#work}/state";`,
      `Dir::State::lists "${this.#lists}";`,
      `Dir::State::status "/var/lib/dpkg/status";`,
      `Dir::Cache "${this.#work}/cache";`,
      `APT::Update::Error-Mode "any";`, // or it keeps to itself why it has no lists
      `Acquire::Languages "none";`,
      `Acquire::Retries "3";`,
      // As root apt would become the user _apt, who cannot write here, and in some containers cannot be become.
      ...(process.getuid?.() === 0 ? [`APT::Sandbox::User "root";`] : []),
      "",
    ].join("\n");
  }
}

// A slow mirror is slow; one that says nothing for ten minutes is gone.
const COMMAND_TIMEOUT_MS = 600_000;

function run(
  program: string,
  arguments_: readonly string[],
  environment?: Readonly<Record<string, string>>,
  cwd?: string,
): string {
  return execFileSync(program, arguments_, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
    timeout: COMMAND_TIMEOUT_MS,
    ...(cwd === undefined ? {} : { cwd }),
  });
}

function reasonsOf(error: unknown): readonly string[] {
  if (error instanceof AggregateError) return [error.message, ...error.errors.flatMap(reasonsOf)];
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n").filter((line) => line.trim() !== "");
}

function say(what: string): void {
  process.stderr.write(`vedette: ${what}\n`);
}

if (import.meta.main) {
  try {
    await provideSwtpm(join(import.meta.dirname, ".."));
  } catch (error) {
    if (!(error instanceof AdapterError && Array.isArray(error.facts["reasons"]))) throw error;
    for (const line of [error.message, ...error.facts["reasons"]]) say(line);
    process.exitCode = 69; // EX_UNAVAILABLE of sysexits.h
  }
}
