import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { instant, type JsonObject, type Result, seconds, utf8 } from "@vedette/base";
import { SpendLedger, type TrustDocument } from "@vedette/identity";
import { type Journal, openJournal } from "@vedette/journal";
import { createConnectionLedger, type HttpRequest, type HttpResponse } from "@vedette/net";
import { activatePolicy, RULES_FILE } from "@vedette/policy";
import type { RegisteredPep } from "@vedette/protocol";
import { createNodeCrypto, systemClock, systemRandom } from "@vedette/runtime";
import { decisionsIn, encodeLeaf, type Leaf, parseLeaf } from "@vedette/telemetry";
import { DeviceRegistry } from "../device-registry.ts";
import { EffectiveClock } from "../effective-clock.ts";
import { EvidenceLog } from "../evidence-log.ts";
import type { Activated } from "../policy-host.ts";
import { type TierClient, TierDesk } from "../tier-desk.ts";
import { DecisionPoint } from "./decision-point.ts";

const crypto = createNodeCrypto();

export const SITE_DOMAIN = "store-17.example.org";
export const TILL = `spiffe://${SITE_DOMAIN}/device/pos/pos-1`;
const EK = "e".repeat(64);
export const TILL_KEY = "k".repeat(64);

/** A till may read prices when fresh; a user of any state may read the menu; nobody may buy tobacco; refunds up to 100. */
export const RULES = {
  kind: "rules/v1",
  id: "shop",
  default: "deny",
  rules: [
    rule({ id: "prices", action: ["read"], resource: { type: "price" } }),
    rule({ id: "menu", subject: { type: "user" }, action: ["read"], resource: { type: "menu" }, safe: true }),
    rule({
      id: "no-tobacco",
      effect: "deny",
      subject: { type: "*" },
      action: ["*"],
      resource: { type: "tobacco" },
      description: "nobody sells tobacco",
    }),
    rule({
      id: "refund",
      subject: { type: "user" },
      action: ["refund"],
      resource: { type: "sale" },
      safe: true,
      spend: { counter: "refunds", amount: "context.amount", limit: 100, window: "PT1H", per: "subject.id" },
    }),
  ],
};

export function rule(members: object): object {
  return { effect: "allow", subject: { type: "device" }, ...members };
}

export const MODULE = `package app

default allow := false

allow if input.user == "bob"

letters contains letter if some letter in ["b", "a"]

twice := input.x * 2

who := input.subject

conflict := 1 if input.x
conflict := 2 if input.x
`;

export interface Policy {
  readonly rules?: object;
  readonly modules?: Readonly<Record<string, string>>;
  readonly data?: Readonly<Record<string, object>>;
}

export const SHOP: Policy = { rules: RULES, modules: { "app/app.rego": MODULE } };

/** A policy that runs, as the policy host would have it. */
export function testActivate(
  { rules, modules = {}, data = {} }: Policy,
  sequence = 1,
): {
  readonly active: Activated;
  readonly files: ReadonlyMap<string, Uint8Array>;
} {
  const inventory = {
    kind: "vedette/inventory/v1",
    classes: { pos: { roles: ["cashier"], referenceValues: {} } },
    devices: [1, 2, 3].map((number) => ({ name: `pos-${number}`, class: "pos", ek: EK })),
  } as const;
  const files = new Map<string, Uint8Array>(Object.entries(modules).map(([name, text]) => [name, utf8(text)]));
  if (rules) files.set(RULES_FILE, utf8(JSON.stringify(rules)));
  for (const [name, document] of Object.entries(data)) files.set(name, utf8(JSON.stringify(document)));
  const notAfter = instant(systemClock.now() + 3_600_000);
  const manifest = { revision: `r${sequence}`, roots: [""], sequence, site: "store-17", notAfter };
  const { policy } = need(
    activatePolicy(undefined, { manifest, keyId: "test", files }, { crypto, random: systemRandom }),
  );
  const pos = {
    roles: ["cashier"],
    pcrs: [0],
    referenceValues: {},
    svidLifetime: seconds(60),
    staleAfter: seconds(60),
    expiredAfter: seconds(120),
  };
  const { devices } = inventory;
  return {
    active: {
      compiled: policy,
      inventory: { kind: inventory.kind, classes: { pos }, devices },
      deviceByName: new Map(devices.map((device) => [device.name, device])),
      sequence,
      revision: manifest.revision,
      digest: `${sequence}`,
      notAfter,
    },
    files,
  };
}

export interface TestNode {
  readonly point: DecisionPoint;
  readonly journal: Journal;
  readonly registry: DeviceRegistry;
  readonly tiers: TierDesk;
  readonly problems: readonly string[];
  readonly logged: readonly JsonObject[];
  /** Of all decisions in the journal, oldest first. */
  records(): readonly JsonObject[];
  activate(policy: Policy | undefined, sequence?: number): void;
  path(name: string): string;
}

