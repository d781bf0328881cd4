import { assert, type Instant } from "@vedette/base";
import type { Connection } from "./http.ts";

/** What the ledger needs to know about a principal. */
export interface BoundPrincipal {
  /** SPIFFE ID. */
  readonly id: string;
  readonly notAfter: Instant;
}

export interface ConnectionLedger {
  /** Idempotent for the same principal. "full": the connection is not known here and must not be served. */
  bind(connection: Connection, principal: BoundPrincipal): "bound" | "full";
  /** Cuts the connections of exactly this principal; returns how many. */
  cut(principalId: string, reason: string): number;
  cutWhere(predicate: (principal: BoundPrincipal) => boolean, reason: string): number;
  /** Cuts connections whose principal has expired, idle ones too; returns how many. */
  sweep(now: Instant): number;
  counts(): LedgerCounts;
}

export interface LedgerCounts {
  readonly open: number;
  readonly principals: number;
  readonly cutByReason: Readonly<Record<string, number>>;
}

/** As many as the listener accepts with room for a second listener; an entry is about 200 bytes. */
export const LEDGER_CONNECTIONS_MAX = 8_192;
/** Reasons are codes of ours; a caller that makes them up per connection would fill the memory. */
const REASONS_MAX = 64;

interface Entry {
  readonly connection: Connection;
  readonly principal: BoundPrincipal;
}

/** Which connection belongs to which principal, so that a change cuts exactly those concerned (PROTOCOLS 7.3). */
export function createConnectionLedger(connectionsMax: number = LEDGER_CONNECTIONS_MAX): ConnectionLedger {
  const entryByChannel = new Map<string, Entry>();
  const channelsById = new Map<string, Set<string>>();
  const cutByReason = new Map<string, number>();

  function forget(channel: string): void {
    const entry = entryByChannel.get(channel);
    if (!entry) return;
    entryByChannel.delete(channel);
    const channels = channelsById.get(entry.principal.id);
    channels?.delete(channel);
    if (channels?.size === 0) channelsById.delete(entry.principal.id);
  }

  function cutAll(entries: readonly Entry[], reason: string): number {
    assert(cutByReason.has(reason) || cutByReason.size < REASONS_MAX, "reasons for a cut are a closed set of codes");
    for (const { connection } of entries) {
      forget(connection.channel);
      connection.cut();
    }
    cutByReason.set(reason, (cutByReason.get(reason) ?? 0) + entries.length);
    return entries.length;
  }

  const entriesWhere = (predicate: (principal: BoundPrincipal) => boolean): readonly Entry[] =>
    [...entryByChannel.values()].filter((entry) => predicate(entry.principal));

  return {
    bind: (connection, principal) => {
      const { channel } = connection;
      const known = entryByChannel.get(channel);
      // INVARIANT: TLS 1.3 has no renegotiation, so a connection keeps the principal of its handshake.
      assert(!known || known.principal.id === principal.id, "a connection has one principal for its life");
      if (known) return "bound";
      if (entryByChannel.size >= connectionsMax) return "full";
      entryByChannel.set(channel, { connection, principal });
      const channels = channelsById.get(principal.id) ?? new Set();
      channelsById.set(principal.id, channels.add(channel));
      connection.onClose(() => forget(channel));
      return "bound";
    },
    cut: (principalId, reason) => {
      const channels = [...(channelsById.get(principalId) ?? [])];
      return cutAll(
        channels.flatMap((channel) => entryByChannel.get(channel) ?? []),
        reason,
      );
    },
    cutWhere: (predicate, reason) => cutAll(entriesWhere(predicate), reason),
    sweep: (now) =>
      cutAll(
        entriesWhere((principal) => principal.notAfter < now),
        "PRINCIPAL_EXPIRED",
      ),
    counts: () => ({
      open: entryByChannel.size,
      principals: channelsById.size,
      cutByReason: Object.fromEntries(cutByReason),
    }),
  };
}
