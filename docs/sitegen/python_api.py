"""The reference of the Python interface, by mkdocstrings."""

PARTS = {
    "Listening": ("otolith.api.Chain", "otolith.api.Event", "otolith.api.Model"),
    "Training": ("otolith.api.load", "otolith.api.train", "otolith.settings.spec.Spec"),
    "Sound and features": (
        "otolith.audio.read_pcm",
        "otolith.features.extract",
        "otolith.settings.features.preset",
        "otolith.settings.features.front_end",
    ),
    "Boards": ("otolith.device.client.Client",),
    "Clusters": ("otolith.farm.map_tasks",),
    "Errors": ("otolith.errors.UserError",),
}


def page() -> str:
    """The reference page of the Python interface."""
    lines = [
        "# Python interface\n",
        "`Chain`, `Event`, `Model`, `load` and `train` are imported from `otolith`, everything "
        "else from the module that its name says. This page is generated from the docstrings. "
        "[From Python](../python.md) begins with an example.\n",
    ]
    for title, names in PARTS.items():
        lines.append(f"## {title}\n")
        lines += [f"::: {name}\n    options:\n      heading_level: 3\n" for name in names]
    return "\n".join(lines)
