"""What people hold their data in: arrays of other packages come in uncopied, and go out again.

kinds (whose array is this) -> foreign (torch, and whatever lends its memory), jagged (awkward:
sets of any length) -> predict
"""

from inferon.containers.foreign import as_feed
from inferon.containers.jagged import Jagged
from inferon.containers.predict import predict_any

__all__ = ["Jagged", "as_feed", "predict_any"]
