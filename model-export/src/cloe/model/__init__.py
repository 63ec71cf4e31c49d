"""The network: encoders, shared expert decoder, consistency, gate, fusion and losses."""
