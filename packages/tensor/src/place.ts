/**
 * Where in a program an op was called, for errors that come later. An error at the call is named on its way up, by the modules that it passes; a
 * device that finds a faulty index only in its kernel reports it at the next read, when nobody is on the stack any more. Such requests
 * carry the place with them; those who know it (modules) say so here.
 */
let teller: () => string | undefined = () => undefined;

/** Asks `tell` from now on for the place of the call at hand, `layers.0 (Embedding)`; undefined outside of any. */
export function setPlaceTeller(tell: () => string | undefined): void {
  teller = tell;
}

/** The place of the call at hand, as a field of a request. */
export function placeOfCall(): { readonly place?: string } {
  const place = teller();
  return place === undefined ? {} : { place };
}
