export { type AccessDecision, type Decider, DecisionUnavailable } from "./access-decision.ts";
export {
  type DecisionSocket,
  type DecisionSocketOptions,
  type DocumentError,
  openDecisionSocket,
  type SocketPort,
} from "./decision-socket.ts";
export type { LoadError, PolicySource } from "./load.ts";
export {
  type FastifyReplyLike,
  forExpress,
  forFastify,
  forNodeHttp,
  type GuardOptions,
  judge,
  type NodeResponse,
  type Verdict,
} from "./middleware.ts";
export { createPdp, type Pdp, type PdpOptions, type QueryError, type Situation } from "./pdp.ts";
export type { ByteTransform, SubtleVerifier, WebAlgorithm, WebHost } from "./web-host.ts";
