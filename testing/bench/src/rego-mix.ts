import type { AccessRequest } from "@vedette/policy";

/** Rego of one fleet: a quarter each of allows, denies, functions and rules over the site's data. */
export interface RegoMix {
  readonly module: string;
  /** The data below `site`. */
  readonly data: string;
  readonly requests: readonly AccessRequest[];
}

const ZONES = 50;
const REQUESTS = 1_000;

export function createRegoMix(count: number): RegoMix {
  const rules = Array.from({ length: count / 4 }, (_, i) => rulesOf(i));
  const zones = Array.from({ length: ZONES }, (_, i) => ({ name: `zone-${i}`, level: i % 10 }));
  return {
    module: `package vedette.access\n\n${rules.join("\n")}`,
    data: JSON.stringify({ zones }),
    requests: Array.from({ length: REQUESTS }, (_, i) => requestOf(i, count / 4)),
  };
}

function rulesOf(i: number): string {
  return `allow contains {"rule": "allow-${i}"} if {
	input.resource.id == "item-${i}"
	input.action.name == "act-${i % 50}"
	"role-${i % 20}" in input.subject.properties.roles
	is_open_${i}
}

deny contains {"rule": "deny-${i}"} if {
	input.action.name == "act-${i % 50}"
	startswith(input.resource.id, "blocked-${i}/")
	not input.context.override == "code-${i}"
}

is_open_${i} if {
	some zone in data.site.zones
	zone.level >= ${i % 7}
	label_${i}(zone.name) != input.context.mode
}

label_${i}(name) := text if {
	text := concat("-", [name, "${i}"])
	count(text) > ${i % 9}
}
`;
}

function requestOf(index: number, count: number): AccessRequest {
  // A stride that is prime to the number of rules visits them all.
  const i = (index * 7_919) % count;
  return {
    subject: { type: "device", id: `device-${index}`, properties: { roles: [`role-${i % 20}`] } },
    action: { name: `act-${i % 50}` },
    resource: { type: "item", id: `item-${i}` },
    context: { mode: "day", override: "none" },
  };
}
