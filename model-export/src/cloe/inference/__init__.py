"""The reference path from volumes to a mask, on a bundle, as ``BUNDLE.md`` describes it."""
