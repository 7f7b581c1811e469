"""What is compiled: one version of a function for the types of its arguments, and none for each constant."""

import numba
import pytest
from numba import njit

from protogov.envs.world.compiled import OPTIONS, compiled
from protogov.envs.world.ticket import Ticket, resized

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")  # type: ignore[attr-defined]


@pytest.mark.parametrize(("compile_it", "versions"), [(compiled, 1), (njit(**OPTIONS), 3)])
def test_a_constant_is_compiled_as_a_value_of_its_type(compile_it, versions):
    @compile_it
    def plus(x, amount, twice):
        return x + amount + (amount if twice else 0)

    @compiled
    def total(x, y):
        return plus(x, 1, True) + plus(x, 2, twice=False) + plus(x, y, y > x)

    assert total(10, 20) == 12 + 12 + 50
    assert len(plus.called().signatures if compile_it is compiled else plus.signatures) == versions


def test_a_ticket_is_one_kind_of_record_whatever_it_is_made_of():
    @compiled
    def half(ticket):
        return resized(ticket, 0.5 * ticket.contracts)

    @compiled
    def calls_and_puts(e, contracts):
        call, put = half(Ticket(e, 1, True, contracts, 1.0)), half(Ticket(e, e + 1, contracts > 1.0, contracts, -1.0))
        return call, put

    call, put = calls_and_puts(2, 8.0)
    assert call == Ticket(2, 1, True, 4.0, 1.0) and put == Ticket(2, 3, True, 4.0, -1.0)
    assert isinstance(call, Ticket) and len(half.called().signatures) == 1
