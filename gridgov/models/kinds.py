"""The record kinds of gridgov, one table each (DESIGN §3). See fields.py for what a column means."""

from __future__ import annotations

from types import MappingProxyType

from gridgov.models import vocabulary as words
from gridgov.models.fields import Audience, Field, FieldType, GeometryType, RecordKind

T = FieldType
STAFF = Audience.STAFF


def _name(required: bool = True) -> tuple[Field, Field]:
    return (
        Field(
            "name_zh",
            T.TEXT,
            "名称",
            "name (Chinese)",
            required=required,
            aliases=("name", "中文名称", "标题"),
        ),
        Field("name_en", T.TEXT, "英文名称", "name (English)"),
    )


_VISIBILITY = Field(
    "visibility",
    T.CHOICE,
    "公开范围",
    "visibility",
    vocabulary=words.VISIBILITIES,
    default="public",
    required=True,
)
_PARK = Field("park_code", T.CODE, "所属园区编号", "park code", max_length=64, aliases=("园区", "所属园区"))
_SOURCE = (
    Field("source_document", T.TEXT, "来源文件", "source document"),
    Field("source_date", T.DAY, "来源日期", "source date"),
    Field("synthetic", T.BOOLEAN, "演示数据", "synthetic", default=False),
    Field("notes", T.TEXT, "备注", "notes", max_length=2000, audience=STAFF),
)
_AREAS = (
    Field("area_geodesic_m2", T.NUMBER, "椭球面积", "geodesic area", unit="m²", system=True),
    Field("area_grid_m2", T.NUMBER, "投影面积", "grid area", unit="m²", system=True),
)

AREAS = RecordKind(
    "areas",
    "区域",
    "areas",
    (
        Field(
            "kind",
            T.CHOICE,
            "区域类型",
            "area kind",
            vocabulary=words.AREA_KINDS,
            required=True,
            aliases=("类型",),
        ),
        *_name(),
        Field("parent_id", T.REFERENCE, "上级区域", "parent area", refers_to="areas"),
        Field("assumed", T.BOOLEAN, "位置为假定", "place assumed", default=False),
        Field("function", T.TEXT, "功能定位", "function", max_length=500),
        Field("industries", T.LIST, "主导产业", "leading industries"),
        Field("households", T.INTEGER, "户数", "households", minimum=0),
        Field(
            "area_claimed_mu",
            T.NUMBER,
            "面积（亩）",
            "claimed area",
            unit="mu",
            minimum=0,
            aliases=("面积(亩)", "面积亩", "亩"),
        ),
        Field("edition_set", T.INTEGER, "边界版本", "edition set", system=True),
        *_AREAS,
        *_SOURCE,
    ),
    geometry=GeometryType.POLYGON,
)

BUILDINGS = RecordKind(
    "buildings",
    "楼栋",
    "buildings",
    (
        *_name(required=False),
        Field("estate_id", T.REFERENCE, "所属小区", "estate", refers_to="areas"),
        Field("address", T.TEXT, "地址", "address"),
        Field("storeys", T.INTEGER, "层数", "storeys", minimum=-5, maximum=200),
        Field("entrances", T.INTEGER, "单元数", "entrances", minimum=0, maximum=50),
        Field("households", T.INTEGER, "户数", "households", minimum=0),
        *_AREAS,
        *_SOURCE,
    ),
    geometry=GeometryType.POLYGON,
)

PARCELS = RecordKind(
    "parcels",
    "地块",
    "parcels",
    (
        *_name(required=False),
        Field(
            "land_scheme",
            T.CHOICE,
            "用地分类标准",
            "land-use scheme",
            vocabulary=words.LAND_SCHEMES,
            aliases=("分类标准",),
        ),
        Field(
            "land_code",
            T.CODE,
            "现状用地代码",
            "current land-use code",
            max_length=12,
            aliases=("用地代码", "地类编码", "用地性质代码", "land_use"),
        ),
        Field(
            "planned_scheme",
            T.CHOICE,
            "规划用地分类标准",
            "planned land-use scheme",
            vocabulary=words.LAND_SCHEMES,
        ),
        Field(
            "planned_code",
            T.CODE,
            "规划用地代码",
            "planned land-use code",
            max_length=12,
            aliases=("规划用途代码",),
        ),
        Field("stage", T.CHOICE, "进度", "stage", vocabulary=words.PARCEL_STAGES, aliases=("阶段", "状态")),
        Field("rights_clear", T.BOOLEAN, "净地", "rights clear"),
        Field("site_readiness", T.CHOICE, "通平程度", "site readiness", vocabulary=words.SITE_READINESS),
        Field("tenure", T.CHOICE, "权属", "tenure", vocabulary=words.TENURES),
        Field("right_holder", T.TEXT, "使用权人", "right holder", audience=STAFF),
        Field("cadastral_unit", T.CODE, "不动产单元号", "cadastral unit number", max_length=28),
        Field("address", T.TEXT, "坐落", "address"),
        _PARK,
        Field(
            "area_claimed_m2",
            T.NUMBER,
            "证载面积",
            "claimed area",
            unit="m²",
            minimum=0,
            aliases=("面积", "面积(平方米)", "面积（平方米）", "宗地面积"),
        ),
        Field(
            "area_claimed_mu",
            T.NUMBER,
            "证载面积（亩）",
            "claimed area in mu",
            unit="mu",
            minimum=0,
            aliases=("面积(亩)", "面积（亩）", "面积亩", "亩"),
        ),
        Field("plot_ratio_min", T.NUMBER, "容积率下限", "plot ratio, lower", minimum=0, maximum=50),
        Field("plot_ratio_max", T.NUMBER, "容积率上限", "plot ratio, upper", minimum=0, maximum=50),
        Field("agreed_start", T.DAY, "约定动工日期", "agreed start", audience=STAFF),
        Field("plan_year", T.INTEGER, "计划年度", "plan year", minimum=1949, maximum=2100),
        Field("as_of", T.DAY, "数据日期", "as-of date"),
        Field("previously_part_of", T.LIST, "拆分合并来源", "previously part of"),
        _VISIBILITY,
        *_AREAS,
        *_SOURCE,
    ),
    geometry=GeometryType.POLYGON,
)

