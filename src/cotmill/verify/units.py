"""Units of measurement: which dimension, and how many of the base unit.

Factors are exact by definition (inch = 2.54 cm, pound = 0.453 592 37 kg). A noun that is no unit
("apples") is kept as itself, without its plural. Months and years have no fixed number of days and get
their own dimension. Money of different currencies never converts; cents belong to the dollar.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple


class Unit(NamedTuple):
    """A dimension and the exact number of base units; an unknown noun is its own dimension."""

    dimension: str
    factor: Fraction
    offset: Fraction = Fraction(0)
    known: bool = True


_TABLE = """
time 1/1000: ms millisecond milliseconds msec
time 1: s sec secs second seconds
time 60: min mins minute minutes
time 3600: h hr hrs hour hours
time 86400: day days
time 604800: week weeks wk wks
time 1209600: fortnight fortnights
calendar 1: month months mo
calendar 12: year years yr yrs
calendar 120: decade decades
calendar 1200: century centuries
length 1/1000000000: nm nanometer nanometers nanometre nanometres
length 1/1000000: µm um micrometer micrometers micron microns
length 1/1000: mm millimeter millimeters millimetre millimetres
length 1/100: cm centimeter centimeters centimetre centimetres
length 1/10: dm decimeter decimeters
length 1: m meter meters metre metres
length 1000: km kilometer kilometers kilometre kilometres kms
length 0.0254: in inch inches
length 0.3048: ft foot feet
length 0.9144: yd yard yards yds
length 1609.344: mi mile miles
length^2 10000: hectare hectares ha
length^2 4046.8564224: acre acres
mass 1/1000: mg milligram milligrams
mass 1: g gram grams gm
mass 1000: kg kilogram kilograms kilo kilos kgs
mass 1000000: tonne tonnes
mass 453.59237: lb lbs pound pounds
mass 28.349523125: oz ounce ounces
mass 907184.74: ton tons
volume 1: ml milliliter milliliters millilitre millilitres mL cc
volume 10: cl
volume 100: dl
volume 1000: l L liter liters litre litres
volume 3785.411784: gallon gallons gal
volume 946.352946: quart quarts qt
volume 473.176473: pint pints pt
volume 236.5882365: cup cups
volume 14.78676478125: tablespoon tablespoons tbsp
volume 4.92892159375: teaspoon teaspoons tsp
angle 1: degree degrees deg \\circ ^\\circ ^{\\circ}
radian 1: rad radian radians
usd 1: cent cents ¢ penny pennies c
usd 5: nickel nickels
usd 10: dime dimes
usd 100: $ dollar dollars usd USD bucks buck
eur 100: € euro euros eur EUR
gbp 100: £ gbp GBP
gbp 1: pence p
inr 100: ₹ rupee rupees rs Rs INR
jpy 1: ¥ yen JPY 円
chf 100: CHF francs franc
brl 100: R$ reais BRL
cny 1: yuan rmb RMB CNY 元
count 12: dozen dozens
count 20: score
ratio 1/100: % percent pct percentage
ratio 1/1000: ‰
data 1: byte bytes B
data 1000: kB KB kilobyte kilobytes
data 1000000: MB megabyte megabytes
data 1000000000: GB gigabyte gigabytes
energy 1: J joule joules
energy 1000: kJ kilojoule kilojoules
energy 3600000: kWh
power 1: W watt watts
power 1000: kW kilowatt kilowatts
force 1: N newton newtons
"""


def _read_table() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for line in _TABLE.strip().splitlines():
        head, names = line.split(":")
        dimension, factor = head.split()
        for name in names.split():
            size = Fraction(factor) / (10**6 if dimension == "volume" else 1)
            units[name] = Unit("length^3" if dimension == "volume" else dimension, size)
    return units


UNITS = _read_table()
UNITS |= {
    "^\\circC": Unit("temperature", Fraction(1), Fraction(27315, 100)),
    "celsius": Unit("temperature", Fraction(1), Fraction(27315, 100)),
    "degrees celsius": Unit("temperature", Fraction(1), Fraction(27315, 100)),
    "^\\circF": Unit("temperature", Fraction(5, 9), Fraction(45967, 180)),
    "fahrenheit": Unit("temperature", Fraction(5, 9), Fraction(45967, 180)),
    "degrees fahrenheit": Unit("temperature", Fraction(5, 9), Fraction(45967, 180)),
    "kelvin": Unit("temperature", Fraction(1)),
}
_SPEEDS = {"mph": "mile/hour", "kph": "km/hour", "kmh": "km/hour", "kmph": "km/hour"}
_FILLER = frozenset(
    [
        "of",
        "the",
        "a",
        "an",
        "in",
        "total",
        "all",
        "more",
        "left",
        "each",
        "altogether",
        "per-se",
        "remaining",
        "now",
        "old",
        "long",
        "tall",
        "away",
        "only",
        "exactly",
        "just",
        "and",
        "so",
        "worth",
        "about",
        "approximately",
        "extra",
        "additional",
        "other",
        "away",
        "later",
        "ago",
        "too",
        "overall",
        "combined",
    ]
)
MAX_WORDS = 8


def read_unit(text: str) -> Unit | None:
    """Read a whole phrase as a unit or a noun; None when it is neither.

    >>> read_unit("hours") == read_unit("h"), read_unit("apples").dimension, read_unit("km/h").dimension
    (True, 'noun:apple', 'length/time')
    """
    text = text.strip().replace("{\\circ}", "\\circ").replace("\\circ ", "\\circ")
    if text in UNITS:
        return UNITS[text]
    text = _SPEEDS.get(text.lower(), text)
    if power := _powered(text):
        return power
    for divider in ("/", " per ", " each ", " an ", " a "):
        above, found, below = text.partition(divider)
        if found and below.strip():
            return _quotient(above, below)
    return _single(text)


def _quotient(above: str, below: str) -> Unit | None:
    top, bottom = _single(above), _single(below)
    if top is None or bottom is None:
        return None
    known = top.known and bottom.known
    return Unit(f"{top.dimension}/{bottom.dimension}", top.factor / bottom.factor, known=known)


_POWERS = {"square": 2, "sq": 2, "sq.": 2, "cubic": 3, "cu": 3, "squared": 2, "cubed": 3}


def _powered(text: str) -> Unit | None:
    """Read areas and volumes: square feet, cm^2, m^{3}, feet squared."""
    words = text.replace("^", " ^").split()
    power = 0
    if len(words) == 2 and words[0].lower() in _POWERS:
        power, words = _POWERS[words[0].lower()], words[1:]
    elif len(words) == 2 and words[1] in _POWERS:
        power, words = _POWERS[words[1]], words[:1]
    elif len(words) == 2 and words[1] in ("^2", "^3", "^{2}", "^{3}"):
        power, words = int(words[1].strip("^{}")), words[:1]
    base = UNITS.get(words[0]) if power else None
    return None if base is None else Unit(f"{base.dimension}^{power}", base.factor**power)


def _single(text: str) -> Unit | None:
    words = [word for word in text.replace(",", " ").split() if word.lower() not in _FILLER]
    if not words or len(words) > MAX_WORDS:
        return None
    for word in (" ".join(words).lower(), " ".join(words), words[0], words[-1]):
        if (unit := UNITS.get(word) or UNITS.get(word.lower().rstrip("."))) is not None:
            return unit if word != words[-1] or len(word) > 1 or len(words) == 1 else None
    if not all(word.replace("-", "").replace("'", "").isalpha() for word in words):
        return None
    return Unit("noun:" + " ".join(singular(word.lower()) for word in words), Fraction(1), known=False)


def singular(word: str) -> str:
    """Take an English plural's ending off; good enough to see that two nouns are one.

    >>> [singular(word) for word in ("boxes", "berries", "apples", "glass", "children")]
    ['box', 'berry', 'apple', 'glass', 'child']
    """
    irregular = {"children": "child", "people": "person", "men": "man", "women": "woman", "feet": "foot"}
    if word in irregular:
        return irregular[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("xes", "ches", "shes", "sses", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
