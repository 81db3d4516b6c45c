"""The Cortex-M4F's timings."""

from otolith.bench.timing.walk import Table

TABLE = Table(
    name="cortex-m4",
    source="Cortex-M4 TRM r0p1 (Arm DDI 0439), tables 3-1 and 7-1, and 3.3.2",
    load=2,
    next_load=1,
    load_use=0,  # in the two cycles of a load alone
    store=1,
    indexed_store=2,
    many=1,
    multiply_use=0,
    address_use=1,  # there is no forwarding from arithmetic to addresses
    divide=7,  # 2 to 12, by the operands
    float_sum=3,
    float_divide=14,
    float_use=1,
    direct=1,  # the manual says 1 to 3: the target of a direct branch is fetched ahead
    indirect=2,
    far=1,
    table=3,
    error=0.05,  # bench/results/timing.txt
    pairs=False,
)
