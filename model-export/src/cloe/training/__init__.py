"""Training: a pool of phantoms, patches from it, modality dropout and corruption, the loop."""
