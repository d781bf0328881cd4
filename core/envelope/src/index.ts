export { JWS_LENGTH_MAX, type JwsError, type OpenedJws, signJws, type VerificationKey, verifyJws } from "./jws.ts";
