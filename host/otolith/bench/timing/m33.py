"""The Cortex-M33's timings.

Arm publishes no table. These are the pipeline's properties as its designers told them:

- Addresses are generated in the second of three stages, so that a load takes one cycle.
- Branches are resolved there, too.
- Products come from the third stage.
- Some pairs of two-byte instructions are executed together. Which pairs is not published. Here they
  are two operations on registers that do not depend on each other, or an operation and a direct
  branch behind it.
"""

from otolith.bench.timing.walk import Table

TABLE = Table(
    name="cortex-m33",
    source="Arm's description of the pipeline; CoreMark a MHz (Arm: 4.02)",
    load=1,
    next_load=1,
    load_use=1,
    store=1,
    indexed_store=1,
    many=1,
    multiply_use=1,
    address_use=0,
    divide=7,  # 2 to 11, by the operands
    float_sum=3,
    float_divide=14,
    float_use=1,
    direct=1,
    indirect=2,
    far=1,
    table=3,
    error=0.1,  # no pairs at all would be 9 % slower, pairs in any position 6 % faster
    pairs=True,
)
