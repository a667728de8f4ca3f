"""Damaged input by the thousand: each is read, or refused with one clear error.

    python -m tests.fuzz --number 20000 --seed 1

An input is a function of (target, seed, number): what is found can be made again. Anything but
success or an `EvalError` that names its file is a finding: a traceback of another type, a crash, a
hang, memory beyond bounds. Findings are kept in a folder, with the damaged files.
"""
