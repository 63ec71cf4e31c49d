"""Which random seeds are kept for evaluation."""

FIRST_HELD_OUT_SEED = 900_000
"""Seeds from here on are for evaluation; training refuses them."""


def check_held_out(seed: int) -> None:
    """Refuse seeds that training may have used.

    Raises
    ------
    ValueError
        For a seed below :data:`FIRST_HELD_OUT_SEED`.
    """
    if seed < FIRST_HELD_OUT_SEED:
        raise ValueError(f"seeds below {FIRST_HELD_OUT_SEED} may have been trained on")
