"""A virtual RP2350 with Arm cores: register models on otolith.virtual.cortex.

Sources: RP2350 datasheet, whose chapters the modules name, and the register headers of pico-sdk.
Only what Otolith's images use is modelled. Anything else raises an error. Core 1 stays in the boot
ROM, as no image starts it.
"""
