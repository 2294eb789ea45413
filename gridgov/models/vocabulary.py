"""The closed lists of the field, each with its stored English code, Chinese and English label."""

from __future__ import annotations

from gridgov.models.fields import Vocabulary

AREA_KINDS = Vocabulary(
    "area kind",
    ("district", "区县", "district or county"),  # reference only: stands above the zone, links nothing
    ("zone", "开发区", "zone"),
    ("park", "园区", "park"),
    ("street", "街道", "street"),
    ("town", "镇", "town"),
    ("community", "社区", "community"),
    ("village", "村", "village"),
    ("grid", "网格", "grid"),
    ("micro_grid", "微网格", "community grid cell"),
    ("estate", "小区", "estate"),
)

LINK_LEVELS = Vocabulary(
    "link level",
    ("zone", "开发区", "zone"),
    ("park", "园区", "park"),
    ("street", "街道/镇", "street or town"),
    ("community", "社区/村", "community or village"),
    ("grid", "网格", "grid"),
    ("micro_grid", "微网格", "community grid cell"),
    ("estate", "小区", "estate"),
)

# A point has one area of each level; a street and a town are one level, a community and a village too.
LEVEL_OF_KIND = {
    "zone": "zone",
    "park": "park",
    "street": "street",
    "town": "street",
    "community": "community",
    "village": "community",
    "grid": "grid",
    "micro_grid": "micro_grid",
    "estate": "estate",
}

# The level a level's parent stands on: two trees under the zone, and estates inside communities.
PARENT_LEVEL = {
    "park": "zone",
    "street": "zone",
    "community": "street",
    "grid": "community",
    "micro_grid": "grid",
    "estate": "community",
}

LINK_RULES = Vocabulary(
    "link rule",
    ("contains", "落在其中", "lies inside"),
    ("border", "边界归并", "on a shared border"),
    ("nearest", "就近归属", "nearest area"),
    ("outside", "不在其中", "outside"),
    ("share", "面积占比", "share of area"),
)

PARCEL_STAGES = Vocabulary(
    "parcel stage",
    ("proposed", "拟征", "proposed for taking"),
    ("submitted", "已报批", "submitted for approval"),
    ("approved", "已批", "approved"),
    ("compensation", "征收补偿", "compensation under way"),
    ("reserved", "已收储", "taken into reserve"),
    ("preparing", "前期开发", "early development"),
    ("clear", "净地", "clear land"),
    ("listed", "挂牌", "listed for sale"),
    ("sold", "成交", "sold"),
    ("not_started", "未动工", "not started"),
    ("building", "在建", "under construction"),
    ("completed", "竣工", "completed"),
    ("recovered", "收回", "taken back"),
)

# Stages in which land counts as reserved (S2): the zone holds it and has not sold it.
RESERVED_STAGES = ("reserved", "preparing", "clear", "listed")

LAND_SCHEMES = Vocabulary(
    "land-use scheme",
    ("ydyh-2023", "用地用海分类指南（2023）", "land and sea use classes, 2023"),
    ("ydyh-2020", "用地用海分类指南（2020试行）", "land and sea use classes, 2020 trial"),
    ("sd-2019", "第三次国土调查分类", "third national land survey"),
)

TENURES = Vocabulary("tenure", ("state", "国有", "state-owned"), ("collective", "集体", "collective"))

SITE_READINESS = Vocabulary(
    "site readiness",
    ("raw", "生地", "raw land"),
    ("three_services", "三通一平", "three services and levelled"),
    ("five_services", "五通一平", "five services and levelled"),
    ("seven_services", "七通一平", "seven services and levelled"),
)

VISIBILITIES = Vocabulary(
    "visibility",
    ("public", "公开", "public"),
    ("internal", "内部", "internal"),
)

STRUCTURES = Vocabulary(
    "structure",
    ("steel", "钢结构", "steel"),
    ("frame", "框架结构", "concrete frame"),
    ("bent", "排架结构", "bent frame"),
    ("brick", "砖混结构", "brick and concrete"),
)

VACANCIES = Vocabulary(
    "vacancy",
    ("vacant", "空置", "vacant"),
    ("part_vacant", "部分空置", "partly vacant"),
    ("let", "已出租", "let"),
    ("own_use", "自用", "own use"),
    ("planned", "计划盘活", "planned for reuse"),
    ("unknown", "未核实", "not verified"),
)

FIRE_CLASSES = Vocabulary(
    "fire hazard class",
    ("a", "甲类", "class A"),
    ("b", "乙类", "class B"),
    ("c", "丙类", "class C"),
    ("d", "丁类", "class D"),
    ("e", "戊类", "class E"),
)

