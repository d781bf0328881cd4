import type { Comment, Module } from "../syntax/ast.ts";

/**
 * Lines that lie deeper begin no further to the right. Nobody reads what nests so deep, and without a bound a hostile
 * text could grow by a factor of its nesting.
 */
const INDENTATION_MAX = 32;

/**
 * The text that is written, line by line, and the comments that are still to come. Positions are offsets into the text
 * that was read. INVARIANT: positions only grow, so that each comment is written once, at the first end of a line
 * behind its place: on that line when it stood there or further up, else on a line of its own.
 */
export class Page {
  protected readonly source: string;
  readonly #lineStarts: readonly number[];
  readonly #comments: readonly Comment[];
  #nextComment = 0;
  #text = "";
  #depth = 0;

  constructor({ text, comments }: Pick<Module, "text" | "comments">) {
    this.source = text;
    this.#comments = comments;
    this.#lineStarts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  }

  /** What was written, without blank lines at its end. */
  protected get text(): string {
    let end = this.#text.length;
    while (this.#text[end - 1] === "\n") end--;
    return `${this.#text.slice(0, end)}\n`;
  }

  protected write(text: string): void {
    this.#text += text;
  }

  /** Writes what was read, as it was read. */
  protected copy(start: number, end: number): void {
    this.#text += this.source.slice(start, end);
  }

  protected startLine(): void {
    this.#text += "\t".repeat(Math.min(this.#depth, INDENTATION_MAX));
  }

  protected blankLine(): void {
    this.#text += "\n";
  }

  protected indent(): void {
    this.#depth++;
  }

  protected dedent(): void {
    this.#depth--;
  }

  /** Goes from what ended at `end` on to a new line, for what begins at `next`. */
  protected breakLine(end: number, next: number): void {
    this.endLine(end, next);
    this.writeComments(next);
    this.startLine();
  }

  /** The same where `next` closes what stands on the indented lines. */
  protected closeLine(end: number, next: number): void {
    this.endLine(end, next);
    this.writeComments(next);
    this.dedent();
    this.startLine();
  }

  /** The same with a blank line between. */
  protected separate(end: number, next: number): void {
    this.endLine(end, next);
    this.blankLine();
    this.writeComments(next);
    this.startLine();
  }

  /** Ends the line of what ended at `end`, with the comments there that stand before `next`. */
  protected endLine(end: number, next: number): void {
    this.#text += `${this.takeComments(end, next)}\n`;
  }

  /** The comments that stand on the line of what ended at `end`, or further up. */
  protected takeComments(end: number, next: number = Number.POSITIVE_INFINITY): string {
    const row = this.rowAt(end);
    let comments = "";
    for (;;) {
      const comment = this.#comments[this.#nextComment];
      if (!comment || comment.location.start >= next || comment.location.row > row) return comments;
      comments += ` ${textOf(comment)}`;
      this.#nextComment++;
    }
  }

  /** Writes the comments before `next` on lines of their own; what blank lines set apart stays apart. */
  protected writeComments(next: number): void {
    let before: Comment | undefined;
    let isInMetadata = false;
    while (this.hasCommentBefore(next)) {
      const comment = this.#comments[this.#nextComment++] as Comment;
      const { row, col } = comment.location;
      const isMetadata = col === 1 && comment.text.trim().startsWith("METADATA");
      // A block of metadata is what stands in the first column on neighbouring lines, up to the next block.
      const isBehindMetadata: boolean = isInMetadata && (isMetadata || col !== 1);
      const isApart: boolean = before !== undefined && (row - before.location.row > 1 || isBehindMetadata);
      if (isApart) this.blankLine();
      isInMetadata = isMetadata || (isInMetadata && !isApart);
      this.startLine();
      this.#text += `${textOf(comment)}\n`;
      before = comment;
    }
    if (before && this.rowAt(next) - before.location.row > 1) this.blankLine();
  }

  protected hasCommentBefore(offset: number): boolean {
    const comment = this.#comments[this.#nextComment];
    return comment !== undefined && comment.location.start < offset;
  }

  /** Whether comments have lines of their own between what ended at `end` and what begins at `next`. */
  protected hasCommentLines(end: number, next: number): boolean {
    return this.hasComment(this.#endOfLine(end), next);
  }

  protected hasComment(start: number, end: number): boolean {
    const index = countBelow(this.#comments.length, (i) => (this.#comments[i] as Comment).location.start < start);
    const comment = this.#comments[index];
    return comment !== undefined && comment.location.start < end;
  }

  protected isFirstOnLine(offset: number): boolean {
    return this.source.slice(this.#lineStarts[this.rowAt(offset) - 1], offset).trim() === "";
  }

  /** Counts from 1, as locations do. */
  protected rowAt(offset: number): number {
    return countBelow(this.#lineStarts.length, (i) => (this.#lineStarts[i] as number) <= offset);
  }

  #endOfLine(offset: number): number {
    return (this.#lineStarts[this.rowAt(offset)] ?? this.source.length + 1) - 1;
  }

  /** Where a symbol stands between two positions, outside comments. No strings may stand there. */
  protected find(symbol: string, start: number, end: number): number | undefined {
    for (let at = start; at < end; at++) {
      if (this.source[at] === symbol) return at;
      if (this.source[at] === "#") at = this.#endOfLine(at);
    }
    return undefined;
  }
}

function textOf({ text }: Comment): string {
  return `#${text.trimEnd()}`;
}

/** How many of the first `count` numbers have a property that no number has behind one without it. */
function countBelow(count: number, has: (i: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (has(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
