"""What every answer and every question of the API has in common."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Answer", "Number", "Question", "Role"]

Number = float | Literal["NaN", "Infinity", "-Infinity"]
Role = Literal["viewer", "operator", "admin"]


class Answer(BaseModel):
    # What has a default is still always sent, and the document says so.
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
