import { openTpm, type Tpm } from "@vedette/tpm";

/** One at a time: a swtpm serves a single client, and a second one would wait into its time-out. */
export interface TpmAccess {
  use<T>(act: (tpm: Tpm) => Promise<T>): Promise<T>;
}

export function createTpmAccess(path: string): TpmAccess {
  let last: Promise<unknown> = Promise.resolve();
  return {
    use(act) {
      const turn = last.then(async () => {
        await using tpm = await openTpm(path);
        return await act(tpm);
      });
      last = turn.catch(() => undefined); // whoever took that turn has its error; the next one only waits for its end
      return turn;
    },
  };
}
