import { type BackEnd, type Builtin, closures, FlatWriter, readFlatCode, runParts } from "@vedette/rego";

/** Closures over a program that went to another thread and back. */
export function handedOver(builtins: readonly Builtin[]): BackEnd {
  return (program) => {
    const writer = new FlatWriter();
    writer.program(program);
    const read = runParts(readFlatCode(writer.finish(), builtins, (reader) => reader.program()));
    if (!read.ok) throw new Error(`a program did not come back: ${read.error.fault}`);
    return closures(read.value);
  };
}
