"""The built-in IDEFICS (Laurençon et al. 2023): inference-only PyTorch, one idea per file.

Imports go down only: config < layers < vision, perceiver, decoder < model < weights, tokens,
images, beam < engine.
"""
