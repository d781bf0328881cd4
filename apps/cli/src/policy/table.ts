/** A table with a frame, as `opa` draws them: titles in the middle, everything else to the left. */
export function tableToText(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = Math.max(titles.length, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...[titles, ...rows].map((row) => (row[column] ?? "").length)),
  );
  const rule = (left: string, cross: string, right: string) =>
    `${left}${widths.map((width) => "─".repeat(width + 2)).join(cross)}${right}`;
  const line = (cells: readonly string[]) => `│${cells.map((cell) => ` ${cell} `).join("│")}│`;
  const head = titles.length === 0 ? [] : [line(widths.map((width, at) => centred(titles[at] ?? "", width)))];
  const body = rows.map((row) => line(widths.map((width, at) => (row[at] ?? "").padEnd(width))));
  const middle = titles.length === 0 ? [] : [rule("├", "┼", "┤")];
  return [rule("┌", "┬", "┐"), ...head, ...middle, ...body, rule("└", "┴", "┘")].join("\n");
}

function centred(text: string, width: number): string {
  return text.padStart(text.length + Math.floor((width - text.length) / 2)).padEnd(width);
}
