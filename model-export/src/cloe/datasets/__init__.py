"""Labelled scans in the layouts of public challenges: BraTS and the Medical Segmentation Decathlon."""