PLANTS = RecordKind(
    "plants",
    "厂房",
    "plants",
    (
        *_name(),
        Field("parcel_id", T.REFERENCE, "所在地块", "parcel", refers_to="parcels"),
        _PARK,
        Field("address", T.TEXT, "地址", "address"),
        Field("structure", T.CHOICE, "结构", "structure", vocabulary=words.STRUCTURES),
        Field("built_year", T.INTEGER, "建成年份", "year built", minimum=1949, maximum=2100),
        Field("storeys", T.INTEGER, "层数", "storeys", minimum=1, maximum=60),
        Field("floor_area_m2", T.NUMBER, "建筑面积", "floor area", unit="m²", minimum=0, aliases=("面积",)),
        Field("idle_area_m2", T.NUMBER, "闲置面积", "idle area", unit="m²", minimum=0),
        Field("planned_use_m2", T.NUMBER, "计划盘活面积", "area planned for reuse", unit="m²", minimum=0),
        Field("vacancy", T.CHOICE, "使用状态", "vacancy", vocabulary=words.VACANCIES, default="unknown"),
        Field("transformer_kva", T.NUMBER, "变压器容量", "transformer", unit="kVA", minimum=0),
        Field("fire_class", T.CHOICE, "火灾危险性", "fire hazard class", vocabulary=words.FIRE_CLASSES),
        Field("fire_accepted", T.BOOLEAN, "消防验收", "fire acceptance"),
        Field("verified_on", T.DAY, "核实日期", "verified on"),
        Field("unknown", T.OBJECT, "未知原因", "reasons for unknown values", default={}),
        _VISIBILITY,
        *_AREAS,
        *_SOURCE,
    ),
    geometry=GeometryType.POLYGON,
)

UNITS = RecordKind(
    "units",
    "可租单元",
    "units",
    (
        Field("name_zh", T.TEXT, "名称", "name (Chinese)"),
        Field("plant_id", T.REFERENCE, "所在厂房", "plant", refers_to="plants", required=True),
        Field("floor", T.INTEGER, "楼层", "floor", minimum=-5, maximum=200),
        Field("lettable_m2", T.NUMBER, "可租面积", "lettable area", unit="m²", minimum=0),
        Field("smallest_m2", T.NUMBER, "可分割最小面积", "smallest divisible area", unit="m²", minimum=0),
        Field("clear_height_m", T.NUMBER, "净高", "clear height", unit="m", minimum=0, maximum=60),
        Field(
            "crane_rail_height_m", T.NUMBER, "轨顶标高", "crane rail height", unit="m", minimum=0, maximum=60
        ),
        Field("hook_height_m", T.NUMBER, "吊钩高度", "hook height", unit="m", minimum=0, maximum=60),
        Field("span_m", T.NUMBER, "跨度", "span", unit="m", minimum=0, maximum=200),
        Field("floor_load_kn_m2", T.NUMBER, "楼面荷载", "floor load", unit="kN/m²", minimum=0, maximum=500),
        Field("cranes", T.LIST, "行车", "cranes", default=[]),
        Field("goods_lift_t", T.NUMBER, "货梯载重", "goods lift", unit="t", minimum=0, maximum=50),
        Field("spare_kva", T.NUMBER, "可用电容量", "spare power", unit="kVA", minimum=0),
        Field("dual_feed", T.BOOLEAN, "双回路供电", "dual feed"),
        Field("vacancy", T.CHOICE, "使用状态", "vacancy", vocabulary=words.VACANCIES, default="unknown"),
        Field("vacant_since", T.DAY, "空置起始日", "vacant since"),
        Field("vacancy_reason", T.TEXT, "空置原因", "reason for vacancy", audience=STAFF),
        Field("last_user", T.TEXT, "上一使用单位", "last user", audience=STAFF),
        Field("price_yuan_m2_month", T.NUMBER, "租金", "rent", unit="yuan/m²/month", minimum=0),
        Field("verified_on", T.DAY, "核实日期", "verified on"),
        Field("unknown", T.OBJECT, "未知原因", "reasons for unknown values", default={}),
        _VISIBILITY,
        *_SOURCE,
    ),
)

