"""A link in words: the area, the rule that gave it, how far the border is, and what makes it doubtful."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from gridgov.geo.words import Language, Words
from gridgov.models.vocabulary import LINK_LEVELS
from gridgov.serving.linking.kernel import BORDER_M, NEAREST_M
from gridgov.serving.linking.link import Link

Names = Mapping[str, tuple[str | None, str | None]]

SENTENCES = MappingProxyType(
    {
        "contains": Words("{level}：{area}，距边界 {border}", "{level}: {area}, {border} from its border"),
        "border": Words(
            "{level}：{area}，位于公共边界上（0.05 m 以内），归编号最小者",
            "{level}: {area}, on a shared border (within 0.05 m), so the lowest code",
        ),
        "overlap": Words(
            "{level}：{area}，与同级区域重叠，归编号最小者",
            "{level}: {area}, where areas of the level overlap, so the lowest code",
        ),
        "nearest": Words(
            "{level}：{area}，不在任何{level}内，就近归属，相距 {distance}",
            "{level}: {area}, the nearest; the point is in none, {distance} away",
        ),
        "outside": Words("{level}：不在任何{level}内", "{level}: in none"),
        "share": Words("{level}：{area}，占面积 {share}", "{level}: {area}, {share} of the area"),
    }
)
_PART = Words("，占面积 {share}", ", {share} of the area")
_NEAREST_OUTSIDE = Words("，最近的相距 {border}", ", the nearest is {border} away")
_ACCURACY = Words(
    "；定位精度 {accuracy}，可能在边界另一侧，存疑",
    "; the accuracy of {accuracy} reaches over the border, so this is doubtful",
)
_DOUBT = Words("；存疑，请核对", "; doubtful, please check")
_HIERARCHY = Words(
    "；上级区域与位置不符，请核对",
    "; its parent in the tree is not the area found one level up, please check",
)
_STOP = Words("。", ".")
_AREA = Words("{name}（{code}）", "{name} ({code})")


def explain(
    links: Iterable[Link], names: Names, language: Language, accuracy_m: float | None = None
) -> list[str]:
    """One sentence per link, in its order, in "zh" or "en".

    names: id of area → (Chinese name, English name); an area without a name is called by its code.
    accuracy_m: what `Linker.link` was given, so that the sentence can name it.

    >>> link = Link("micro_grid", "7", "GY-03", "contains", 0.0, 12.3, False, False, 1)
    >>> explain([link], {"7": ("高阳社区3号微网格", "Gaoyang cell 3")}, "zh")
    ['微网格：高阳社区3号微网格（GY-03），距边界 12 m。']
    >>> explain([link], {"7": ("高阳社区3号微网格", "Gaoyang cell 3")}, "en")
    ['Community grid cell: Gaoyang cell 3 (GY-03), 12 m from its border.']
    """
    return [_sentence(link, names, language, accuracy_m) for link in links]


def metres(value: float | None) -> str:
    """A distance for people: to the centimetre under 1 m, then decimetre, metre, 0.1 km; "?" for None.

    >>> [metres(each) for each in (0.04, 5.25, 12.3, 2345.0)]
    ['0.04 m', '5.2 m', '12 m', '2.3 km']
    """
    if value is None:
        return "?"
    if value >= 1000.0:
        return f"{value / 1000.0:.1f} km"
    return f"{value:.2f} m" if value < 1.0 else f"{value:.1f} m" if value < 10.0 else f"{value:.0f} m"


def _sentence(link: Link, names: Names, language: Language, accuracy_m: float | None) -> str:
    overlaps = link.rule == "border" and (link.border_m or 0.0) > BORDER_M
    parts = [SENTENCES["overlap" if overlaps else link.rule]]
    if link.rule == "outside" and link.border_m is not None:
        parts.append(_NEAREST_OUTSIDE)
    if link.share is not None and link.rule != "share":
        parts.append(_PART)
    limit = link.border_m if link.border_m is not None else NEAREST_M
    if accuracy_m is not None and accuracy_m > limit and link.rule != "share":
        parts.append(_ACCURACY)
    elif link.doubtful:
        parts.append(_DOUBT)
    if link.hierarchy:
        parts.append(_HIERARCHY)
    words = "".join(part.say(language) for part in (*parts, _STOP))
    level = LINK_LEVELS.label(link.level, language)
    text = words.format(
        level=level,
        area=_area(link, names, language),
        border=metres(link.border_m),
        distance=metres(link.distance_m),
        accuracy=metres(accuracy_m),
        share=_percent(link.share),
    )
    return text[0].upper() + text[1:]


def _percent(share: float | None) -> str:
    """At most 100 %, and never 100 % for less than all nor 0 % for more than none."""
    if share is None:
        return "?"
    return "< 0.1 %" if share < 0.001 else "> 99.9 %" if 0.999 < share < 1.0 else f"{share * 100:.4g} %"


def _area(link: Link, names: Names, language: Language) -> str:
    chinese, english = names.get(link.area_id or "", (None, None))
    name = chinese if language == "zh" else english or chinese
    code = link.code or ""
    return _AREA.say(language).format(name=name, code=code) if name else code
