"""The lab's pools, as recipes ask for them."""

from cotmill.lab import make_pool


def test_an_oracle_keeps_the_sound_rows_as_they_are():
    whole, kept = make_pool(3, 200, defects=0.4), make_pool(3, 200, defects=0.4, sound_only=True)
    labels = whole.column("lab_defect").to_pylist()
    sound = [row for row, label in zip(whole.ids.tolist(), labels, strict=True) if label == "none"]
    assert 0 < len(sound) < 200
    assert kept.ids.tolist() == sound
