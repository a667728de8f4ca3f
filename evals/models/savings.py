"""Which of a model's settings would take less memory, in words (`FrugalSpec.list_savings`)."""


def save_type(dtype: str) -> list[str]:
    """Return the smaller type, where the weights are of the largest."""
    return ["model.dtype=bfloat16: half of float32's memory"] if dtype == "float32" else []


def save_weights(quantise: str | None, parallel: str | None) -> list[str]:
    """Return fewer bits, and more devices."""
    ways = []
    if quantise is None:
        ways.append("model.quantise=int8, or int4: weights of 8 or 5 bits, which change answers")
    elif quantise == "int8":
        ways.append("model.quantise=int4: weights of 5 bits instead of 8, which change answers")
    if parallel is None:
        ways.append("model.parallel=tensor, or layers: divided among several GPUs")
    return ways


def save_batch(batch_size: int | None) -> list[str]:
    """Return the smallest batch."""
    return ["model.batch_size=1: one answer under way at a time"] if batch_size != 1 else []
