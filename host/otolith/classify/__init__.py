"""`host classify`: runs the chip's C code on this computer, on files and microphones."""
