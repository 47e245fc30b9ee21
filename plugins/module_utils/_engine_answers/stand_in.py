# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in the place of a GPU while vLLM makes a model without one. Only program.py imports it, by its name, inside an image."""

from __future__ import annotations

import typing as t

Answer = dict[str, t.Any]

STAND_IN = "CUDA (stand-in)"
#: Values that a layer reads of a tensor which has none.
ZEROS: Answer = {"item": 0, "__bool__": False, "__int__": 0, "__float__": 0.0, "__index__": 0}
#: More GPUs than any replica takes: whether a host has as many is not the question here.
GPUS = 1024
MULTIPROCESSORS = 132


def platform_for(gpu: Answer) -> tuple[str, str]:
    """Put a platform in the place of the one that vLLM looks for: CUDA's rules, with what the request says of the GPU.

    Its name, and why there is none where vLLM has none of its own either.
    """
    from vllm import platforms

    found = platforms.current_platform
    if not gpu.get("stand_in") or not (found.is_unspecified() or found.is_cuda() or found.is_cpu()):
        return type(found).__name__, ""
    try:
        platforms._current_platform = _cuda(gpu)
    except Exception as error:
        missing = f"nothing stands in for the GPU: {type(error).__name__}: {error}"
        return type(found).__name__, missing if found.is_unspecified() else ""
    _without_device(gpu)
    return STAND_IN, ""


class Stream:
    """In the place of CUDA's streams and events: layers make some, and use them when they run."""

    def __init__(self, *_given: t.Any, **_named: t.Any) -> None:
        self.cuda_stream = 0


def _without_device(gpu: Answer) -> None:
    """What layers ask of CUDA while they are made, answered without one."""
    import types

    import torch

    facts = types.SimpleNamespace(
        multi_processor_count=MULTIPROCESSORS,
        total_memory=int(gpu["memory_bytes"]),
        name=gpu["name"],
        major=gpu["capability"][0],
        minor=gpu["capability"][1],
    )
    told: Answer = {
        "Stream": Stream,
        "Event": Stream,
        "current_stream": lambda device=None: Stream(),
        "current_device": lambda: 0,
        "device_count": lambda: GPUS,
        "get_device_capability": lambda device=None: tuple(gpu["capability"]),
        "get_device_name": lambda device=None: gpu["name"],
        "get_device_properties": lambda device=None: facts,
        "synchronize": lambda device=None: None,
    }
    for name, one in told.items():
        setattr(torch.cuda, name, one)


def _cuda(gpu: Answer) -> t.Any:
    from vllm.platforms import cuda
    from vllm.platforms.interface import DeviceCapability

    capability = tuple(gpu["capability"])
    facts: Answer = {
        "get_device_capability": lambda cls, device_id=0: DeviceCapability(*capability),
        "has_device_capability": lambda cls, wanted, device_id=0: capability >= _pair(wanted),
        "get_device_name": lambda cls, device_id=0: gpu["name"],
        "get_device_total_memory": lambda cls, device_id=0: int(gpu["memory_bytes"]),
        "is_fully_connected": lambda cls, physical_device_ids=(): True,
        "device_count": lambda cls: GPUS,
        "num_compute_units": lambda cls, device_id=0: MULTIPROCESSORS,
        "get_device_uuid": lambda cls, device_id=0: "GPU-0",
    }
    return type("StandIn", (cuda.CudaPlatformBase,), {name: classmethod(one) for name, one in facts.items()})()


def _pair(wanted: t.Any) -> tuple[int, int]:
    return tuple(wanted) if isinstance(wanted, tuple) else divmod(int(wanted), 10)  # type: ignore[return-value]


def sizes_only() -> t.Any:
    """Tensors that a layer asks of the GPU by name have no memory either, and values that it reads of them are zeros."""
    import torch
    import torch.fx.experimental._config
    from torch.overrides import TorchFunctionMode

    torch.fx.experimental._config.meta_nonzero_assume_all_nonzero = True

    class SizesOnly(TorchFunctionMode):
        def __torch_function__(self, function: t.Any, types: t.Any, given: t.Any = (), named: t.Any = None) -> t.Any:
            named = dict(named or {})
            if named.get("device") is not None and torch.device(named["device"]).type == "cuda":
                named["device"] = "meta"
            name = getattr(function, "__name__", "")
            first = given[0] if given else None
            if isinstance(first, torch.Tensor) and first.is_meta:
                if name in ZEROS:
                    return ZEROS[name]
                if name == "tolist":
                    return torch.zeros(first.shape, dtype=first.dtype, device="cpu").tolist()
                if name in {"cuda", "cpu"}:
                    return first
                given = (first, *("meta" if _is_cuda(one) else one for one in given[1:]))
            return function(*given, **named)

    return SizesOnly()


def _is_cuda(value: t.Any) -> bool:
    return str(value).startswith("cuda") and type(value).__name__ in {"str", "device"}
