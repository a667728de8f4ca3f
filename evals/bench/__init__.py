"""`evals bench`: how fast the built-in IDEFICS is beside transformers, and whether it agrees.

Both sides read the same prompts from pictures on disk, in processes of their own, in turns. A bare
GPU machine runs it too: it imports nothing but torch, transformers, tokenizers, safetensors, numpy
and Pillow, and `rich` for its table where that is installed. Only `harness`, which measures what
stands around a model, needs all of `evals`.

    python -m evals.bench --quick
"""
