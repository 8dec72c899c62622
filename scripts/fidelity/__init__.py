"""How faithful quantized networks are: networks that are trained here, on data that is made here.

Everything follows from seeds, so that two runs on one machine train the same networks.
"""
