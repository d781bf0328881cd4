export {
  type ClassProfile,
  type ControlConfig,
  controlConfig,
  type DeviceClass,
  type EdgeConfig,
  edgeConfig,
  type Inventory,
  inventory,
  type NodeClass,
  type ReferenceValues,
  type RegisteredDevice,
  type RegisteredNode,
  type Route,
} from "./config.ts";
export { parseConfig } from "./config-file.ts";
export {
  type DeviceGrant,
  deviceGrant,
  ENROLMENT_MESSAGE_LENGTH_MAX,
  type EnrolmentChallenge,
  type EnrolmentRequest,
  type EvidenceMessage,
  enrolmentChallenge,
  enrolmentRequest,
  evidenceMessage,
  type JoinFile,
  joinFile,
  type NodeGrant,
  nodeGrant,
  type PendingAnswer,
  pendingAnswer,
} from "./enrolment.ts";
export type { ConfigError, ProtocolError } from "./errors.ts";
export {
  type Generations,
  generations,
  type JoinRequest,
  joinRequest,
  type PolicyAcknowledgement,
  policyAcknowledgement,
} from "./fleet.ts";
export { encodeMessage, MESSAGE_LENGTH_MAX, parseMessage, parseValue, type Schema } from "./message.ts";
export {
  type DataKeyFile,
  dataKeyFile,
  type NamedKey,
  type NodeFactsFile,
  nodeFactsFile,
} from "./node-files.ts";
export {
  type AuditTrustFile,
  anyDocument,
  auditTrustFile,
  type ControlStatus,
  controlStatus,
  type DeviceStatus,
  deviceStatus,
  type EdgeStatus,
  edgeStatus,
  type PublishedPolicyAnswer,
  publishedPolicy,
  type RefusalBody,
  refusalBody,
} from "./status.ts";
