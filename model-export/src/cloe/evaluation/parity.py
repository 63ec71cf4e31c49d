"""Whether a whole study comes out the same from the graphs and from the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from cloe.evaluation.studies import LabelledStudy
from cloe.inference.bundle import Bundle
from cloe.inference.pipeline import segment
from cloe.model.network import ConsistencyGatedNetwork


class NetworkBundle(Bundle):
    """A bundle whose windows are run by PyTorch instead of its graphs.

    Parameters
    ----------
    bundle
        For everything but the answers.
    network
        In evaluation mode.
    """

    def __init__(self, bundle: Bundle, network: ConsistencyGatedNetwork) -> None:
        super().__init__(bundle.folder, bundle.threads)
        self.network = network

    @torch.inference_mode()
    def run(self, modalities: Sequence[str], volumes: np.ndarray) -> dict[str, np.ndarray]:
        """Run the network on a subset, without any shortcut."""
        output = self.network.forward_subset(torch.from_numpy(volumes), self.specification.indices(modalities))
        return {
            "probabilities": output.probabilities.numpy(),
            "weights": output.weights.numpy(),
            "consistency_global": output.consistency_global.numpy(),
            "consistency_regional": output.consistency_regional.numpy(),
        }


def study_agreement(bundle: Bundle, network: ConsistencyGatedNetwork, study: LabelledStudy) -> float:
    """Share of the brain's voxels with equal labels, all modalities given, sliding windows on both sides."""
    volumes = {name: study.volumes[name] for name in bundle.specification.modalities}
    brain = np.logical_or.reduce([volume != 0 for volume in volumes.values()])
    ours, theirs = (segment(one, volumes).channels for one in (NetworkBundle(bundle, network), bundle))
    return float((ours == theirs)[brain].mean())
