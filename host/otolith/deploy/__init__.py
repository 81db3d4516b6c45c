"""From a trained model to a board that hears: build, flash or boot, play, judge."""
