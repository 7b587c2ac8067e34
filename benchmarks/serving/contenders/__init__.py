"""The servers that are compared: how each is started, asked, and its answers understood."""

from serving.contenders.aim import Aim
from serving.contenders.base import Contender, Got
from serving.contenders.mlflow import Mlflow
from serving.contenders.ours import Ours
from serving.contenders.tensorboard import TensorBoard
from serving.contenders.trackio import Trackio

__all__ = ["CONTENDERS", "Contender", "Got"]

CONTENDERS: dict[str, type[Contender]] = {one.name: one for one in (Ours, TensorBoard, Aim, Trackio, Mlflow)}
