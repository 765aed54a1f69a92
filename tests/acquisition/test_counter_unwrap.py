from hypothesis import given
from hypothesis import strategies as st

from gateway.acquisition.counter_unwrap import unwrap

MODULI = st.integers(1, 32).map(lambda bits: 2**bits)


@given(MODULI, st.integers(0, 2**40), st.data())
def test_a_count_less_than_half_the_range_away_is_found(modulus, near, data):
    half = modulus // 2
    truth = near + data.draw(st.integers(-half, half - 1))
    assert unwrap(truth % modulus, near, modulus) == truth


@given(MODULI, st.integers(0, 2**32), st.integers(0, 2**40))
def test_what_is_found_equals_the_count_and_is_nearest(modulus, count, near):
    found = unwrap(count % modulus, near, modulus)
    assert found % modulus == count % modulus
    assert abs(found - near) <= modulus / 2


def test_half_the_range_ahead_is_behind():
    assert unwrap(8, 0, 16) == -8