OFFERS = Vocabulary(
    "offer",
    ("let", "出租", "to let"),
    ("sell", "转让", "for sale"),
    ("grant", "出让", "land grant"),
    ("joint", "合作", "joint use"),
    ("build_to_order", "代建", "built to order"),
)

ASSET_KINDS = Vocabulary("asset kind", ("units", "可租单元", "unit"), ("parcels", "地块", "parcel"))

FACILITY_KINDS = Vocabulary(
    "facility kind",
    ("toilet", "公厕", "public toilet"),
    ("pocket_park", "口袋公园", "pocket park"),
    ("elderly_care", "养老服务站", "elderly-care station"),
    ("kindergarten", "幼儿园", "kindergarten"),
    ("school", "学校", "school"),
    ("clinic", "卫生服务站", "clinic"),
    ("fire_station", "消防站", "fire station"),
    ("substation", "变电站", "substation"),
    ("bus_stop", "公交站", "bus stop"),
    ("road", "道路", "road"),
    ("green", "绿地", "green space"),
    ("water", "河渠", "river or canal"),
)

ISSUE_CATEGORIES = Vocabulary(
    "issue category",
    ("sanitation", "环境卫生", "sanitation"),
    ("weeds", "杂草蚊虫", "weeds and mosquitoes"),
    ("stairwell_clutter", "楼道堆物", "clutter in stairwells"),
    ("fire_lane", "消防通道堵塞", "blocked fire lane"),
    ("charging_wire", "飞线充电", "unsafe charging wires"),
    ("road_damage", "道路破损", "road damage"),
    ("street_light", "路灯不亮", "street light out"),
    ("manhole", "井盖缺损", "manhole cover"),
    ("water_supply", "供水", "water supply"),
    ("power_supply", "供电", "power supply"),
    ("gas", "燃气", "gas"),
    ("heating", "供热", "heating"),
    ("sewage", "排水排污", "sewage"),
    ("waste", "垃圾清运", "waste collection"),
    ("noise", "噪声油烟", "noise and fumes"),
    ("dispute", "矛盾纠纷", "dispute"),
    ("hidden_danger", "安全隐患", "hidden danger"),
    ("land", "用地", "land"),
    ("plant_space", "厂房", "plant space"),
    ("funds", "资金", "funds"),
    ("labour", "用工", "labour"),
    ("environment", "环保手续", "environmental permits"),
    ("other", "其他", "other"),
)

# Issue categories never shown to the public, even by a zone that opens its issues (S26).
CONFIDENTIAL_CATEGORIES = ("dispute",)

ISSUE_STATUSES = Vocabulary(
    "issue status",
    ("reported", "已上报", "reported"),
    ("closed", "已结案", "closed"),
)

ISSUE_SOURCES = Vocabulary(
    "issue source",
    ("patrol", "日常巡查", "daily patrol"),
    ("resident", "居民反映", "resident"),
    ("enterprise", "企业反映", "enterprise"),
    ("hotline", "热线来信", "hotline or letter"),
)

POSITION_SOURCES = Vocabulary(
    "position source",
    ("gps", "定位", "GPS"),
    ("hand", "手动选点", "placed by hand"),
    ("building", "按楼栋", "by building"),
    ("photo", "照片位置", "from a photo"),
    ("import", "导入", "imported"),
)

DEPARTMENT_KINDS = Vocabulary(
    "department kind",
    ("department", "职能部门", "department"),
    ("street_office", "街道办/镇政府", "street or town office"),
    ("park_office", "园区管理机构", "park office"),
    ("platform_company", "平台公司", "platform company"),
    ("property_company", "物业公司", "property company"),
)

UNKNOWN_REASONS = Vocabulary(
    "reason for unknown",
    ("not_asked", "未询问", "not asked"),
    ("refused", "对方未提供", "refused"),
    ("not_measured", "未测量", "not measured"),
)

EDITION_OPERATIONS = Vocabulary(
    "edition operation",
    ("first", "首次入库", "first boundary"),
    ("redraw", "边界调整", "redrawn"),
    ("split", "拆分", "split"),
    ("merge", "合并", "merge"),
)

ROLES = Vocabulary(
    "role",
    ("public", "公众", "public"),
    ("grid_worker", "网格员", "grid worker"),
    ("staff", "工作人员", "staff"),
    ("admin", "管理员", "administrator"),
    ("system", "系统", "system"),
)
