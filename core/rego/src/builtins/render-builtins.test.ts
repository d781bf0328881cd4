import assert from "node:assert/strict";
import { test } from "node:test";
import type { Value } from "../values/value.ts";
import { testCreateCaller } from "./builtin-fixture.test.ts";
import { RENDER_BUILTINS } from "./render-builtins.ts";

const call = testCreateCaller(RENDER_BUILTINS);
const DATA = { name: "x<y", n: 3, list: ["a", "b"], user: { role: "ops", "a-b": 1 }, none: null, empty: "" };

function render(template: string, data: Value = DATA): string {
  const rendered = call("strings.render_template", template, data);
  return rendered.startsWith('"') ? JSON.parse(rendered) : rendered;
}

test("fields of the data are filled in, and what is not there says so", () => {
  assert.equal(
    render("{{.name}} {{.n}} {{.user.role}} {{.missing}} {{.none}} {{.user.x.y}}"),
    "x<y 3 ops <undefined> <undefined> <undefined>",
  );
  assert.equal(render("{{.list}} {{.user}}"), "[a b] map[a-b:1 role:ops]");
});

test("conditions take the first branch that is not empty", () => {
  assert.equal(render("{{if .empty}}a{{else if .list}}b{{else}}c{{end}}"), "b");
  assert.equal(render("{{with .user}}{{.role}}{{end}}{{with .none}}a{{else}}-{{end}}"), "ops-");
  assert.equal(render("{{if and .n (eq .name .name)}}y{{end}}{{if not .none}}z{{end}}"), "yz");
});

test("loops run over arrays, objects and numbers, and may be left", () => {
  assert.equal(render("{{range $i, $v := .list}}{{if $i}},{{end}}{{$v}}{{end}}"), "a,b");
  assert.equal(render("{{range $k, $v := .user}}{{$k}}={{$v}};{{end}}"), "a-b=1;role=ops;");
  assert.equal(render("{{range 5}}{{if eq . 1}}{{continue}}{{end}}{{if eq . 3}}{{break}}{{end}}{{.}}{{end}}"), "02");
  assert.equal(render("{{range .none}}x{{else}}nothing{{end}}"), "nothing");
});

test("variables live to the end of their block", () => {
  assert.equal(render("{{$x := 1}}{{if .n}}{{$x := 2}}{{$x}}{{end}}{{$x}}"), "21");
  assert.equal(render("{{$x := 1}}{{if .n}}{{$x = 2}}{{end}}{{$x}}"), "2");
  assert.match(render("{{if .n}}{{$y := 1}}{{end}}{{$y}}"), /undefined variable "\$y"/);
});

test("functions take arguments, and the result of the command before as the last", () => {
  assert.equal(
    render('{{.name | printf "%s-%q" "a"}} {{len .list}} {{index .user "a-b"}} {{slice .name 0 1}}'),
    'a-"x<y" 2 1 x',
  );
  assert.equal(render("{{html .name}} {{js .name}} {{urlquery .name}}"), "x&lt;y x\\u003Cy x%3Cy");
  assert.equal(
    render('{{lt .n 4}} {{ge 2 3}} {{ne "a" "b"}} {{or .empty "d"}} {{and .n .name}}'),
    "true false true d x<y",
  );
});

test("templates have names, and data of their own", () => {
  assert.equal(render('{{define "T"}}<{{.}}>{{end}}{{template "T" .n}}{{block "B" .name}}[{{.}}]{{end}}'), "<3>[x<y]");
  assert.match(render('{{template "none"}}'), /template "none" not defined/);
});

test("trim marks take white space away, and comments leave nothing", () => {
  assert.equal(render("a \n {{- .n -}} \n b {{- /* nothing */ -}} c"), "a3bc");
});

test("what is no template says why", () => {
  for (const [template, why] of [
    ["{{", "unclosed action"],
    ["{{end}}", "unexpected {{end}}"],
    ["{{if .n}}", "unexpected EOF"],
    ["{{}}", "missing value for command"],
    ["{{nil}}", "nil is not a command"],
    ["{{call .n}}", 'function "call" not defined'],
    ["{{.name.x}}", "can't evaluate field x"],
    ["{{break}}", "{{break}} outside {{range}}"],
    ['{{eq true "a"}}', "incompatible types for comparison"],
    ["{{index .list 9}}", "error calling index: index out of range: 9"],
  ] as const)
    assert.equal(render(template), `template: ${why}`);
});

test("a template that never ends, nests too deep or doubles without end is stopped", () => {
  assert.match(render('{{define "r"}}{{template "r" .}}{{end}}{{template "r" .}}'), /exceeded maximum template depth/);
  assert.match(render("{{if 1}}".repeat(1_000)), /nested too deep/);
  assert.match(render(`{{${"(".repeat(1_000)}`), /unclosed action|nested too deep/);
  assert.throws(() => render("{{range 1000000000}}x{{end}}"), { limit: "fuel" });
  assert.throws(() => render('{{$x := "aaaaaaaa"}}{{range 60}}{{$x = print $x $x}}{{end}}'), { limit: "fuel" });
});
