import { AdapterError } from "@vedette/base";
import { type HttpHandler, listenTls, type TlsListener, type TlsListenerOptions } from "@vedette/net";
import type { EdgeConfig } from "@vedette/protocol";
import { rememberedPort, rememberPort } from "@vedette/runtime";
import { certificatesToPem } from "@vedette/x509";
import type { EffectiveClock } from "./effective-clock.ts";
import type { SiteAuthority } from "./site-authority.ts";

export interface SiteServiceOptions {
  readonly config: EdgeConfig;
  readonly data: string;
  readonly authority: SiteAuthority;
  readonly clock: EffectiveClock;
  readonly listener: Pick<TlsListenerOptions, "random" | "onConnectionError" | "onHandlerError">;
  readonly gateway: HttpHandler;
  readonly desk: HttpHandler;
  /** Served over mTLS where the configuration says so. */
  readonly decisions: HttpHandler;
  onCertificate(notAfter: number): void;
  /** Why the site cannot be served at the moment; tried again. */
  onUnavailable(error: AdapterError): void;
}

/** The gateway's SVID is looked after this often; it is renewed when a third of its life has passed. */
const CERTIFICATE_INTERVAL_MS = 5_000;

/**
 * The two listeners of a site, under a gateway SVID that is renewed in time without dropping a connection. While the site
 * CA is of no use (lapsed after a long cut-off) nothing listens, and the node waits for its re-attestation.
 */
export class SiteService implements AsyncDisposable {
  readonly #options: SiteServiceOptions;
  readonly #timer: NodeJS.Timeout;
  #gateway: TlsListener | undefined;
  #desk: TlsListener | undefined;
  #decisions: TlsListener | undefined;
  #notAfter = 0;

  private constructor(options: SiteServiceOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#lookAfter(), CERTIFICATE_INTERVAL_MS);
  }

  /** Throws `AdapterError` NET_LISTEN_FAILED when an address cannot be had. */
  static async start(options: SiteServiceOptions): Promise<SiteService> {
    const service = new SiteService(options);
    try {
      await service.#lookAfter();
      return service;
    } catch (error) {
      await service[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Empty while nothing listens. */
  get gatewayUrl(): string {
    return this.#options.config.advertise?.gateway ?? this.#gateway?.url ?? "";
  }

  get enrolUrl(): string {
    return this.#desk?.url ?? "";
  }

  /** Empty while nothing listens, and where nothing is to. */
  get decisionsUrl(): string {
    return this.#decisions?.url ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#gateway?.close(), this.#desk?.close(), this.#decisions?.close()]);
  }

  async #lookAfter(): Promise<void> {
    const { authority, config, clock } = this.#options;
    const life = this.#notAfter - clock.now();
    // Within the site CA's own end nothing longer can be had.
    if (life > (config.gatewaySvidLifetime * 2) / 3 || (life > 0 && this.#notAfter === authority.notAfter)) return;
    try {
      const certificate = authority.gatewayCertificate(config.gatewaySvidLifetime);
      await this.#present(certificate.tls);
      this.#notAfter = certificate.notAfter;
      this.#options.onCertificate(certificate.notAfter);
    } catch (error) {
      if (!(error instanceof AdapterError) || error.code === "NET_LISTEN_FAILED") throw error;
      this.#options.onUnavailable(error);
    }
  }

  async #present(tls: TlsListenerOptions["certificate"]): Promise<void> {
    const { authority, gateway, desk, decisions, config } = this.#options;
    // Node's server drops CAs that only the client sent, so the site's own are named here. Whoever passes the handshake
    // under the fleet's root is judged by `principalOf` on its first request.
    const clientCa = { pems: [certificatesToPem(authority.clientAuthorities)], required: true as const };
    this.#gateway?.swapCertificate(tls, clientCa);
    this.#desk?.swapCertificate(tls);
    this.#decisions?.swapCertificate(tls, clientCa);
    // The gateway first: a grant of the desk names its address.
    this.#gateway ??= await this.#listen("gateway", config.listen.gateway, tls, clientCa, gateway);
    this.#desk ??= await this.#listen("enrol", config.listen.enrol, tls, "none", desk);
    const { decisions: address } = config.listen;
    if (address !== undefined) this.#decisions ??= await this.#listen("decisions", address, tls, clientCa, decisions);
  }

  async #listen(
    name: "gateway" | "enrol" | "decisions",
    address: string,
    certificate: TlsListenerOptions["certificate"],
    clientCa: TlsListenerOptions["clientCa"],
    handler: HttpHandler,
  ): Promise<TlsListener> {
    const { data, listener } = this.#options;
    const { host, port } = parseAddress(address);
    const opened = await listenTls({
      ...listener,
      certificate,
      clientCa,
      host,
      port: rememberedPort(data, name, port),
      handler,
    });
    rememberPort(data, name, opened.port);
    return opened;
  }
}

/** `host:port`, already checked by the configuration's schema. */
function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}
