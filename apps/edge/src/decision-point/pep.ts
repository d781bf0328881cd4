import type { RegisteredPep } from "@vedette/protocol";

/** A policy enforcement point that may ask (PROTOCOLS 5.5): known by its socket, or by what it proved at the handshake. */
export interface Pep {
  readonly name: string;
  /** `requested_by` of its records. */
  readonly requestedBy: string;
  /** The principal it proved to be; about itself it need not be believed. */
  readonly self: { readonly type: string; readonly id: string } | undefined;
  readonly mayClaimSubject: ReadonlySet<string>;
  readonly isLogged: boolean;
}

/** In a registration: any subject, of any type and in any form. */
const ANY_SUBJECT = "*";

/** The PEP of a socket of this node; no name of this form is ever issued, so nobody else can bear it. */
export function localPep({ name, mayClaimSubject, log }: RegisteredPep): Pep {
  const claims = new Set(mayClaimSubject);
  return { name, requestedBy: `pep/${name}`, self: undefined, mayClaimSubject: claims, isLogged: log };
}

/** The PEP that came over mTLS as this principal. */
export function remotePep(registered: RegisteredPep, self: { readonly type: string; readonly id: string }): Pep {
  return { ...localPep(registered), requestedBy: self.id, self };
}

/** Whether its word about the subject counts. */
export function mayClaim(pep: Pep, subject: { readonly type: string; readonly id: string }): boolean {
  if (mayClaimAnything(pep) || pep.mayClaimSubject.has(subject.type)) return true;
  return pep.self?.type === subject.type && pep.self.id === subject.id;
}

/** Whether it may name subjects in any form, also in queries of its own making. */
export function mayClaimAnything({ mayClaimSubject }: Pep): boolean {
  return mayClaimSubject.has(ANY_SUBJECT);
}
