"""How well a network hears: on clips, on long recordings, and against another network.

Everything runs on the .tflite with the project's own C, as on the chip; Keras is not asked.
"""
