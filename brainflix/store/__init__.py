"""The artifact store: immutable, provenance-carrying, verifiable (refs, keys, manifests, verify, gc, arrays)."""
