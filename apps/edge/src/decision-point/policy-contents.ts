import { parseUtf8 } from "@vedette/base";
import { type PolicyDocument, parsePolicy, RULES_FILE } from "@vedette/policy";
import type { Activated, PolicyHost } from "../policy-host.ts";

/** What rules speak of by name, for searches: no site has a list of all its resources. */
export interface Vocabulary {
  readonly actions: readonly string[];
  readonly resourcesByType: ReadonlyMap<string, readonly string[]>;
}

/** The texts behind the active policy: read when somebody asks, kept until the next policy. */
export class PolicyContents {
  readonly #host: Pick<PolicyHost, "active" | "readActiveFiles">;
  #active: Activated | undefined;
  #modules: ReadonlyMap<string, string> = new Map();
  #vocabulary: Vocabulary = NO_WORDS;

  constructor(host: Pick<PolicyHost, "active" | "readActiveFiles">) {
    this.#host = host;
  }

  /** By file name. */
  modules(): ReadonlyMap<string, string> {
    this.#refresh();
    return this.#modules;
  }

  vocabulary(): Vocabulary {
    this.#refresh();
    return this.#vocabulary;
  }

  #refresh(): void {
    const { active } = this.#host;
    if (active === this.#active) return;
    this.#active = active;
    const texts = new Map<string, string>();
    for (const [name, contents] of this.#host.readActiveFiles()) {
      const text = name === RULES_FILE || name.endsWith(".rego") ? parseUtf8(contents) : undefined;
      if (text?.ok) texts.set(name, text.value);
    }
    const rules = parsePolicy(texts.get(RULES_FILE) ?? "", RULES_FILE);
    this.#vocabulary = rules.ok ? wordsOf(rules.value) : NO_WORDS;
    texts.delete(RULES_FILE);
    this.#modules = texts;
  }
}

const NO_WORDS: Vocabulary = { actions: [], resourcesByType: new Map() };
/** Stands for every action or type, so it names none. */
const ANY = "*";

function wordsOf({ rules }: PolicyDocument): Vocabulary {
  const resourcesByType = new Map<string, Set<string>>();
  for (const { resource } of rules) {
    if (resource.id?.kind !== "exact") continue;
    const known = resourcesByType.get(resource.type);
    if (known) known.add(resource.id.text);
    else resourcesByType.set(resource.type, new Set([resource.id.text]));
  }
  return {
    actions: [...new Set(rules.flatMap(({ actions }) => actions))].filter((name) => name !== ANY),
    resourcesByType: new Map(Array.from(resourcesByType, ([type, ids]) => [type, [...ids]])),
  };
}
