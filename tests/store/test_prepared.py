"""A batch is encoded before its store is asked for, and what is long waits on the disk."""

from pathlib import Path

import numpy as np
import pytest

from appliance import metrics
from appliance.samples import Column, Numbers, Samples, Times, Values
from appliance.store import batches, codec, history, prepared
from appliance.store.batches import Batch
from appliance.store.prepared import Prepared
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

LOAD = Column(metrics.LOAD_1, "")
DAY_MS = 86_400_000


def samples(days: int, machine: str = "a") -> Samples:
    at_ms = 20_000 * DAY_MS + np.arange(days * 8640) * 10_000
    noise: Numbers = np.random.default_rng(1).integers(0, 2**40, len(at_ms))
    return Samples(machine, 0, LOAD.metric.group, at_ms, {LOAD: Values(noise)})


def test_nobody_waits_while_a_batch_is_encoded(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Registry(data).create_tenant("default")
    encode, locked = codec.encode, []
    with TenantStore(data, "default") as store:

        def watched(at_ms: Times, columns: list[Values]) -> tuple[bytes, bytes]:
            locked.append(store.lock.locked())
            return encode(at_ms, columns)

        monkeypatch.setattr(codec, "encode", watched)
        batches.add_batch(store, Batch(bytes(32), "csv", [samples(3)], {}))

    assert locked
    assert not any(locked)


def test_what_is_long_waits_in_a_file_without_a_name(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "MEMORY_BYTES", 1000)
    Registry(data).create_tenant("default")
    part = samples(3)

    made = Prepared([part])
    with TenantStore(data, "default") as store:
        receipt = batches.add_batch(store, Batch(bytes(32), "csv", made, {}))
        stored = history.read(store, "a")

    assert str(Path(f"/proc/self/fd/{made.file.fileno()}").readlink()).endswith("(deleted)")
    assert receipt.inserted == len(part.at_ms)
    assert np.concatenate([found.at_ms for found in stored]).tolist() == part.at_ms.tolist()
    assert np.concatenate([found.columns[LOAD].numbers for found in stored]).tolist() == (
        part.columns[LOAD].numbers.tolist()
    )


def test_what_was_read_in_vain_is_forgotten(data: Path) -> None:
    made = Prepared([samples(1, "b")])

    made.clear()
    made.append(samples(1))

    assert [block.machine for block in made] == ["a"]
    assert made.seen.count() == 8640
