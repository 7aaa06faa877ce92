"""What survives a restart: atomic commit, blobs, manifest, cell sets."""
