export type LeafError =
  | { readonly code: "LEAF_VERSION_UNKNOWN"; readonly version: number }
  | { readonly code: "LEAF_MALFORMED" }
  | { readonly code: "LEAF_TOO_LARGE"; readonly length: number; readonly lengthMax: number };
