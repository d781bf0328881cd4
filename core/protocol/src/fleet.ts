import type { Instant } from "@vedette/base";
import * as v from "valibot";
import { count, digest, instantMilliseconds, label } from "./fields.ts";

/** `POST /v1/policy/acknowledgements`: the node runs this policy bundle now, or says why it kept the old one. */
export interface PolicyAcknowledgement {
  readonly sequence: number;
  readonly digest: string;
  readonly at: Instant;
  readonly refused?: string | undefined;
}

export const policyAcknowledgement: v.GenericSchema<unknown, PolicyAcknowledgement> = v.strictObject({
  sequence: count,
  digest,
  at: instantMilliseconds,
  refused: v.optional(v.pipe(v.string(), v.maxLength(256))),
});

/** `GET /v1/watch`: the newest generation of everything a node follows (PROTOCOLS 7.3). */
export interface Generations {
  readonly policy: number;
  readonly trust: number;
  readonly status: number;
}

export const generations: v.GenericSchema<unknown, Generations> = v.strictObject({
  policy: count,
  trust: count,
  status: count,
});

/** `POST /v1/joins` of the operator API: asks for a join file, with a single-use claim where the TPM is not registered. */
export interface JoinRequest {
  readonly site: string;
  readonly class: string;
  readonly name: string;
  readonly isClaimed: boolean;
}

export const joinRequest: v.GenericSchema<unknown, JoinRequest> = v.strictObject({
  site: label,
  class: label,
  name: label,
  isClaimed: v.boolean(),
});
