"""Names of the zone's parts: parks, streets, communities and villages, and how many grids each has.

Only the names of parks, streets and communities are real; where a village lies is drawn freely, and `assumed`
marks those whose street or town no source states.
"""

from __future__ import annotations

from dataclasses import dataclass

ZONE_KEY = "pds-gaoxin"
ZONE_CODE = "PDSGX"
ZONE_ZH = "平顶山高新区"
ZONE_EN = "Pingdingshan High-tech Zone"
DIVISION_CODE = "410471"


@dataclass(frozen=True, slots=True)
class Park:
    """One of the six parks; `cells` are the town cells it covers, `prefix` begins the names of its plants."""

    code: str
    name_zh: str
    name_en: str
    prefix_zh: str
    prefix_en: str
    cells: tuple[str, ...]
    function: str
    industries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Community:
    """A community or village: seed is a design point inside it; micro_grids counts per grid."""

    code: str
    kind: str
    name_zh: str
    name_en: str
    street: str
    seed: tuple[float, float]
    grids: int
    micro_grids: int
    assumed: bool = False


STREETS = (
    ("HT", "street", "皇台街道", "Huangtai Subdistrict"),
    ("ZHD", "town", "遵化店镇", "Zunhuadian Town"),
)

PARKS = (
    Park("PK-01", "创新创业服务园区", "Innovation and Start-up Park", "创新园", "Innovation Park", ("C1",),
         "研发孵化、创业服务与科技金融", ("现代服务业", "智能装备", "新材料")),
    Park("PK-02", "尼龙新材料产业园区", "Nylon New Materials Park", "尼龙园", "Nylon Park", ("D1", "E1"),
         "尼龙新材料及下游织造、化工中试", ("尼龙新材料",)),
    Park("PK-03", "皇台产业园区", "Huangtai Industrial Park", "皇台园", "Huangtai Park", ("A1", "A2"),
         "装备配套制造与闲置厂房盘活", ("电气装备", "新能源")),
    Park("PK-04", "电气装备产业园区", "Electrical Equipment Park", "电气园", "Electric Park", ("B1",),
         "输变电装备、智能电网与成套设备制造", ("电气装备", "新能源")),
    Park("PK-05", "临港物流产业园区", "Lingang Logistics Park", "临港园", "Lingang Park", ("E2", "E3"),
         "铁路与公路联运、仓储分拨、供应链服务", ("现代服务业", "智慧物流")),
    Park("PK-06", "沙河产业园区", "Shahe Industrial Park", "沙河园", "Shahe Park", ("C3", "D3"),
         "总部经济、科技服务与滨河产业", ("现代服务业", "新能源")),
)  # fmt: skip

COMMUNITIES = (
    Community("HT-01", "community", "高阳社区", "Gaoyang Community", "HT", (900.0, 900.0), 13, 4),
    Community("HT-02", "community", "平东社区", "Pingdong Community", "HT", (-700.0, 600.0), 7, 4),
    Community("HT-03", "community", "神马尼龙社区", "Shenma Nylon Community", "HT", (-700.0, -600.0), 7, 4),
    Community("HT-04", "village", "小营村", "Xiaoying Village", "HT", (-2900.0, 2600.0), 5, 4),
    Community("HT-05", "village", "任庄", "Renzhuang Village", "HT", (-300.0, 3000.0), 6, 4, assumed=True),
    Community("HT-06", "village", "屈庄村", "Quzhuang Village", "HT", (-3400.0, -500.0), 6, 4, assumed=True),
    Community("ZHD-01", "village", "戴庄村", "Daizhuang Village", "ZHD", (2600.0, 3000.0), 6, 4),
    Community("ZHD-02", "village", "张楼村", "Zhanglou Village", "ZHD", (1900.0, 600.0), 7, 4),
    Community("ZHD-03", "village", "西赵", "Xizhao Village", "ZHD", (3900.0, -400.0), 5, 4, assumed=True),
    Community("ZHD-04", "village", "霍张", "Huozhang Village", "ZHD", (-2900.0, -2700.0), 4, 3, assumed=True),
    Community(
        "ZHD-05", "village", "汶汝桥", "Wenruqiao Village", "ZHD", (-200.0, -2900.0), 4, 3, assumed=True
    ),
    Community("ZHD-06", "village", "溪庄", "Xizhuang Village", "ZHD", (2700.0, -2600.0), 4, 3, assumed=True),
)

# Hamlets: village code, middle in the design frame, radius in metres.
HAMLETS = (
    ("HT-04", -3180.0, 2950.0, 255.0), ("HT-04", -3650.0, 1620.0, 165.0), ("HT-05", -520.0, 3190.0, 285.0),
    ("HT-05", 690.0, 3230.0, 190.0), ("HT-06", -3420.0, -520.0, 290.0), ("HT-06", -3560.0, 620.0, 170.0),
    ("ZHD-01", 2050.0, 3180.0, 250.0), ("ZHD-01", 3130.0, 2980.0, 205.0), ("ZHD-02", 1890.0, -1010.0, 235.0),
    ("ZHD-03", 4170.0, 560.0, 205.0), ("ZHD-03", 4180.0, 1680.0, 150.0), ("ZHD-04", -2960.0, -2690.0, 275.0),
    ("ZHD-04", -1830.0, -2960.0, 175.0), ("ZHD-05", -480.0, -2850.0, 265.0),
    ("ZHD-05", 720.0, -3150.0, 190.0),
    ("ZHD-06", 2330.0, -2650.0, 280.0), ("ZHD-06", 3450.0, -2450.0, 185.0),
)  # fmt: skip


def park_of_cell(cell: str) -> Park | None:
    """The park that covers a town cell; None for the cells where people live."""
    return next((park for park in PARKS if cell in park.cells), None)
