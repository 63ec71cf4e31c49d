"""From a trained network to a model bundle: graphs, shared weights, manifest, golden window, parity."""
