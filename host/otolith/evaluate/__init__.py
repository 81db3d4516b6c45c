"""Measures a network: on clips, on long recordings, and against another network.

Everything runs the .tflite with the project's own C code, as on the chip. Keras is not involved.
"""
