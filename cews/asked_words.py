"""Words that ask for something, in Korean and English: each kind has its reader, in ``READERS``. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from cews import asked_months, countries, vocabulary
from cews.asked_filters import Filter
from cews.domain import Level, Period
from cews.likeness import PARTICLES, folded, tokens
from cews.uses import uses

DEPENDENT: Final = 0.5  # Korean practice: half of an item from one country
SOLE: Final = 0.9

Place = tuple[int, int]


class Reading:
    """A sentence being read: what was taken from it, and the filters found."""

    def __init__(self, text: str, cased: str, names: Sequence[Place]) -> None:
        self.text, self.cased, self.names = text, cased, names
        self.taken: list[tuple[int, int, str]] = []  # and the field
        self.filters: list[Filter] = []

    def free(self, start: int, end: int) -> bool:
        """Whether nobody has taken these characters, and no longer name of goods holds them."""
        if any(start < ends and begins < end for begins, ends, _ in self.taken):
            return False
        return not any(begins <= start and end <= ends and ends - begins > end - start for begins, ends in self.names)

    def take(self, start: int, end: int, field: str, value: str = "", said: int | None = None) -> None:
        """Take the characters and the particle behind them; with a value they are a filter, ``said`` from there."""
        self.taken.append((start, end + _particle(self.text[end:]), field))
        if value:
            self.filters.append(Filter(field, value, self.text[start if said is None else said : end].strip()))

    def has(self, field: str) -> bool:
        return any(one.field == field for one in self.filters)

    def left(self) -> tuple[tuple[str, ...], str]:
        """The words that are left, and what names are compared with."""
        kept = "".join(" " if self._gone(n, ("use",)) else letter for n, letter in enumerate(self.text))
        rest = "".join(" " if self._gone(n, ()) else letter for n, letter in enumerate(self.text))
        words = tuple(word for word in tokens(rest) if word not in _idle() and not _is_particle(word))
        return words, " ".join(word for word in tokens(kept) if word not in _idle())

    def _gone(self, place: int, but: Sequence[str]) -> bool:
        return any(start <= place < end and field not in but for start, end, field in self.taken)


def _particle(behind: str) -> int:
    """How many characters of a particle stand right behind, where the word ends with it."""
    word = re.match(r"[가-힣]+", behind)
    if word is None:
        return 0
    said = word[0]
    return len(said) if _is_particle(said) or said in _ENDINGS else 0


def _is_particle(word: str) -> bool:
    return word in PARTICLES


_ENDINGS: Final = frozenset(
    (
        *(
            "한",
            "된",
            "인",
            "하는",
            "되는",
            "했던",
            "하던",
            "한테",
            "들",
            "들이",
            "들은",
            "들을",
            "들의",
            "이고",
            "이며",
            "적인",
            "이었던",
        ),
        *(
            "에서만",
            "에서의",
            "국",
            "국의",
            "발",
            "제",
            "쪽",
            "측",
            "했나",
            "했나요",
            "인가",
            "인가요",
            "중인",
            "중",
            "등",
            "했다",
            "된다",
        ),
    )
)


def _matcher(
    field: str, pattern: str, value: str | Callable[[re.Match[str]], str]
) -> Callable[[Reading, Period], None]:
    """A reader that takes every place where the pattern fits."""
    compiled = re.compile(pattern)

    def read(reading: Reading, _now: Period) -> None:
        for match in compiled.finditer(reading.text):
            found = value(match) if callable(value) else value
            if match.end() > match.start() and reading.free(match.start(), match.end()):
                reading.take(match.start(), match.end(), field, found)

    return read


def _months(reading: Reading, now: Period) -> None:
    masked = "".join(
        "·" if any(start <= n < end for start, end, _ in reading.taken) else letter
        for n, letter in enumerate(reading.text)
    )
    found = asked_months.find(masked, now)
    if found is not None and not _modal(reading, found):
        reading.take(found.start, found.end, "months", asked_months.described((found.first, found.last)))


def _modal(reading: Reading, found: asked_months.Span) -> bool:
    return reading.text[found.start : found.end] == "may"


def _countries(reading: Reading, _now: Period) -> None:
    for pattern, iso in ((_korean_countries, _areas_by_word()), (_latin_countries, _areas_by_word())):
        for match in pattern().finditer(reading.text):
            start, end = match.span("name")
            if not reading.free(start, end) or _no_country(reading, match):
                continue
            field, areas = _role(reading, match, iso[match["name"]])
            reading.take(match.start(), match.end(), field, areas, said=start)


def _no_country(reading: Reading, match: re.Match[str]) -> bool:
    """Words that are other words too: us, 수단 (means), 가나 …"""
    name, (start, end) = match["name"], match.span("name")
    if name == "us":
        return reading.cased[start:end] != "US"
    return name in _ALSO_WORDS and not re.match(r"산|에서|으로부터|발|의", reading.text[end:])


_ALSO_WORDS: Final = frozenset(("수단", "부탄", "가나", "말리", "통가", "오만", "차드", "기니", "turkey"))


def _role(reading: Reading, match: re.Match[str], areas: str) -> tuple[str, str]:
    """Whose trade it is, or with whom: Korea is whose, unless goods come from it; others are with whom."""
    tail = reading.text[match.end("name") :]
    lead = reading.text[: match.start("name")]
    from_there = re.match(r"산|제품|에서|으로부터|발|대상", tail) or re.search(
        r"(?:from|to|on|by)\s+(?:the\s+)?$", lead
    )
    owner = re.match(r"'s\s+(?:im|ex)ports|\s+(?:imports|exports)\s+(?:from|to)", tail)
    if owner or (areas == "KOR" and not from_there):
        return "reporter", areas
    return "country", areas


@cache
def _areas_by_word() -> Mapping[str, str]:
    """Areas by what they are called, in lower case; several areas are joined by commas."""
    found = {folded(countries.name(iso3, language)): iso3 for iso3 in countries.areas() for language in ("en", "ko")}
    found |= {folded(words): iso3 for words, iso3 in countries.names_of_areas() if re.search("[가-힣]", words)}
    found = {words: iso3 for words, iso3 in found.items() if len(words) > 1 and not iso3.startswith(("XX", "WLD"))}
    for row in _rows("country_words.csv"):
        found |= dict.fromkeys(map(folded, row["words"].split(";")), row["areas"].replace(";", ","))
    found |= {"us": "USA", "中": "CHN", "美": "USA", "日": "JPN", "獨": "DEU", "印": "IND", "濠": "AUS", "露": "RUS"}
    return found


@cache
def _korean_countries() -> re.Pattern[str]:
    names = sorted((re.escape(word) for word in _areas_by_word() if not word.isascii()), key=len, reverse=True)
    goods = r"(?=수입|수출|의존|공급|비중|제품|관련|정부|기업)"
    behind = rf"(?:산|{goods}|(?:제|발|국|내|측|쪽)?(?:{'|'.join(PARTICLES)}|으로의|로의)?(?![가-힣]))"
    return re.compile(rf"(?<![가-힣])(?:對|대)?(?P<name>{'|'.join(names)}){behind}")


@cache
def _latin_countries() -> re.Pattern[str]:
    names = sorted((re.escape(word) for word in _areas_by_word() if word.isascii()), key=len, reverse=True)
    lead = r"(?:(?:from|to|by|on|with|in|of|involving)\s+)?(?:the\s+)?"
    return re.compile(rf"(?<![a-z0-9])(?:{lead})(?P<name>{'|'.join(names)})(?:'s|s')?(?![a-z0-9])")


_TO: Final = {"중": "CHN", "일": "JPN", "미": "USA", "러": "RUS", "독": "DEU", "호": "AUS", "인": "IND", "베": "VNM"}


def _uses(reading: Reading, _now: Period) -> None:
    for match in _use_pattern().finditer(reading.text):
        name = match["ko"] or match["en"]
        if reading.free(match.start(), match.end()):
            reading.take(match.start(), match.end(), "use", _use_by_word()[name])


@cache
def _use_by_word() -> Mapping[str, str]:
    return {folded(word): use.id for use in uses().values() for word in use.words}


@cache
def _use_pattern() -> re.Pattern[str]:
    words = sorted(_use_by_word(), key=len, reverse=True)
    korean = "|".join(re.escape(word) for word in words if not word.isascii())
    latin = "|".join(
        re.escape(word) if not word.endswith("y") else rf"{re.escape(word[:-1])}(?:y|ies)"
        for word in words
        if word.isascii()
    )
    goods_ko = r"(?:용|류)?\s*(?:원료|원자재|소재|재료|광물|부품|가스)?(?:용)?"
    goods_en = r"s?(?:\s+(?:raw\s+)?(?:material|input|ingredient|mineral|metal|part|component)s?)?"
    return re.compile(rf"(?P<ko>{korean}){goods_ko}|(?<![a-z0-9])(?P<en>{latin}){goods_en}(?![a-z0-9])")


def _share(match: re.Match[str]) -> str:
    groups = match.groupdict()
    part = float(groups["number"]) / 100 if groups.get("number") else DEPENDENT
    below = groups.get("below") or groups.get("under")
    return f"{'<' if below else '>'}{min(part, 1.0):g}"


def _levels_from(slug: str) -> str:
    return ",".join(level.slug for level in sorted(Level, reverse=True) if level >= Level.from_slug(slug))


_LEVEL_WORDS: Final = {"심각": "severe", "경계": "alert", "주의": "caution", "관심": "attention"}


def _level(match: re.Match[str]) -> str:
    said = match["level"]
    slug = _LEVEL_WORDS.get(said, {"critical": "severe"}.get(said, said))
    upward = match.groupdict().get("up") or match.groupdict().get("least")
    return _levels_from(slug) if upward else slug


def _code(match: re.Match[str]) -> str:
    digits = match["code"].replace(".", "")
    return digits.zfill(2) if len(digits) == 1 else digits


def _kind(reading: Reading, _now: Period) -> None:
    """The first kind of answer named."""
    for match in _KIND.finditer(reading.text):
        kind = str(match.lastgroup)
        if reading.free(match.start(), match.end()):
            reading.take(match.start(), match.end(), "kind", "" if reading.has("kind") else kind)


_KIND: Final = re.compile(
    r"(?P<alert>경보|경고|알림|(?<![a-z])(?:alert|warning|alarm)s?(?![a-z]))"
    r"|(?P<event>사건|이벤트|사태|(?<![a-z])(?:event|incident)s?(?![a-z]))"
    r"|(?P<heading>hs\s*코드|hs\s*번호|품목번호|세번|품목분류|(?<![a-z])(?:hs\s+|tariff\s+)?(?:code|heading)s?(?![a-z0-9]))"
    r"|(?P<item>품목|물품|원자재|(?<![a-z])(?:item|product|good|commodity|commoditie|material)s?(?![a-z]))"
)


_B: Final = r"(?<![a-z])"
_E: Final = r"(?![a-z])"
_NUMBER: Final = r"(?P<number>[0-9]{1,3}(?:\.[0-9]{1,3})?)\s*(?:%|％|percent|per cent|퍼센트|프로)"
READERS: Final[tuple[Callable[[Reading, Period], None], ...]] = (
    # codes first: their digits are no years and no shares
    _matcher(
        "hs", rf"{_B}(?:hs|hsk)\s*(?:코드|code)?\s*:?\s*(?P<code>[0-9]{{2,10}}(?:\.[0-9]{{2,4}})*)(?![0-9])", _code
    ),
    _matcher("hs", rf"{_B}(?:chapter|heading)\s*(?P<code>[0-9]{{1,4}})(?![0-9])", _code),
    _matcher("hs", r"제?\s*(?P<code>[0-9]{2}|[0-9]{4})\s*(?:류|호)(?![가-힣]{2})", _code),
    _matcher(
        "hs", r"(?<![0-9.])(?P<code>[0-9]{4}\.[0-9]{2}(?:\.[0-9]{2,4})*|[0-9]{10}|[0-9]{8}|[0-9]{6})(?![0-9.])", _code
    ),
    # shares
    _matcher("share", rf"(?P<under>less than|under|below|<)\s*{_NUMBER}", _share),
    _matcher("share", rf"{_NUMBER}\s*(?P<below>미만|이하|아래)", _share),
    _matcher(
        "share",
        rf"(?:(?:over|more than|above|at least|exceeding|>=|≥|>)\s*)?{_NUMBER}"
        r"(?:\s*(?:이상|초과|넘게|넘는|넘은|을 넘는|를 넘는|or more|\+))?(?:\s*(?:of|from))?",
        _share,
    ),
    _matcher("share", r"(?:over|more than|at least)\s+(?:a\s+)?half|절반\s*(?:이상|넘게|을 넘는)|과반", _share),
    _matcher(
        "share",
        rf"{_B}(?:(?:almost|nearly)\s+(?:only|all|exclusively|entirely)|exclusively|sole(?:ly)?|single)[-\s]*"
        rf"(?:source[ds]?|suppliers?|sourcing)?{_E}",
        f">{SOLE:g}",
    ),
    _matcher("share", r"단일\s*(?:공급(?:국|처|원|선)?|국가|수입국)|전량|독점", f">{SOLE:g}"),
    _matcher("share", r"거의(?=.*(?:에서만|에만|뿐))", f">{SOLE:g}"),
    _matcher(
        "share",
        rf"{_B}(?:highly|heavily|strongly|too|most|very|overly)?\s*(?:depend(?:s|ent|ence|ency|encies)?|rel(?:y|ies|iant|iance)|"
        rf"concentrat(?:ed|ion))(?:\s+heavily)?(?:\s+(?:on|upon))?{_E}",
        f">{DEPENDENT:g}",
    ),
    _matcher(
        "share",
        r"(?:수입\s*)?(?:의존|편중|집중)(?:도|율|성)?(?:[가이을를은는]|하(?:는|고|나|고\s*있는))?"
        r"(?:\s*(?:높은|높아진|큰|심한|과도한|높|심))?",
        f">{DEPENDENT:g}",
    ),
    _matcher("share", r"(?:비중|점유율)(?:[이가을를은는])?\s*(?:높은|큰)", f">{DEPENDENT:g}"),
    # what alerts are called; measures of governments are no flow of trade
    _matcher(
        "", r"수출\s*(?:통제|규제|제한|금지|허가제?|검사)|export\s+(?:control|ban|curb|restriction|licen[cs])\w*", ""
    ),
    _matcher("class", rf"{_B}export\s+surges?{_E}|수출\s*급증", "export_surge"),
    _matcher(
        "class", rf"{_B}supplier\s+exits?{_E}|공급(?:국|선|처)\s*(?:의\s*)?이탈|공급\s*(?:단절|중단)", "supplier_exit"
    ),
    _matcher(
        "class", rf"{_B}front[-\s]?loading{_E}|{_B}stockpil\w+|{_B}rush{_E}|선수입|사재기|선구매", "front_loading"
    ),
    _matcher("class", rf"{_B}price[-\s]?led{_E}|가격\s*주도", "price_led"),
    _matcher("class", rf"{_B}(?:demand falls?|weak demand){_E}|수요\s*(?:감소|위축|부진)", "demand_fall"),
    _matcher("class", rf"{_B}statistical\s+breaks?{_E}|통계\s*단절", "statistical_break"),
    _matcher("class", rf"{_B}shortages?{_E}|(?:공급|수급)\s*(?:부족|차질|불안)|품귀|부족|차질", "shortage"),
    # prices before quantities
    _matcher(
        "move",
        rf"{_B}price(?:s)?\s+(?:surge|spike|jump|rise|increase|hike|up)\w*{_E}"
        rf"|{_B}(?:dearer|costlier|pricier|(?:more\s+)?expensive){_E}"
        r"|(?:가격|단가|값)(?:이|가|의)?\s*(?:급등|폭등|상승|인상|오른|오름|뛴|올랐)[가-힣]*|비싸(?:진|졌)[가-힣]*|비싼|급등|폭등",
        "price-up",
    ),
    _matcher(
        "move",
        rf"{_B}price(?:s)?\s+(?:fall|drop|decline|slump|collapse|down)\w*{_E}|{_B}cheaper{_E}"
        r"|(?:가격|단가|값)(?:이|가|의)?\s*(?:급락|폭락|하락|인하|내린|떨어진)[가-힣]*|싸진|저렴해진|급락|폭락",
        "price-down",
    ),
    _matcher(
        "move",
        rf"{_B}(?:got\s+|become\s+|became\s+|getting\s+)?(?:scarce|scarcer|short|tighter){_E}|{_B}(?:fell|fallen|falls?|falling|drop"
        rf"(?:s|ped|ping)?|declin(?:e|es|ed|ing)|decreas(?:e|es|ed|ing)|plung(?:e|es|ed|ing)|slump(?:s|ed)?|collaps(?:e|es|ed)|shrank|"
        rf"shr[iu]nk|halved|down){_E}|급감[가-힣]*|감소[가-힣]*|줄어[가-힣]*|줄었[가-힣]*|줄은|준(?=\s)|떨어[가-힣]*|끊긴|끊겼[가-힣]*",
        "quantity-down",
    ),
    _matcher(
        "move",
        rf"{_B}(?:surg(?:e|es|ed|ing)|ros?e(?:n)?|ris(?:e|es|ing)|increas(?:e|es|ed|ing)|jump(?:s|ed)?|grew|grown|soar(?:s|ed)?|up){_E}"
        r"|급증[가-힣]*|증가[가-힣]*|늘어[가-힣]*|늘었[가-힣]*|늘은",
        "quantity-up",
    ),
    # levels
    _matcher("level", r"(?P<level>심각|경계|주의|관심)\s*(?:단계|수준|등급)?\s*(?P<up>이상)", _level),
    _matcher("level", r"(?P<level>심각|경계|주의|관심)\s*(?:단계|수준)", _level),
    _matcher(
        "level",
        r"(?P<level>심각|경계|주의)(?:한|인)?(?![가-힣])|(?P<interest>관심)(?=\s*경보)",
        lambda m: _LEVEL_WORDS[m[0][:2]],
    ),
    _matcher(
        "level",
        rf"{_B}(?P<least>at\s+least\s+)?(?P<level>severe|critical|alert|caution|attention)(?:\s+level)?\s+"
        rf"(?P<up>(?:and|or)\s+(?:above|higher|worse|more|up)){_E}",
        _level,
    ),
    _matcher("level", rf"{_B}(?P<least>at\s+least\s+)(?P<level>severe|critical|alert|caution|attention){_E}", _level),
    _matcher(
        "level",
        rf"{_B}(?P<level>severe|critical|caution){_E}|{_B}(?:level\s+)(?P<other>alert|attention){_E}",
        lambda m: {"critical": "severe"}.get(m["level"] or m["other"], m["level"] or m["other"]),
    ),
    _matcher("level", rf"{_B}(?P<level>alert|attention)\s+level{_E}", _level),
    # handling and state
    _matcher(
        "handling",
        rf"{_B}(?:under|being)\s+investigat\w+{_E}|{_B}investigat(?:ing|ed){_E}|조사\s*중(?:인)?",
        "investigating",
    ),
    _matcher("handling", rf"{_B}acknowledged{_E}|확인(?:된|한|됨)", "acknowledged"),
    _matcher("handling", rf"{_B}snoozed{_E}|보류(?:된|한|\s*중)?", "snoozed"),
    _matcher(
        "handling",
        rf"{_B}(?:unhandled|untreated|unassessed|not\s+yet\s+handled|unacknowledged){_E}"
        r"|미처리|(?:아직\s*)?처리(?:하지|되지)\s*않은|미확인|(?:아직\s*)?확인(?:하지|되지)\s*않은|손대지\s*않은",
        "new",
    ),
    _matcher(
        "state",
        rf"{_B}(?:closed|ended|over|past){_E}(?=.*(?:alert|warning|event))|종료(?:된)?|해제(?:된)?|끝난",
        "closed",
    ),
    _matcher("state", rf"{_B}(?:retracted|withdrawn){_E}|철회(?:된)?", "retracted"),
    _matcher("state", rf"{_B}(?:right\s+now|currently|now|open|ongoing|still){_E}|현재|지금|진행\s*중(?:인)?", "open"),
    _matcher(
        "opened",
        rf"{_B}(?:new(?:ly)?|fresh){_E}(?=.*(?:alert|warning))|새로(?:운)?(?:\s*(?:나온|발생한|생긴|뜬))?|신규",
        "yes",
    ),
    # months, countries, uses
    _months,
    _countries,
    _matcher(
        "country",
        r"(?<![가-힣])(?:對|대)(?P<to>[중일미러독호인베])(?=\s*(?:국)?\s*(?:수입|수출|의존|교역|무역))",
        lambda m: _TO[m["to"]],
    ),
    _uses,
    _matcher(
        "grade",
        rf"{_B}grade\s*(?P<grade>[a-d]){_E}|(?<![a-z])(?P<other>[a-d])\s*(?:등급|-grade|\s+grade)",
        lambda m: (m["grade"] or m["other"]).upper(),
    ),
    # flow last: 수출 급증, 선수입 and 수출통제 are taken
    _matcher(
        "flow",
        rf"{_B}import(?:s|ed|ing)?{_E}|{_B}(?:buy|bought|purchase[ds]?){_E}|수입(?:하는|하던|되는|한|된|량|액)?|들여오[가-힣]*|사오는",
        "import",
    ),
    _matcher("flow", rf"{_B}export(?:s|ed|ing)?{_E}|수출(?:하는|하던|되는|한|된|량|액)?|내보내는", "export"),
    _kind,
)


def names_in(text: str) -> list[Place]:
    """Where names of goods stand in the sentence."""
    return [match.span() for match in _goods().finditer(text)]


@cache
def _goods() -> re.Pattern[str]:
    own = {folded(name) for term in vocabulary.terms() for name in (term.ko, term.en, *term.words)}
    words = sorted((re.escape(word) for word in own if len(word) > 1), key=len, reverse=True)
    korean = "|".join(word for word in words if not word.isascii())
    latin = "|".join(word for word in words if word.isascii())
    return re.compile(rf"{korean}|(?<![a-z0-9])(?:{latin})(?:s|es)?(?![a-z0-9])")


@cache
def _idle() -> frozenset[str]:
    """Words that ask, join or fill, and name nothing."""
    content = (files("cews") / "data" / "idle_words.txt").read_text(encoding="utf-8")
    lines = (line for line in content.splitlines() if not line.startswith("#"))
    return frozenset(word for line in lines for word in tokens(line))


def _rows(name: str) -> Iterator[dict[str, str]]:
    content = (files("cews") / "data" / name).read_text(encoding="utf-8")
    return csv.DictReader(content.splitlines())
