"""CLoE: segmentation of brain tumours from whichever MR contrasts have arrived."""

__version__ = "0.1.0"
