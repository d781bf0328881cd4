import { unreachable } from "@vedette/base";
import { formatMirrorInfo } from "./add-entries.ts";
import type { MirrorInfo, MirrorRefusal } from "./errors.ts";

/** What goes back over HTTP; the body is text in every case. */
export interface MirrorAnswer {
  readonly status: 200 | 202 | 400 | 403 | 404 | 409 | 422;
  readonly contentType: string;
  readonly body: string;
  /** Why not, for logs and counters. */
  readonly refusal?: MirrorRefusal;
}

export const MIRROR_INFO_TYPE = "text/x.tlog.mirror-info";
export const LOG_SIZE_TYPE = "text/x.tlog.size";
const TEXT_TYPE = "text/plain; charset=utf-8";

/** 200: signature lines of the mirror, or nothing when only the pending checkpoint moved. */
export function acceptedAnswer(signatureLines: string): MirrorAnswer {
  return { status: 200, contentType: TEXT_TYPE, body: signatureLines };
}

/** 202: a part of the upload is stored. */
export function partialAnswer(info: MirrorInfo): MirrorAnswer {
  return { status: 202, contentType: MIRROR_INFO_TYPE, body: formatMirrorInfo(info) };
}

/** tlog-witness `add-checkpoint` and tlog-mirror `add-entries`: the status of each refusal. */
export function refusedAnswer(refusal: MirrorRefusal): MirrorAnswer {
  const plain = { contentType: TEXT_TYPE, body: `${refusal.code}\n`, refusal };
  switch (refusal.code) {
    case "REQUEST_MALFORMED":
    case "OLD_SIZE_PAST_CHECKPOINT":
      return { status: 400, ...plain };
    case "CHECKPOINT_UNTRUSTED":
      return { status: 403, ...plain };
    case "LOG_UNKNOWN":
      return { status: 404, ...plain };
    case "OLD_SIZE_STALE":
      return { status: 409, contentType: LOG_SIZE_TYPE, body: `${refusal.pendingSize}\n`, refusal };
    case "UPLOAD_CONFLICT":
      return { status: 409, contentType: MIRROR_INFO_TYPE, body: formatMirrorInfo(refusal.info), refusal };
    case "CHECKPOINT_INCONSISTENT":
    case "CHECKPOINT_NEVER_SEEN":
    case "PACKAGE_UNPROVEN":
      return { status: 422, ...plain };
    default:
      return unreachable(refusal);
  }
}
