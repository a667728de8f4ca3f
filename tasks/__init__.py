"""The built-in benchmarks, one plugin a file; `configs/task/<name>.yaml` names its function."""