LISTINGS = RecordKind(
    "listings",
    "招商载体",
    "listings",
    (
        Field("title", T.TEXT, "标题", "title", required=True, aliases=("名称",)),
        Field("asset_kind", T.CHOICE, "载体类型", "asset kind", vocabulary=words.ASSET_KINDS, required=True),
        Field("asset_id", T.REFERENCE, "载体", "asset", max_length=36, required=True),
        Field("offer", T.CHOICE, "供应方式", "offer", vocabulary=words.OFFERS, required=True),
        Field("area_m2", T.NUMBER, "面积", "area", unit="m²", minimum=0),
        Field("price", T.NUMBER, "价格", "price", minimum=0),
        Field("price_unit", T.TEXT, "价格单位", "price unit", max_length=40),
        Field("negotiable", T.BOOLEAN, "可议价", "negotiable"),
        Field("available_from", T.DAY, "可交付日期", "available from"),
        Field("target_industries", T.LIST, "目标产业", "target industries", default=[]),
        Field("policy", T.TEXT, "优惠政策", "preferential policy", max_length=2000),
        Field("mandate", T.OBJECT, "招商委托", "owner's mandate", default={}, audience=STAFF),
        Field("verified_on", T.DAY, "核实日期", "verified on"),
        Field("published_at", T.INSTANT, "发布时间", "published at"),
        Field("expires_at", T.INSTANT, "到期时间", "expires at"),
        Field("contact_id", T.CODE, "联系人", "contact", max_length=36, audience=STAFF, system=True),
        *_SOURCE,
    ),
    geometry=GeometryType.POINT,
    live=("published_at", "expires_at"),
)

FACILITIES = RecordKind(
    "facilities",
    "公共设施",
    "facilities",
    (
        Field("kind", T.CHOICE, "设施类型", "facility kind", vocabulary=words.FACILITY_KINDS, required=True),
        *_name(),
        Field("address", T.TEXT, "地址", "address"),
        Field("stars", T.INTEGER, "星级", "stars", minimum=1, maximum=5),
        Field("owner", T.TEXT, "管养单位", "owner"),
        _VISIBILITY,
        *_SOURCE,
    ),
    geometry=GeometryType.ANY,
)

ISSUES = RecordKind(
    "issues",
    "问题",
    "issues",
    (
        Field("category", T.CHOICE, "类别", "category", vocabulary=words.ISSUE_CATEGORIES, required=True),
        Field("title", T.TEXT, "标题", "title", max_length=120, audience=STAFF),
        Field(
            "status",
            T.CHOICE,
            "状态",
            "status",
            vocabulary=words.ISSUE_STATUSES,
            default="reported",
            system=True,
        ),
        Field("source", T.CHOICE, "来源", "source", vocabulary=words.ISSUE_SOURCES, default="patrol"),
        Field(
            "position_source",
            T.CHOICE,
            "位置来源",
            "position source",
            vocabulary=words.POSITION_SOURCES,
            default="hand",
        ),
        Field("accuracy_m", T.NUMBER, "定位精度", "GPS accuracy", unit="m", minimum=0, maximum=100000),
        Field("building_id", T.REFERENCE, "楼栋", "building", refers_to="buildings"),
        Field("entrance", T.TEXT, "单元", "entrance", max_length=20, audience=STAFF),
        Field("floor", T.TEXT, "楼层", "floor", max_length=20, audience=STAFF),
        Field("department_id", T.REFERENCE, "职能部门", "department", refers_to="departments"),
        Field("reported_at", T.INSTANT, "上报时间", "reported at"),
        Field("warn_at", T.INSTANT, "预警时间", "warn at", system=True),
        Field("due_at", T.INSTANT, "办理时限", "due at"),
        Field("closed_at", T.INSTANT, "结案时间", "closed at", system=True),
        Field("contact_id", T.CODE, "反映人", "reporter", max_length=36, audience=STAFF, system=True),
        Field("synthetic", T.BOOLEAN, "演示数据", "synthetic", default=False),
    ),
    geometry=GeometryType.POINT,
)

DEPARTMENTS = RecordKind(
    "departments",
    "部门",
    "departments",
    (
        *_name(),
        Field(
            "kind",
            T.CHOICE,
            "部门类型",
            "department kind",
            vocabulary=words.DEPARTMENT_KINDS,
            default="department",
        ),
        Field("synthetic", T.BOOLEAN, "演示数据", "synthetic", default=False),
    ),
)

# In dependency order: a kind refers only to itself or to kinds above it. Also the fixed order of revision rows.
KINDS = MappingProxyType(
    {
        kind.name: kind
        for kind in (DEPARTMENTS, AREAS, BUILDINGS, PARCELS, PLANTS, UNITS, LISTINGS, FACILITIES, ISSUES)
    }
)
