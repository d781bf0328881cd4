/** A named limit that a query or a text ran into. The only thing evaluation throws; whoever asked gets a refusal. */
export type LimitName = "fuel" | "result-size" | "nesting" | "regex-size" | "clock";

export class LimitExceeded extends Error {
  override readonly name = "LimitExceeded";
  readonly limit: LimitName;
  constructor(limit: LimitName) {
    super(`the query ran into its limit: ${limit}`);
    this.limit = limit;
  }
}
