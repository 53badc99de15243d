from collections.abc import Mapping
from typing import Any

ALIGNMENT: int
TOO_LARGE: int
SQUASHINGS: dict[str, int]
OUTPUTS: dict[str, int]
LOSSES: dict[str, int]
GRADIENTS: dict[str, int]
HIDDEN_BIASES: dict[str, int]
CHOICES: dict[str, dict[str, int]]
RULES: dict[str, int]
N_MOMENTS: dict[str, int]
MOMENTS: tuple[str, ...]
UPDATE_AT_END: int

def heads_of(config: Mapping[str, Any]) -> list[dict[str, Any]]: ...
def layer_configs(config: dict[str, Any]) -> list[dict[str, Any]]: ...
def network_sizes(config: dict[str, Any], from_weights: int) -> dict[str, int]: ...
