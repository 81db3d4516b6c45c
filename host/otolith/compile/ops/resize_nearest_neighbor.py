"""RESIZE_NEAREST_NEIGHBOR: computes the source row and column of each output."""

import numpy as np

from otolith.compile.graph import Array, Graph, Operation, Step
from otolith.compile.ops import common
from otolith.errors import UserError


def nearest(out: int, size: int, target: int, align: bool, half: bool) -> int:
    """The source index of output `out`, in single precision as GetNearestNeighbor() of TFLite."""
    one = np.float32
    scale = one(size - 1) / one(target - 1) if align and target > 1 else one(size) / one(target)
    at = (one(out) + one(0.5 if half else 0.0)) * scale
    # C's roundf: half away from zero; exact in double
    index = int(np.floor(float(at) + 0.5)) if align else int(np.floor(at))
    return max(0, min(index, size - 1))


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x, size), _ = common.operands(graph, op, 2)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    if len(x.shape) != 4 or len(out.shape) != 4:
        raise UserError(f"{common.where(op)}: needs four dimensions")
    height, width = out.shape[1:3]
    wanted = common.constant(op, size, "int32", "size").ravel().tolist()
    common.same(op, wanted, [height, width], "size")
    common.same(op, (out.shape[0], out.shape[3]), (x.shape[0], x.shape[3]), "batch and channels")
    common.small(op, *x.shape, *out.shape)
    align, half = bool(op.options["align_corners"]), bool(op.options["half_pixel_centers"])
    rows = [nearest(i, x.shape[1], height, align, half) for i in range(height)]
    columns = [nearest(i, x.shape[2], width, align, half) for i in range(width)]
    settings = {
        "batches": x.shape[0],
        "in_h": x.shape[1],
        "in_w": x.shape[2],
        "out_h": height,
        "out_w": width,
        "channels": x.shape[3],
        "row": Array("uint16_t", np.array(rows)),
        "column": Array("uint16_t", np.array(columns)),
    }
    kernel = "nn_resize_nearest_neighbor"
    return Step(op.name, kernel, kernel + "_t", settings, (x.index,), out.index)
