export { type DeviceAgentOptions, type RunningDevice, startDevice } from "./device-agent.ts";
export { type EdgeOptions, type RunningEdge, startEdge } from "./edge.ts";
export { edgeFiles } from "./edge-files.ts";
export { inTurns } from "./in-turns.ts";
export { type InitEdgeOptions, type InitialisedEdge, initEdge } from "./init.ts";
export { PolicyThread } from "./policy-thread.ts";
