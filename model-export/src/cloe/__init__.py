"""CLoE: segmentation of brain tumours from whichever MR contrasts have arrived."""

import os

# ONNX Runtime reports usage to its maker from 1.29 on unless told not to before it is loaded. Images of patients are
# near: nothing leaves the machine unless whoever runs this asks for it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
