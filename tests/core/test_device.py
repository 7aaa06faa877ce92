import numpy as np
import torch

from multimil_gui.core.device import pick_device, threads
from multimil_gui.core.options import Device
from multimil_gui.core.random_streams import dropped, numpy_stream, torch_stream
from multimil_gui.core.reporter import SilentReporter


def test_the_device_is_one_that_works() -> None:
    reporter = SilentReporter()
    assert pick_device(Device.CPU, reporter).type == "cpu"
    assert not reporter.warnings
    wanted = pick_device(Device.CUDA, reporter)
    assert (wanted.type == "cuda") != bool(reporter.warnings)
    assert torch.ones(2, device=pick_device(Device.AUTO, SilentReporter())).sum().item() == 2


def test_threads_are_restored() -> None:
    before = torch.get_num_threads()
    with threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_streams_depend_on_their_whole_key() -> None:
    keys = [(0,), (1,), (0, 0), (0, 1), (1, 0)]
    assert len({float(numpy_stream(*key).random()) for key in keys}) == len(keys)
    assert len({float(torch.rand(1, generator=torch_stream(*key))) for key in keys}) == len(keys)


def test_dropout_keeps_the_mean() -> None:
    x = torch.ones(200_000)
    out = dropped(x, 0.25, torch_stream(0))
    assert abs(out.mean().item() - 1) < 0.01
    np.testing.assert_allclose(np.unique(out.numpy()), [0, 1 / 0.75], rtol=1e-6)
    assert dropped(x, 0.25, None) is x
