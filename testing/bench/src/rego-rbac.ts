import { entity, type Question, type Scenario } from "./rego-scenario.ts";

const GRANTS: Readonly<Record<string, readonly { readonly action: string; readonly type: string }[]>> = {
  customer: [
    { action: "read", type: "dog" },
    { action: "read", type: "cat" },
    { action: "adopt", type: "dog" },
    { action: "adopt", type: "cat" },
  ],
  employee: [
    { action: "read", type: "dog" },
    { action: "read", type: "cat" },
    { action: "update", type: "dog" },
    { action: "update", type: "cat" },
  ],
  billing: [
    { action: "read", type: "finance" },
    { action: "update", type: "finance" },
  ],
};
const ROLES: Readonly<Record<string, readonly string[]>> = {
  alice: ["admin"],
  bob: ["employee", "billing"],
  eve: ["customer"],
};

/** The RBAC model by which OPA's documentation explains its own performance, with our words. */
const MODULE = `package app.rbac

default allow := false

allow if is_admin

allow if {
	some grant in grants
	input.action == grant.action
	input.type == grant.type
}

is_admin if "admin" in data.user_roles[input.user]

grants contains grant if {
	some role in data.user_roles[input.user]
	some grant in data.role_grants[role]
}
`;

export function rbac(): Scenario {
  const cedar = Object.entries(GRANTS).flatMap(([role, grants]) =>
    grants.map(
      ({ action, type }) =>
        `permit (principal in Role::"${role}", action == Action::"${action}", resource is ${type});`,
    ),
  );
  return {
    name: "rbac",
    module: MODULE,
    entrypoint: "app/rbac/allow",
    data: { user_roles: ROLES, role_grants: GRANTS },
    cedar: ['permit (principal in Role::"admin", action, resource);', ...cedar].join("\n"),
    entities: Object.entries(ROLES).map(([id, roles]) =>
      entity(
        { type: "User", id },
        roles.map((role) => ({ type: "Role", id: role })),
      ),
    ),
    questions: questions(),
  };
}

/** An admin, a role's grant and a denial in turn. */
function questions(): readonly Question[] {
  const kinds: readonly Omit<Question, "resource">[] = [
    { user: "alice", action: "read", type: "dog" },
    { user: "bob", action: "update", type: "finance" },
    { user: "eve", action: "read", type: "finance" },
    { user: "eve", action: "adopt", type: "cat" },
    { user: "mallory", action: "read", type: "dog" },
    { user: "bob", action: "adopt", type: "dog" },
  ];
  return Array.from({ length: 1_000 }, (_, i) => ({ ...kinds[i % kinds.length]!, resource: `id${i}` }));
}

/** A thousand clauses that differ in two constants. */
export function clauses(): Scenario {
  const pairs = Array.from({ length: 1_000 }, (_, i) => ({ action: `a${i % 100}`, role: `r${Math.floor(i / 100)}` }));
  const rules = pairs.map(
    ({ action, role }) => `allow if {\n\tinput.action == "${action}"\n\tinput.user == "${role}"\n}\n`,
  );
  const permits = pairs.map(
    ({ action, role }) => `permit (principal == User::"${role}", action == Action::"${action}", resource);`,
  );
  return {
    name: "clauses.1e3",
    module: `package clauses\n\ndefault allow := false\n\n${rules.join("\n")}`,
    entrypoint: "clauses/allow",
    data: {},
    cedar: permits.join("\n"),
    entities: [],
    questions: Array.from({ length: 1_000 }, (_, i) => ({
      user: `r${(i * 7) % 13}`,
      action: `a${(i * 31) % 110}`,
      resource: "door",
      type: "Door",
    })),
  };
}

/** One member of a hundred thousand. */
export function lookup(): Scenario {
  const members = Object.fromEntries(
    Array.from({ length: 100_000 }, (_, i) => [`user_${i}`, { active: i % 3 !== 0, level: i % 10 }]),
  );
  return {
    name: "lookup.1e5",
    module: `package lookup

default allow := false

allow if {
	member := data.members[input.user]
	member.active
	member.level > 2
}
`,
    entrypoint: "lookup/allow",
    data: { members },
    cedar: "",
    entities: [],
    questions: Array.from({ length: 1_000 }, (_, i) => ({
      user: `user_${(i * 7_919) % 101_000}`,
      action: "enter",
      resource: "door",
      type: "Door",
    })),
  };
}
