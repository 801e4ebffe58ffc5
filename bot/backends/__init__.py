"""What needs no key, no server and no download: an embedder, an index and a writer."""
