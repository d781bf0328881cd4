import { chmodSync, lstatSync, mkdirSync, rmSync, type Stats, statSync } from "node:fs";
import { connect, type Server } from "node:net";
import { dirname } from "node:path";
import { AdapterError } from "@vedette/base";
import { netError, reasonOf } from "./errors.ts";
import { listen } from "./listener.ts";

/** `sun_path` holds 108 bytes with its final zero (unix(7)). */
const PATH_LENGTH_MAX = 107;
/** Not root's only, not the group's, not the world's. */
const OTHERS = 0o077;

/** Listens on a Unix socket for its owner alone: folder 0700, socket 0600. The socket of a dead process is replaced. */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > PATH_LENGTH_MAX)
    throw netError("NET_SOCKET_UNSAFE", "socket path is too long", { path, lengthMax: PATH_LENGTH_MAX });
  preparePrivateFolder(dirname(path));
  await listenOrReplace(() => listen(server, { path }), path);
  chmodSync(path, 0o600);
}

/** Makes the folder; one that exists is checked and never changed, because it may be somebody else's (`/tmp`). */
function preparePrivateFolder(folder: string): void {
  const { mode, uid } = makeFolder(folder);
  if ((mode & OTHERS) !== 0 || uid !== process.getuid?.())
    throw netError("NET_SOCKET_UNSAFE", "socket folder is not for its owner alone", {
      folder,
      mode: (mode & 0o777).toString(8),
    });
}

function makeFolder(folder: string): Stats {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return statSync(folder);
  } catch (cause) {
    throw netError(
      "NET_LISTEN_FAILED",
      "could not make the socket's folder",
      { folder, reason: reasonOf(cause) },
      cause,
    );
  }
}

async function listenOrReplace(start: () => Promise<void>, path: string): Promise<void> {
  try {
    await start();
  } catch (cause) {
    if (!(cause instanceof AdapterError) || cause.facts["reason"] !== "EADDRINUSE") throw cause;
    if (!lstatSync(path).isSocket() || (await isAnswering(path)))
      throw netError("NET_SOCKET_IN_USE", "socket path is taken", { path }, cause);
    rmSync(path);
    await start();
  }
}

/** False only when nobody listens; a socket that hangs or may not be opened counts as living. */
function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (cause) => resolve(reasonOf(cause) !== "ECONNREFUSED"));
  });
}
