import type { EntityJson } from "@cedar-policy/cedar-wasm/nodejs";
import {
  createRandom,
  type EntityId,
  entity,
  numbered,
  type Question,
  referenceTo,
  type Scenario,
} from "./rego-scenario.ts";

/** How likely any two things are related, as in the paper's generators. */
const CONNECTED = 0.05;
const QUESTIONS = 200;

/**
 * The three applications of the paper on Cedar (OOPSLA 2024, section 5), modelled anew in both languages over facts that
 * grow: `size` users, groups, documents and so on of each kind.
 */
export const CEDAR_MODELS: readonly ((size: number) => Scenario)[] = [gdrive, github, tinytodo];

type Graph = Record<string, string[]>;

function gdrive(size: number): Scenario {
  const random = createRandom(size);
  const [users, groups] = [numbered("user", size), numbered("group", size)];
  const [documents, folders] = [numbered("doc", size), numbered("folder", size)];
  const some = (names: readonly string[]): string[] => names.filter(() => random.isLikely(CONNECTED));
  const views = [...users, ...groups].map((name) => `view_${name}`);
  const parents: Graph = {};
  // Who is in a group sees what the group sees.
  for (const group of groups) parents[`view_${group}`] = some(users).map((user) => `view_${user}`);
  for (const document of documents) parents[document] = [...some(folders), ...some(views)];
  for (const [i, folder] of folders.entries()) parents[folder] = [...some(folders.slice(0, i)), ...some(views)];
  const owned = new Map(users.map((user) => [user, { documents: some(documents), folders: some(folders) }]));
  const isPublic = new Map(documents.map((document) => [document, random.isLikely(0.5)]));
  const typeOf = (name: string): string =>
    name.startsWith("doc") ? "Document" : name.startsWith("folder") ? "Folder" : "View";
  const uid = (name: string): EntityId => ({ type: typeOf(name), id: name });
  const references = (names: readonly string[] = []) => names.map((name) => referenceTo(uid(name)));
  const entities: EntityJson[] = [
    ...users.map((user) =>
      entity({ type: "User", id: user }, [], {
        view: referenceTo(uid(`view_${user}`)),
        documents: references(owned.get(user)?.documents),
        folders: references(owned.get(user)?.folders),
      }),
    ),
    ...[...views, ...folders].map((name) => entity(uid(name), (parents[name] ?? []).map(uid))),
    ...documents.map((name) =>
      entity(uid(name), (parents[name] ?? []).map(uid), { isPublic: isPublic.get(name) === true }),
    ),
  ];
  const actions = ["read", "read", "write", "share", "changeOwner"];
  return {
    name: "gdrive",
    module: `package gdrive

default allow := false

user := data.users[input.user]

above := graph.reachable(data.parents, {input.resource})

allow if {
	input.action == "read"
	data.public[input.resource]
}

allow if {
	input.action == "read"
	user.view in above
}

allow if {
	input.action in {"read", "write", "share", "changeOwner"}
	input.resource in user.documents
}

allow if {
	input.action in {"read", "write", "share"}
	some folder in user.folders
	folder in above
}

allow if {
	input.action == "createDocument"
	input.resource in user.folders
}
`,
    entrypoint: "gdrive/allow",
    data: {
      parents: { ...Object.fromEntries(views.map((view) => [view, []])), ...parents },
      public: Object.fromEntries(isPublic),
      users: Object.fromEntries(users.map((user) => [user, { view: `view_${user}`, ...owned.get(user)! }])),
    },
    cedar: `permit (principal, action == Action::"read", resource is Document) when { resource.isPublic };
permit (principal, action == Action::"read", resource) when { resource in principal.view };
permit (principal, action in [Action::"read", Action::"write", Action::"share", Action::"changeOwner"], resource)
when { principal.documents.contains(resource) };
permit (principal, action in [Action::"read", Action::"write", Action::"share"], resource)
when { resource in principal.folders };
permit (principal, action == Action::"createDocument", resource) when { principal.folders.contains(resource) };`,
    entities,
    questions: Array.from({ length: QUESTIONS }, (_, i): Question => {
      const user = users[random.below(size)]!;
      return i % 6 === 5
        ? { user, action: "createDocument", resource: folders[random.below(size)]!, type: "Folder" }
        : { user, action: actions[i % 6]!, resource: documents[random.below(size)]!, type: "Document" };
    }),
  };
}

