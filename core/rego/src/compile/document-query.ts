import type { Expression, Program, TreeNode } from "./ir.ts";
import type { QueryBlock } from "./verify-program.ts";

/**
 * The query `data["a"]["b"]`, for which no compiler is needed: emits the document at a path below `data`, rules included.
 * Undefined for a function, which is no document.
 */
export function documentQuery(program: Program, path: readonly string[]): QueryBlock | undefined {
  const from = documentAt(program, path);
  return (
    from && {
      body: [
        { op: "let", slot: 0, from },
        { op: "emit", values: [{ op: "slot", slot: 0 }] },
      ],
      frame: 1,
    }
  );
}

/** Follows the names through the tree of rules, as far as they lead. */
function documentAt({ tree, procedures }: Program, path: readonly string[]): Expression | undefined {
  let node: TreeNode = tree;
  for (const [index, name] of path.entries()) {
    const child = node.children.get(name);
    if (child === undefined) return { op: "data", path };
    node = child;
    if (node.procedure === undefined) continue;
    if (procedures[node.procedure]!.kind === "function") return undefined;
    return path.slice(index + 1).reduce<Expression>(memberOf, { op: "rule", procedure: node.procedure });
  }
  return { op: "extent", of: { op: "tree", path } };
}

function memberOf(source: Expression, name: string): Expression {
  return { op: "get", source, key: { op: "constant", value: name } };
}
