import { AdapterError, ByteWriter } from "@vedette/base";
import type { Transaction } from "./transaction.ts";
import { malformed } from "./transport.ts";

const CAPABILITY = { handles: 0x01, properties: 0x06 } as const;
// More than any TPM answers at once (MAX_CAP_HANDLES is 254); `moreData` tells when it was not enough.
const HANDLES_MAX = 256;

/** First handle of a range (part 2 §7.4); a range ends where its first byte changes. */
export const HANDLE_RANGE = { loadedSession: 0x0200_0000, transient: 0x8000_0000 } as const;

/** TPM_PT_NV_BUFFER_MAX (part 2 §6.13). */
export const PROPERTY_NV_BUFFER_MAX = 0x12c;

/** TPM2_GetCapability(TPM_CAP_HANDLES) (part 3 §30.2): the handles that exist in a range, from its first on. */
export function readHandles(tpm: Transaction, first: number): Promise<readonly number[]> {
  return tpm.execute(getCapability(CAPABILITY.handles, first, HANDLES_MAX), (reader) => {
    reader.u8(); // moreData
    if (reader.u32() !== CAPABILITY.handles) throw malformed("another capability than asked for");
    const count = reader.u32();
    if (count > HANDLES_MAX) throw malformed("more handles than asked for", { count });
    return Array.from({ length: count }, () => reader.u32());
  });
}

/** TPM2_GetCapability(TPM_CAP_TPM_PROPERTIES). Throws `AdapterError` TPM_PROPERTY_MISSING. */
export async function readProperty(tpm: Transaction, property: number): Promise<number> {
  const [found, value] = await tpm.execute(getCapability(CAPABILITY.properties, property, 1), (reader) => {
    reader.u8(); // moreData
    if (reader.u32() !== CAPABILITY.properties) throw malformed("another capability than asked for");
    const count = reader.u32();
    if (count > 1) throw malformed("more properties than asked for", { count });
    return count === 1 ? [reader.u32(), reader.u32()] : [];
  });
  if (found !== property || value === undefined)
    throw new AdapterError("TPM_PROPERTY_MISSING", "the TPM does not tell a property", { property });
  return value;
}

/** TPM2_GetRandom (part 3 §16.1); the TPM may return fewer bytes than asked for. */
export function getRandom(tpm: Transaction, length: number): Promise<Uint8Array> {
  return tpm.execute({ name: "GetRandom", parameters: new ByteWriter().u16(length).finish() }, (reader) =>
    reader.sized16(),
  );
}

function getCapability(capability: number, property: number, count: number) {
  const parameters = new ByteWriter().u32(capability).u32(property).u32(count).finish();
  return { name: "GetCapability" as const, parameters };
}