/** From the weakest action to the strongest, with the role that is enough for it; each role may what weaker ones may. */
const LADDER = [
  ["read", "readers"],
  ["triage", "triagers"],
  ["write", "writers"],
  ["maintain", "maintainers"],
  ["admin", "admins"],
] as const;
const ROLES = LADDER.map(([, role]) => role);
const ORGANISATION_ROLES = ["readers", "writers", "admins"] as const;

function github(size: number): Scenario {
  const random = createRandom(size);
  const [users, teams] = [numbered("user", size), numbered("team", size)];
  const [repositories, organisations] = [numbered("repo", size), numbered("org", size)];
  const some = (names: readonly string[]): string[] => names.filter(() => random.isLikely(CONNECTED));
  const oneRole = (of: string, roles: readonly string[]): string => `${of}_${roles[random.below(roles.length)]}`;
  const ownerOf = new Map(repositories.map((name) => [name, organisations[random.below(size)]!]));
  const permissions = (names: readonly string[], roles: readonly string[]): string[] =>
    some(names).map((name) => oneRole(name, roles));
  const parents: Graph = {};
  for (const name of organisations) parents[name] = permissions(organisations, ORGANISATION_ROLES);
  for (const [i, team] of teams.entries())
    parents[team] = [...some(teams.slice(0, i)), ...permissions(repositories, ROLES)];
  for (const user of users)
    parents[user] = [
      ...permissions(repositories, ROLES),
      ...some(teams),
      ...some(organisations),
      ...permissions(organisations, ORGANISATION_ROLES),
    ];
  const rolesOf = (name: string, roles: readonly string[]): Record<string, string> =>
    Object.fromEntries(roles.map((role) => [role, `${name}_${role}`]));
  const typeOf = (name: string): string => {
    if (name.includes("_", 6) || /_[a-z]+$/.test(name)) return "Permission";
    return { user: "User", team: "Team", repo: "Repository", org: "Organization" }[name.split("_")[0] ?? ""] ?? "";
  };
  const uid = (id: string): EntityId => ({ type: typeOf(id), id });
  const attributes = (roles: Record<string, string>) =>
    Object.fromEntries(Object.entries(roles).map(([role, name]) => [role, referenceTo(uid(name))]));
  const above = (name: string): readonly EntityId[] => (parents[name] ?? []).map(uid);
  const permissionNames = [
    ...repositories.flatMap((name) => Object.values(rolesOf(name, ROLES))),
    ...organisations.flatMap((name) => Object.values(rolesOf(name, ORGANISATION_ROLES))),
  ];
  const entities: EntityJson[] = [
    ...LADDER.map(([action], i) => {
      const stronger = LADDER[i + 1];
      return entity({ type: "Action", id: action }, stronger ? [{ type: "Action", id: stronger[0] }] : []);
    }),
    ...[...users, ...teams].map((name) => entity(uid(name), above(name))),
    ...organisations.map((name) => entity(uid(name), above(name), attributes(rolesOf(name, ORGANISATION_ROLES)))),
    ...repositories.map((name) =>
      entity(uid(name), [], {
        ...attributes(rolesOf(name, ROLES)),
        owner: referenceTo(uid(ownerOf.get(name)!)),
      }),
    ),
    ...permissionNames.map((name) => entity(uid(name), [])),
  ];
  return {
    name: "github",
    module: `package github

default allow := false

groups := graph.reachable(data.parents, {input.user})

repository := data.repositories[input.resource]

allow if {
	some role in data.enough[input.action]
	repository[role] in groups
}

allow if {
	some role in data.enough[input.action]
	data.organizations[repository.owner][role] in groups
}
`,
    entrypoint: "github/allow",
    data: {
      parents: { ...Object.fromEntries(permissionNames.map((name) => [name, []])), ...parents },
      repositories: Object.fromEntries(
        repositories.map((name) => [name, { ...rolesOf(name, ROLES), owner: ownerOf.get(name)! }]),
      ),
      organizations: Object.fromEntries(organisations.map((name) => [name, rolesOf(name, ORGANISATION_ROLES)])),
      enough: Object.fromEntries(LADDER.map(([action], i) => [action, ROLES.slice(i)])),
    },
    cedar: LADDER.flatMap(([action, role]) => {
      const head = `permit (principal, action in Action::"${action}", resource)`;
      const isForOwners = ORGANISATION_ROLES.some((name) => name === role);
      return [
        `${head} when { principal in resource.${role} };`,
        ...(isForOwners ? [`${head} when { principal in resource.owner.${role} };`] : []),
      ];
    }).join("\n"),
    entities,
    questions: Array.from({ length: QUESTIONS }, (_, i): Question => {
      const resource = repositories[random.below(size)]!;
      return { user: users[random.below(size)]!, action: LADDER[i % 5]![0], resource, type: "Repository" };
    }),
  };
}

