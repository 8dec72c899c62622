"""Math functions of kernels, made of arithmetic that vectorizes.

`lanes` holds what they are made of; `single` the float32 functions that are used most; `double`
and `special` work in float64 for results that are rounded to float32; `scalar` calls the C library,
one lane after another, for float64; `whole` and `remainder` divide. `baryon.codegen.expr.Math`
offers them all.
"""
