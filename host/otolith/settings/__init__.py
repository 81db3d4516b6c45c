"""What a user may set: a spec, and the part of it that travels inside a .tflite."""
