"""`gluon.rnn`: recurrent layers over sequences, and cells that step through them."""

from baryon.gluon.rnn.base import HybridRecurrentCell, RecurrentCell
from baryon.gluon.rnn.cells import GRUCell, LSTMCell, LSTMPCell, RNNCell
from baryon.gluon.rnn.containers import (
    BidirectionalCell,
    HybridSequentialRNNCell,
    SequentialRNNCell,
)
from baryon.gluon.rnn.conv import (
    Conv1DGRUCell,
    Conv1DLSTMCell,
    Conv1DRNNCell,
    Conv2DGRUCell,
    Conv2DLSTMCell,
    Conv2DRNNCell,
    Conv3DGRUCell,
    Conv3DLSTMCell,
    Conv3DRNNCell,
)
from baryon.gluon.rnn.dynamic import dynamic_unroll
from baryon.gluon.rnn.layers import GRU, LSTM, RNN
from baryon.gluon.rnn.modifiers import (
    DropoutCell,
    ModifierCell,
    ResidualCell,
    VariationalDropoutCell,
    ZoneoutCell,
)

__all__ = [
    "GRU", "LSTM", "RNN", "BidirectionalCell", "Conv1DGRUCell", "Conv1DLSTMCell", "Conv1DRNNCell",
    "Conv2DGRUCell", "Conv2DLSTMCell", "Conv2DRNNCell", "Conv3DGRUCell", "Conv3DLSTMCell",
    "Conv3DRNNCell", "DropoutCell", "GRUCell", "HybridRecurrentCell", "HybridSequentialRNNCell",
    "LSTMCell", "LSTMPCell", "ModifierCell", "RNNCell", "RecurrentCell", "ResidualCell",
    "SequentialRNNCell", "VariationalDropoutCell", "ZoneoutCell", "dynamic_unroll",
]  # fmt: skip
