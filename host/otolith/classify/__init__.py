"""`host classify`: files and microphones through the chip's own C code on this computer."""
