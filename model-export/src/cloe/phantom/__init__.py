"""Synthetic studies: anatomy, tumour, four contrasts and their acquisition, from a seed."""
