// `npm run bench -- [NAME ...] [--json]`, or `--list`
import { parseArgs } from "node:util";
import type { Measurement } from "./measurement.ts";
import { measurementTable } from "./table.ts";

interface Bench {
  readonly about: string;
  /** Loaded when it is its turn: benches warm up, and one must not warm or burden another. */
  readonly run: () => Promise<readonly Measurement[]>;
}

const benches: Readonly<Record<string, Bench>> = {
  rules: {
    about: "one decision among many JSON rules",
    run: async () => (await import("./rules.ts")).rules(),
  },
  rego: {
    about: "one decision of a Rego policy, beside opa-wasm, cedar-wasm and OPA",
    run: async () => (await import("./rego.ts")).rego(),
  },
  activation: {
    about: "a new policy beside the event loop, and decisions meanwhile",
    run: async () => (await import("./activation.ts")).activation(),
  },
  journal: {
    about: "durable appends, and a decision committed before its effect",
    run: async () => (await import("./journal.ts")).journal(),
  },
  certificates: {
    about: "device SVIDs issued",
    run: async () => (await import("./certificates.ts")).certificates(),
  },
  quotes: {
    about: "TPM quotes verified",
    run: async () => (await import("./quotes.ts")).quotes(),
  },
  pdp: {
    about: "decisions asked of a node: one by one, in batches, over HTTP",
    run: async () => (await import("./pdp.ts")).pdp(),
  },
  footprint: {
    about: "memory of an idle edge node, bundled as shipped",
    run: async () => (await import("./footprint.ts")).footprint(),
  },
};

await main();

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "boolean" }, list: { type: "boolean" } },
  });
  const unknown = positionals.filter((name) => !Object.hasOwn(benches, name));
  if (unknown.length > 0) console.error(`bench: there is no ${unknown.join(", ")}; there are:`);
  if (unknown.length > 0) process.exitCode = 2;
  if (unknown.length > 0 || values.list) return list(values.json ?? false);
  for (const name of positionals.length > 0 ? positionals : Object.keys(benches))
    await measure(name, values.json ?? false);
}

function list(asJson: boolean): void {
  for (const [name, { about }] of Object.entries(benches))
    console.log(asJson ? JSON.stringify({ bench: name, about }) : `${name.padEnd(14)} ${about}`);
}

/** A missed limit is a figure like any other; only a bench that cannot measure fails. */
async function measure(name: string, asJson: boolean): Promise<void> {
  if (!asJson) console.error(`bench: measuring ${name} …`);
  const measurements = (await benches[name]?.run()) ?? [];
  if (asJson) for (const measurement of measurements) console.log(JSON.stringify(measurement));
  else console.log(measurementTable(measurements));
}
