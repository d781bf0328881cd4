import assert from "node:assert/strict";
import { test } from "node:test";
import { findRoles } from "./role-scan.ts";

const NONE: ReadonlySet<string> = new Set();
const rolesIn = (text: string, known = NONE) => findRoles(text, known).map(({ role }) => role);

test("a role that an application decides by is found, whatever it is written in", () => {
  const lines: readonly (readonly [string, string])[] = [
    ['if (user.role === "admin") {', "admin"],
    ["if ('manager' == session.getRole()) {", "manager"],
    ["return req.user.roles?.includes('auditor');", "auditor"],
    ['if "clerk" in user.roles:', "clerk"],
    ['if not has_role("ops"):', "ops"],
    ["@role_required('editor')", "editor"],
    ['@RolesAllowed("admin")', "admin"],
    ["@PreAuthorize(\"hasRole('ADMIN')\")", "ADMIN"],
    ['[Authorize(Roles = "Manager")]', "Manager"],
    ['if (User.IsInRole("Cashier"))', "Cashier"],
    ['if principal.Role == "root" {', "root"],
    ["redirect unless current_user.has_role?('chef')", "chef"],
    ['if ($user->hasRole("owner")) {', "owner"],
  ];
  for (const [line, role] of lines) assert.ok(rolesIn(line).includes(role), line);
});

test("a role that policy knows is found wherever rights are spoken of", () => {
  assert.deepEqual(rolesIn('const GROUPS = ["cashier", "guest"];', new Set(["cashier"])), ["cashier"]);
  assert.deepEqual(rolesIn('const label = "cashier";', new Set(["cashier"])), []);
  assert.deepEqual(rolesIn('const GROUPS = ["cashier"];'), []);
});

test("what decides nothing is left alone: comments, other words, lines that say they are meant so", () => {
  for (const line of [
    '// if (user.role === "admin")',
    '  # has_role("admin")',
    'const colour = "red";',
    'if (kind === "admin") {',
    '<div role="button">',
    'if (user.role === "admin") { // vedette:role-allowed: shows a badge, opens nothing',
    `if (role === "admin") {${" ".repeat(3_000)}}`,
  ])
    assert.deepEqual(rolesIn(line), [], line);
});

test("a finding says where the name stands", () => {
  const [use] = findRoles('\n  if (role == "admin")\n', NONE);
  assert.deepEqual(use, { role: "admin", row: 2, col: 16, line: 'if (role == "admin")' });
});
