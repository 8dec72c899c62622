"""The engines. Each module has `load(model, threads) -> (inputs, run)`.

`inputs` are (name, shape, dtype) with the unknown dimensions as 1; `run(arrays)` takes arrays in
that order and returns the outputs as a list. All compute in float32.
"""
