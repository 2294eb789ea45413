"""Departments, and the accounts that exist only in a demonstration."""

from __future__ import annotations

from typing import Any

from data.seed.generate.places import PARKS
from data.seed.generate.records import Feature, feature

_DEPARTMENTS = (
    ("department", "综合办公室", "General Office"),
    ("department", "应急管理局", "Emergency Management Bureau"),
    ("department", "城市管理局", "Urban Management Bureau"),
    ("department", "自然资源和规划局", "Natural Resources and Planning Bureau"),
    ("department", "住房和城乡建设局", "Housing and Construction Bureau"),
    ("department", "生态环境局", "Ecology and Environment Bureau"),
    ("department", "市场监督管理局", "Market Supervision Bureau"),
    ("department", "经济发展局", "Economic Development Bureau"),
    ("department", "招商服务中心", "Investment Service Centre"),
    ("department", "社会事务局", "Social Affairs Bureau"),
    ("department", "消防救援大队", "Fire and Rescue Brigade"),
    ("department", "财政金融局", "Finance Bureau"),
    ("department", "人力资源和社会保障局", "Human Resources Bureau"),
    ("street_office", "皇台街道办事处", "Huangtai Subdistrict Office"),
    ("street_office", "遵化店镇人民政府", "Zunhuadian Town Government"),
    *(("park_office", f"{park.name_zh}管理办公室", f"{park.name_en} Office") for park in PARKS),
    ("platform_company", "示例平台公司", "Sample Platform Company"),
    ("property_company", "示例物业公司", "Sample Property Company"),
)

# Category of issue → department that handles it.
HANDLERS = {
    "sanitation": "BM-03", "weeds": "BM-03", "stairwell_clutter": "BM-23",
    "fire_lane": "BM-11", "charging_wire": "BM-23",
    "road_damage": "BM-05", "street_light": "BM-05", "manhole": "BM-05",
    "water_supply": "BM-05", "power_supply": "BM-05",
    "gas": "BM-05", "heating": "BM-05", "sewage": "BM-05", "waste": "BM-03",
    "noise": "BM-06", "dispute": "BM-14",
    "hidden_danger": "BM-02", "land": "BM-04", "plant_space": "BM-09", "funds": "BM-12", "labour": "BM-13",
    "environment": "BM-06", "other": "BM-14",
}  # fmt: skip

_ACCOUNTS = (
    ("admin", "admin", "演示管理员", "Demo administrator", "demo-admin-2026", ("PDSGX",), None),
    ("planner", "staff", "演示规划人员", "Demo planner", "demo-planner-2026", ("PDSGX",), "BM-04"),
    ("invest", "staff", "演示招商人员", "Demo investment staff", "demo-invest-2026", ("PDSGX",), "BM-09"),
    ("dispatch", "staff", "演示派遣员", "Demo dispatcher", "demo-dispatch-2026", ("HT",), "BM-14"),
    (
        "grid01",
        "grid_worker",
        "演示网格员（高阳社区）",
        "Demo grid worker, Gaoyang",
        "demo-grid01-2026",
        ("HT-01",),
        "BM-14",
    ),
    (
        "grid02",
        "grid_worker",
        "演示网格员（平东社区）",
        "Demo grid worker, Pingdong",
        "demo-grid02-2026",
        ("HT-02",),
        "BM-14",
    ),
    ("resident", "public", "演示居民", "Demo resident", "demo-resident-2026", (), None),
)


def department_features() -> list[Feature]:
    """All departments, codes BM-01 on."""
    return [
        feature("departments", f"BM-{number:02d}", None, name_zh=name_zh, name_en=name_en, kind=kind)
        for number, (kind, name_zh, name_en) in enumerate(_DEPARTMENTS, start=1)
    ]


def accounts() -> list[dict[str, Any]]:
    """The demonstration accounts: login, role, labels, password, area codes and department code."""
    return [
        {"login": login, "role": role, "label_zh": label_zh, "label_en": label_en, "password": password,
         "areas": list(areas), "department": department, "synthetic": True}
        for login, role, label_zh, label_en, password, areas, department in _ACCOUNTS
    ]  # fmt: skip
