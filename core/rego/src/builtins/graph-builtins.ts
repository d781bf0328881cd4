import { ANY, anyOf, arrayOf, functionOf, objectOf, setOf } from "../types.ts";
import { kindOf, memberOf, type ObjectValue, RegoSet, type Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, type BuiltinResult, operandFailure } from "./builtin.ts";
import { elementsOf, taking } from "./operands.ts";

const VERTICES = anyOf(arrayOf(ANY), setOf(ANY));
const GRAPH = objectOf(ANY, VERTICES);

/** OPA policy reference, "Graphs". A graph is an object from each vertex to those its edges lead to. */
export const GRAPH_BUILTINS: readonly Builtin[] = [
  {
    name: "graph.reachable",
    type: functionOf([GRAPH, VERTICES], setOf(ANY)),
    run: taking(["object", "any"], reachable),
  },
  {
    name: "graph.reachable_paths",
    type: functionOf([GRAPH, VERTICES], setOf(arrayOf(ANY))),
    run: taking(["object", "any"], reachablePaths),
  },
];

function reachable(context: BuiltinContext, graph: ObjectValue, initial: Value): BuiltinResult {
  const starts = elementsOf(initial);
  if (starts === undefined) return operandFailure(2, "{array, set}", kindOf(initial));
  const reached = new RegoSet();
  const waiting = [...starts];
  for (let vertex = waiting.pop(); vertex !== undefined; vertex = waiting.pop()) {
    context.spend(1);
    const edges = memberOf(graph, vertex);
    if (edges === undefined || !reached.add(vertex)) continue;
    for (const next of elementsOf(edges) ?? []) if (!reached.has(next)) waiting.push(next);
  }
  return reached;
}

function reachablePaths(context: BuiltinContext, graph: ObjectValue, initial: Value): BuiltinResult {
  const starts = elementsOf(initial);
  if (starts === undefined) return operandFailure(2, "{array, set}", kindOf(initial));
  const paths = new RegoSet();
  for (const start of starts) if (memberOf(graph, start) !== undefined) addPaths(context, graph, [], start, paths);
  return paths;
}

/**
 * A path ends at a vertex without edges, before a vertex that the graph does not have, and before a vertex that is on
 * it already. There may be exponentially many: each costs its length.
 */
function addPaths(
  context: BuiltinContext,
  graph: ObjectValue,
  before: readonly Value[],
  vertex: Value,
  paths: RegoSet,
): void {
  const edges = memberOf(graph, vertex);
  context.spend(1 + before.length);
  if (edges === undefined) {
    paths.add(before);
    return;
  }
  const path = [...before, vertex];
  const visited = RegoSet.of(path);
  const neighbours = elementsOf(edges) ?? [];
  if (neighbours.length === 0) paths.add(path);
  for (const next of neighbours) {
    if (visited.has(next)) paths.add(path);
    else addPaths(context, graph, path, next, paths);
  }
}
