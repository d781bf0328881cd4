import { assert, ok, type Result } from "@vedette/base";
import {
  BUILTINS,
  type CodeUnsound,
  compileModules,
  type FlatCode,
  FlatWriter,
  type Parts,
  readFlatCode,
} from "@vedette/rego";
import { type CheckedCode, parseModules } from "./policy-code.ts";
import type { TarFiles } from "./tar.ts";

/** Checked Rego as plain data: programs instead of their source, so that who receives it compiles nothing. */
export interface CodeTransfer extends Pick<CheckedCode, "packages" | "projections"> {
  readonly flat: FlatCode;
}

export function packCode({ packages, projections, data, program, cautious }: CheckedCode): CodeTransfer {
  const writer = new FlatWriter();
  writer.value(data);
  writer.program(program);
  writer.program(cautious);
  return { packages, projections, flat: writer.finish() };
}

/** `files` are those of the bundle, for who asks queries of their own: only these need the source. */
export function* parseCode(
  { packages, projections, flat }: CodeTransfer,
  files: TarFiles,
): Parts<Result<CheckedCode, CodeUnsound>> {
  const read = yield* readFlatCode(flat, BUILTINS, function* (reader) {
    return { data: reader.value(), program: yield* reader.program(), cautious: yield* reader.program() };
  });
  return read.ok ? ok({ packages, projections, ...read.value, compiled: () => recompile(files) }) : read;
}

function recompile(files: TarFiles): ReturnType<CheckedCode["compiled"]> {
  const modules = parseModules(files);
  const compiled = modules.ok ? compileModules(modules.value, BUILTINS) : modules;
  assert(compiled.ok, "modules that were checked compile again");
  return compiled.value;
}