export type TestPep = Partial<Omit<RegisteredPep, "name">> & { readonly name: string };

/** What lies around a decision point. */
export interface TestWorld {
  readonly trust?: TrustDocument;
  readonly tier?: TierClient;
  readonly bundles?: (http: HttpRequest) => Promise<HttpResponse> | undefined;
}

/** A decision point over a real journal and real sockets. State and hosts behave, and remember nothing. */
export async function setupDecisionPoint(
  t: TestContext,
  peps: readonly TestPep[],
  policy: Policy = SHOP,
  { trust, tier, bundles = () => undefined }: TestWorld = {},
): Promise<TestNode> {
  const folder = mkdtempSync(join(tmpdir(), "vedette-pdp-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string) => join(folder, name);
  const journal = await openJournal({
    path: path("journal.db"),
    origin: "test/journal",
    gapLeaf: (gap) => need(encodeLeaf({ kind: "gap", ...gap }, crypto)),
  });
  t.after(() => journal.close());
  const clock = new EffectiveClock(systemClock, instant(0));
  const logged: JsonObject[] = [];
  const problems: string[] = [];
  const log = (level: string, message: string, facts: object = {}) => void logged.push({ level, message, ...facts });
  const denialLimits = { wholeMax: 1_000, window: seconds(60), principalsMax: 100 };
  const evidence = new EvidenceLog({ journal, clock, crypto, log, denialLimits });
  t.after(() => evidence[Symbol.asyncDispose]());
  const spend = new SpendLedger({ timeFloor: instant(0), counters: [] });
  const registry = new DeviceRegistry();
  const tiers = new TierDesk({ clock, ...(tier && { tier }) });
  let running: ReturnType<typeof testActivate> | undefined = testActivate(policy);
  const point = await DecisionPoint.open({
    peps: peps.map((pep) => ({ mayClaimSubject: [], log: false, ...withFolder(pep, path) })),
    site: "store-17",
    siteDomain: SITE_DOMAIN,
    node: "spiffe://example.org/node/store-17.edge-1",
    host: {
      get active() {
        return running?.active;
      },
      readActiveFiles: () => running?.files ?? new Map(),
    },
    registry,
    state: {
      spent: (...of) => spend.spent(...of),
      reserve: async (...of) => spend.reserve(...of),
      confirm: (reservation) => spend.confirm(reservation),
      release: (reservation) => spend.release(reservation),
    },
    evidence: {
      writeAllowed: (...of) => evidence.writeAllowed(...of),
      writeDenied: (...of) => evidence.writeDenied(...of),
      queried: (...of) => evidence.queried(...of),
      unauthenticated: (code) => void problems.push(code),
    },
    ledger: createConnectionLedger(),
    trust: () => trust,
    tiers,
    bundles,
    clock,
    crypto,
    random: systemRandom,
    log,
  });
  t.after(() => point[Symbol.asyncDispose]());
  return {
    ...{ point, journal, registry, tiers, problems, logged, path },
    records: () => journal.readEntries(0, journal.size).flatMap((bytes) => recordIn(need(parseLeaf(bytes)))),
    activate: (next, sequence = 2) => {
      running = next && testActivate(next, sequence);
    },
  };
}

function withFolder<P extends TestPep>(pep: P, path: (name: string) => string): P {
  const { socket, frames } = pep;
  return { ...pep, ...(socket && { socket: path(socket) }), ...(frames && { frames: path(frames) }) };
}

function recordIn(leaf: Leaf): readonly JsonObject[] {
  return decisionsIn(leaf).map(({ number, record }) => ({ ...record, decision_id: String(number) }));
}

/** Makes the first till one that has just attested, well or not. */
export function attestTill({ registry }: Pick<TestNode, "registry">, verdict = "affirming"): void {
  const at = systemClock.now();
  const facts = {
    device: "pos-1",
    class: "pos",
    ek: EK,
    ak: "ak",
    key: TILL_KEY,
    verdict,
    at,
    tpmTime: { resetCount: 1, milliseconds: 1 },
  };
  registry.apply(facts);
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly text: string;
  readonly json: JsonObject;
}

/** Real HTTP over a real socket. */
export function ask(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<TestAnswer> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ socketPath, method, path, headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () => {
        const bytes = Buffer.concat(parts);
        const text = bytes.toString("utf8");
        const json = text.startsWith("{") && !answer.headers["content-encoding"] ? JSON.parse(text) : {};
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: bytes, text, json });
      });
    });
    asked.on("error", reject);
    if (body === undefined) asked.end();
    else asked.end(typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body));
  });
}

export function need<T>(result: Result<T, unknown>): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}
