"""Dice per subset of the modalities, on phantoms or on labelled cases on disk."""
