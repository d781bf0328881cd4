/** The prime curves of NIST (SP 800-186 §3.2.1) that JOSE and X.509 share. */
export type Curve = "P-256" | "P-384" | "P-521";

/** y² = x³ − 3x + b over the integers modulo p; coordinates have `length` octets. */
interface CurveParameters {
  readonly length: number;
  readonly p: bigint;
  readonly b: bigint;
}

const PARAMETERS: Readonly<Record<Curve, CurveParameters>> = {
  "P-256": {
    length: 32,
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  "P-384": {
    length: 48,
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  "P-521": {
    length: 66,
    p: 2n ** 521n - 1n,
    b: 0x51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
};

export function isCurve(name: unknown): name is Curve {
  return name === "P-256" || name === "P-384" || name === "P-521";
}

/** Octets of a coordinate and of the private number. */
export function coordinateLength(curve: Curve): number {
  return PARAMETERS[curve].length;
}

export function isOnCurve(curve: Curve, x: bigint, y: bigint): boolean {
  const { p, b } = PARAMETERS[curve];
  return x < p && y < p && (y * y - (x * x * x - 3n * x + b)) % p === 0n;
}
