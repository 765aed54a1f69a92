import pytest

from training.network.architecture import (
    count_multiplications,
    count_parameters,
    parameters,
)


@pytest.mark.parametrize(
    ("n_channels", "expected"), [(1, 7193), (2, 9241), (3, 11289), (4, 13337)]
)
def test_the_network_has_the_published_number_of_parameters(n_channels, expected):
    assert count_parameters(n_channels) == expected


def test_an_epoch_costs_as_many_multiplications_as_others_have_counted():
    assert count_multiplications(4) == 3_498_352
    assert count_multiplications(2) == 1_749_336


def test_another_channel_costs_its_share_of_the_first_dense_layer_only():
    one, two = ({p.name: p.shape for p in parameters(n)} for n in (1, 2))
    changed = {name for name in one if one[name] != two[name]}
    assert changed == {"hidden/kernel"}
    assert one.keys() == two.keys()


def test_no_two_parameters_share_a_name():
    names = [parameter.name for parameter in parameters(3)]
    assert len(set(names)) == len(names)
