export { type ControlOptions, type RunningControl, startControl } from "./control.ts";
export { authorityFiles, controlFiles } from "./files.ts";
export { type Initialised, type InitOptions, initControl } from "./init.ts";
export { type NextTrust, POLICY_KEY_ID, signNextTrust } from "./trust.ts";
