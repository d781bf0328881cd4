import { type Crypto, hex } from "@vedette/base";
import { HeldDocuments, type HttpRequest, type Route, refusalResponse, route } from "@vedette/net";
import { LONG_POLLING_TYPE } from "@vedette/policy";
import type { BundleClient } from "@vedette/protocol";
import type { Log } from "@vedette/runtime";
import type { ControlStore } from "@vedette/store";
import { parseCertificate } from "@vedette/x509";

export interface BundleApiOptions {
  readonly store: { readonly policies: Pick<ControlStore["policies"], "current"> };
  readonly clients: readonly BundleClient[];
  readonly crypto: Pick<Crypto, "hash">;
  readonly log: Log;
}

/**
 * OPA's bundle service ("Bundles", "Bundle Service API") for stock OPAs that sit beside nodes: `/bundles/<site>` is the policy
 * bundle published to that site, as it was signed. A client is who its key says, and gets the bundles of its sites.
 */
export class BundleApi implements Disposable {
  readonly #options: BundleApiOptions;
  readonly #clientByKey: ReadonlyMap<string, BundleClient>;
  readonly #held = new HeldDocuments({ contentType: "application/gzip", heldContentType: LONG_POLLING_TYPE });

  constructor(options: BundleApiOptions) {
    this.#options = options;
    this.#clientByKey = new Map(options.clients.map((client) => [client.key, client]));
  }

  routes(): readonly Route[] {
    const { log } = this.#options;
    return [
      route("GET", "/bundles/:site", async (request, { site = "" }) => {
        const client = this.#clientOf(request);
        if (!client) return refusalResponse(403, "CLIENT_UNKNOWN", "no bundle client is registered with this key");
        // A site that is not its own is no different from one that does not exist.
        if (!client.sites.includes(site)) return refusalResponse(404, "BUNDLE_UNKNOWN", "there is no such bundle");
        const answer = await this.#held.answer(request, site, () => this.#current(site));
        if (answer.status === 200) log("info", "a bundle client took a policy bundle", { client: client.name, site });
        return answer;
      }),
    ];
  }

  /** After a publication to the site: whoever waits for news is answered. */
  changed(site: string): void {
    this.#held.changed(site);
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }

  /** The handshake proved that the client has the key. */
  #clientOf({ peer }: HttpRequest): BundleClient | undefined {
    const [leaf] = peer?.certificateChain ?? [];
    const certificate = leaf && parseCertificate(leaf);
    if (!certificate?.ok) return undefined;
    return this.#clientByKey.get(hex(this.#options.crypto.hash("sha256", certificate.value.spki)));
  }

  async #current(site: string) {
    const policy = await this.#options.store.policies.current(site);
    return policy && { etag: hex(this.#options.crypto.hash("sha256", policy.bytes)), bytes: policy.bytes };
  }
}
