"""The records: small, nested as the kernels expect, with no field name that numpy's record types own."""

import numpy as np
import pytest

from protogov.envs.world.features import FEATURES, VENUE_DTYPE, WORLD_DTYPE
from protogov.envs.world.lever_table import LEVERS, NUM_LEVERS
from protogov.envs.world.parameters import PARAMS, Parameters, parameter_names
from protogov.envs.world.records import CONTROLS, RECORD
from protogov.envs.world.state import (
    EVENT,
    EVENT_LOG,
    INTERVENTIONS,
    TAPE,
    VENUE_INTERVENTIONS,
    lever_dtype,
    venue_dtype,
    world_dtypes,
)
from protogov.envs.world.welfare import TERMS

RECORDS = {
    "tape": TAPE,
    "event": EVENT,
    "event log": EVENT_LOG,
    "interventions": INTERVENTIONS,
    "interventions at a venue": VENUE_INTERVENTIONS,
    "lever": lever_dtype,
    "venue": venue_dtype,
    "world": world_dtypes[1],
    "two venues": world_dtypes[2],
    "parameters": PARAMS,
    "terms": TERMS,
    "records": RECORD,
    "controls": CONTROLS,
    "world features": WORLD_DTYPE,
    "venue features": VENUE_DTYPE,
}


@pytest.mark.parametrize("dtype", RECORDS.values(), ids=RECORDS)
def test_no_field_name_that_numpy_owns(dtype: np.dtype) -> None:
    # with jitting off `record.min` is a method of np.record, whatever the dtype says
    owned = set(dir(np.record)) | set(dir(np.recarray)) | set(dir(np.void))
    assert {"var", "base", "data", "size", "min"} <= owned
    assert not owned.intersection(dtype.names or ())


@pytest.mark.parametrize("dtype", RECORDS.values(), ids=RECORDS)
def test_attributes_of_a_record_are_views_of_its_fields(dtype: np.dtype) -> None:
    rows = np.zeros(2, dtype).view(np.recarray)
    for name in dtype.names or ():
        field = getattr(rows[1], name)
        if isinstance(field, np.ndarray):
            assert np.shares_memory(field, rows)
        elif not isinstance(field, np.record):
            setattr(rows[1], name, 1)
            assert rows[name][1] == 1 and rows[name][0] == 0


@pytest.mark.parametrize("venues", [1, 2])
def test_a_worlds_state_is_small(venues: int) -> None:
    assert world_dtypes[venues].itemsize <= {1: 64, 2: 96}[venues] * 1024
    assert world_dtypes[venues]["venues"].shape == (venues,)
    assert world_dtypes[venues]["venues"].base == venue_dtype


def test_the_tape_is_hourly_single_precision() -> None:
    assert {TAPE[name] for name in TAPE.names or ()} == {np.dtype("f4")}


def test_every_lever_has_its_named_field() -> None:
    assert NUM_LEVERS == venue_dtype["levers"].shape[0] == venue_dtype["lagged_levers"].shape[0]
    assert {lever.name for lever in LEVERS} <= set(venue_dtype.names or ())


def test_parameters_and_their_record_have_the_same_names_and_values() -> None:
    assert parameter_names() == PARAMS.names
    row = Parameters(gas_cost=3.25, num_accounts=7).record()
    assert row["gas_cost"] == 3.25 and row["num_accounts"] == 7.0


def test_what_is_seen_of_levers_is_named_after_them() -> None:
    for feature in ("lever_executed", "lever_pending", "lever_lagged"):
        assert FEATURES[feature].entries() == tuple(f"{feature}[{lever.name}]" for lever in LEVERS)
    assert FEATURES["node_vol"].entries()[6] == "node_vol[1,1]" and FEATURES["peg_gap"].entries() == ("peg_gap",)


def test_feature_names_are_unique() -> None:
    assert len(FEATURES) == len(WORLD_DTYPE.names or ()) + len(VENUE_DTYPE.names or ())
