import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `made_samples`, the helpers of this folder's tests

from made_samples import make_store, pool_of, problems


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A pool of lab problems and the samples of two models."""
    folder = tmp_path_factory.mktemp("world")
    made = problems(10)
    pool = pool_of(made)
    stores = [
        make_store(folder / "small", pool, made, "small", 8, 0.5),
        make_store(folder / "large", pool, made, "large", 8, 0.8),
    ]
    return {"pool": pool, "problems": made, "stores": stores}
