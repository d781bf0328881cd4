import { createHash } from "node:crypto";
import { type ByteReader, ByteWriter, concatBytes } from "@vedette/base";
import { EMPTY_PASSWORD, nothing, type Transaction } from "./transaction.ts";
import { ALGORITHM, HANDLE } from "./wire.ts";

const EMPTY: Uint8Array = new Uint8Array(0);

/** TPMS_NV_PUBLIC (part 2 §13.5). */
export interface NvPublic {
  readonly index: number;
  readonly nameAlgorithm: number;
  readonly attributes: number;
  readonly policy: Uint8Array;
  readonly size: number;
}

/** TPM2_NV_DefineSpace (part 3 §31.3), authorised by the owner's empty password; the index has an empty password too. */
export function nvDefineSpace(tpm: Transaction, area: NvPublic): Promise<void> {
  const parameters = new ByteWriter().sized16(EMPTY).sized16(marshalNvPublic(area)).finish();
  return tpm.execute(
    { name: "NV_DefineSpace", handles: [HANDLE.owner], authorizations: [EMPTY_PASSWORD], parameters },
    nothing,
  );
}

/** TPM2_NV_UndefineSpace (part 3 §31.4). */
export function nvUndefineSpace(tpm: Transaction, index: number): Promise<void> {
  return tpm.execute(
    { name: "NV_UndefineSpace", handles: [HANDLE.owner, index], authorizations: [EMPTY_PASSWORD] },
    nothing,
  );
}

/** TPM2_NV_Increment (part 3 §31.8), authorised by the index's own empty password. */
export function nvIncrement(tpm: Transaction, index: number): Promise<void> {
  return tpm.execute({ name: "NV_Increment", handles: [index, index], authorizations: [EMPTY_PASSWORD] }, nothing);
}

/** TPM2_NV_ReadPublic (part 3 §31.6). The name is the TPM's own word for what the index is. */
export function nvReadPublic(tpm: Transaction, index: number): Promise<NvPublic & { readonly name: Uint8Array }> {
  return tpm.execute({ name: "NV_ReadPublic", handles: [index] }, (reader) => {
    reader.u16(); // size of TPM2B_NV_PUBLIC; `execute` sees that all of it was read
    return { ...readNvPublic(reader), name: reader.sized16() };
  });
}

/** TPM2_NV_Read (part 3 §31.13), authorised by the index's own empty password. */
export function nvRead(tpm: Transaction, index: number, size: number, offset: number): Promise<Uint8Array> {
  return tpm.execute(
    {
      name: "NV_Read",
      handles: [index, index],
      authorizations: [EMPTY_PASSWORD],
      parameters: new ByteWriter().u16(size).u16(offset).finish(),
    },
    (reader) => reader.sized16(),
  );
}

/** Part 1 §16: nameAlg ‖ H_nameAlg(TPMS_NV_PUBLIC), for indices named with SHA-256. */
export function nvName(area: NvPublic): Uint8Array {
  const digest = createHash("sha256").update(marshalNvPublic(area)).digest();
  return concatBytes(new ByteWriter().u16(ALGORITHM.sha256).finish(), digest);
}

function marshalNvPublic(area: NvPublic): Uint8Array {
  return new ByteWriter()
    .u32(area.index)
    .u16(area.nameAlgorithm)
    .u32(area.attributes)
    .sized16(area.policy)
    .u16(area.size)
    .finish();
}

function readNvPublic(reader: ByteReader): NvPublic {
  return {
    index: reader.u32(),
    nameAlgorithm: reader.u16(),
    attributes: reader.u32(),
    policy: reader.sized16(),
    size: reader.u16(),
  };
}
