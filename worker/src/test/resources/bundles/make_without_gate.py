"""Write without-gate.onnx: the tiny bundle's graph of all modalities with its probabilities alone, as a model without a gate exports it."""

from pathlib import Path

import onnx

HERE = Path(__file__).parent

model = onnx.load(HERE / "tiny" / "graphs" / "T1+T2+FLAIR.onnx", load_external_data=False)
kept = [output for output in model.graph.output if output.name == "probabilities"]
del model.graph.output[:]
model.graph.output.extend(kept)
(HERE / "without-gate.onnx").write_bytes(model.SerializeToString(deterministic=True))
