import { type Crypto, hex } from "@vedette/base";
import {
  createRouter,
  HeldDocuments,
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  refusalResponse,
  route,
  type TaggedDocument,
} from "@vedette/net";
import { BUNDLE_LENGTH_MAX, LONG_POLLING_TYPE } from "@vedette/policy";
import { readFileIfExists } from "@vedette/runtime";

export interface BundleServiceOptions {
  /** The name in `/bundles/<name>`; the same at the control plane, so that an OPA may be moved from one to the other. */
  readonly site: string;
  /** Where the active policy bundle lies. */
  readonly file: string;
  /** SHA-256 of the policy bundle that is active, hexadecimal; undefined when none is. */
  activeDigest(): string | undefined;
  readonly crypto: Pick<Crypto, "hash">;
}

const PREFIX = "/bundles/";

/**
 * OPA's bundle service for the OPAs of a site ("Bundles", "Bundle Service API"): the policy bundle that is active on this
 * node, as it was signed. Who may ask is for the listener to say that it is mounted on.
 */
export class BundleService implements Disposable {
  readonly #options: BundleServiceOptions;
  readonly #held = new HeldDocuments({ contentType: "application/gzip", heldContentType: LONG_POLLING_TYPE });
  readonly #handler: HttpHandler;

  constructor(options: BundleServiceOptions) {
    this.#options = options;
    const { site } = options;
    this.#handler = createRouter([
      route("GET", `${PREFIX}:name`, async (request, { name }) =>
        name === site
          ? this.#held.answer(request, site, async () => this.#current())
          : refusalResponse(404, "BUNDLE_UNKNOWN", "this node serves the policy bundle of its own site"),
      ),
    ]);
  }

  /** Undefined for a request that is for somebody else. */
  serve(request: HttpRequest): Promise<HttpResponse> | undefined {
    return request.path.startsWith(PREFIX) ? this.#handler(request) : undefined;
  }

  /** After each activation: whoever waits for news is answered. */
  changed(): void {
    this.#held.changed(this.#options.site);
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }

  /** From disk at each request, for it is too much to keep; what lies there is only served as what was activated. */
  #current(): TaggedDocument | undefined {
    const { file, crypto } = this.#options;
    const etag = this.#options.activeDigest();
    if (etag === undefined) return undefined;
    return {
      etag,
      get bytes() {
        const bytes = readFileIfExists(file, BUNDLE_LENGTH_MAX);
        return bytes && hex(crypto.hash("sha256", bytes)) === etag ? bytes : undefined;
      },
    };
  }
}