function tinytodo(size: number): Scenario {
  const random = createRandom(size);
  const [users, teams, lists] = [numbered("user", size), numbered("team", size), numbered("list", size)];
  const some = (names: readonly string[]): string[] => names.filter(() => random.isLikely(CONNECTED));
  const parents: Graph = {};
  for (const [i, team] of teams.entries()) parents[team] = some(teams.slice(0, i));
  for (const user of users) parents[user] = some(teams);
  const facts = new Map(
    lists.map((list) => [
      list,
      {
        owner: users[random.below(size)]!,
        readers: teams[random.below(size)]!,
        editors: teams[random.below(size)]!,
      },
    ]),
  );
  const uid = (id: string): EntityId => ({ type: id.startsWith("user") ? "User" : "Team", id });
  const editing = ["UpdateList", "CreateTask", "UpdateTask", "DeleteTask"];
  const actions = ["GetLists", "GetList", "GetList", "CreateList", ...editing];
  const cedarActions = editing.map((action) => `Action::"${action}"`).join(", ");
  return {
    name: "tinytodo",
    module: `package tinytodo

default allow := false

list := data.lists[input.resource]

groups := graph.reachable(data.parents, {input.user})

allow if input.action in {"CreateList", "GetLists"}

allow if list.owner == input.user

allow if {
	input.action == "GetList"
	list.readers in groups
}

allow if {
	input.action in {"GetList", "UpdateList", "CreateTask", "UpdateTask", "DeleteTask"}
	list.editors in groups
}
`,
    entrypoint: "tinytodo/allow",
    data: { parents, lists: Object.fromEntries(facts) },
    cedar: `permit (principal, action in [Action::"CreateList", Action::"GetLists"], resource);
permit (principal, action, resource) when { resource.owner == principal };
permit (principal, action == Action::"GetList", resource)
when { principal in resource.readers || principal in resource.editors };
permit (principal, action in [${cedarActions}], resource) when { principal in resource.editors };`,
    entities: [
      ...[...users, ...teams].map((name) => entity(uid(name), (parents[name] ?? []).map(uid))),
      ...Array.from(facts, ([id, { owner, readers, editors }]) =>
        entity({ type: "List", id }, [], {
          owner: referenceTo(uid(owner)),
          readers: referenceTo(uid(readers)),
          editors: referenceTo(uid(editors)),
        }),
      ),
    ],
    questions: Array.from({ length: QUESTIONS }, (_, i): Question => {
      const resource = lists[random.below(size)]!;
      return { user: users[random.below(size)]!, action: actions[i % actions.length]!, resource, type: "List" };
    }),
  };
}
