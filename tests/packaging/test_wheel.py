"""What the program reads beside its modules is in the wheel."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
    "package-data"
]


def test_every_file_that_is_no_module_is_package_data():
    for package in ("gateway", "sim", "training"):
        files = {
            path
            for path in (ROOT / package).rglob("*")
            if path.is_file()
            and path.suffix != ".py"
            and "__pycache__" not in str(path)
        }
        packed = {
            path
            for glob in DATA.get(package, ())
            for path in (ROOT / package).glob(glob)
        }
        assert files <= packed, package
