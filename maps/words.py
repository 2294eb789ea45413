"""The words of the map views in both languages; fields and terms bring theirs from gridgov.models."""

from __future__ import annotations

from types import MappingProxyType

from gridgov.geo.words import Language, Words

WORDS = MappingProxyType(
    {
        "parks": Words("园区", "Parks"),
        "land": Words("土地", "Land"),
        "plants": Words("厂房", "Plants"),
        "grids": Words("网格", "Grids"),
        "parks.title": Words("园区范围与功能定位", "Park boundaries and functions"),
        "land.title": Words("用地现状与土地收储", "Land use and reserved land"),
        "plants.title": Words("闲置厂房与招商载体", "Idle plants and listings"),
        "grids.title": Words("社区网格与问题", "Community grids and issues"),
        "legend": Words("图例", "Legend"),
        "layers": Words("图层", "Layers"),
        "map": Words("地图", "Map"),
        "skip": Words("跳到列表", "Skip to the list"),
        "home": Words("首页", "Home"),
        "problem.remedy": Words(
            "请检查地址，或回到首页；若一直如此，请告诉管理员。",
            "Check the address or go to the first page; if it stays so, tell the administrator.",
        ),
        "other.language": Words("English", "中文"),
        "synthetic": Words("演示数据", "Demonstration data"),
        "data.date": Words("数据截至", "Data as of"),
        "crs": Words("坐标系 CGCS2000 / WGS 84 经纬度", "CRS CGCS2000 / WGS 84, longitude and latitude"),
        "empty": Words("本视图暂无数据。", "There is nothing to show in this view yet."),
        "empty.remedy": Words(
            "请导入数据，或登录后查看内部图层。", "Import data, or sign in to see the internal layers."
        ),
        "capped": Words(
            "“{layer}”共 {total} 个，本页只画前 {shown} 个；全部数据请用列表接口或导出。",
            "{layer}: {total} in all, only the first {shown} are drawn; use the lists or an export for all.",
        ),
        "ground": Words("道路、河流与绿地", "Roads, river and green"),
        "unknown": Words("未知", "unknown"),
        "yes": Words("是", "yes"),
        "no": Words("否", "no"),
        "assumed": Words("位置为假定", "place assumed"),
        "area.geodesic": Words("椭球面积", "geodesic area"),
        "parks.count": Words("个园区", "parks"),
        "parks.area": Words("园区面积", "area of all parks"),
        "reserved": Words("储备土地", "reserved land"),
        "reserved.by.stage": Words("储备土地（椭球面积）", "Reserved land (geodesic area)"),
        "reserved.parcels": Words("储备地块", "Reserved parcels"),
        "land.use": Words("用地类别", "Land use"),
        "stage": Words("进度", "Stage"),
        "parcels.count": Words("宗地块", "parcels"),
        "no.land.code": Words("未定用地类别", "land use not given"),
        "idle.area": Words("闲置面积", "idle area"),
        "planned.use": Words("计划盘活", "planned for reuse"),
        "listings.count": Words("处在招载体", "listings on offer"),
        "listings": Words("在招载体", "On offer"),
        "units": Words("可租单元", "Units"),
        "no.units": Words("没有登记可租单元。", "No units are recorded."),
        "vacancy": Words("使用状态", "Vacancy"),
        "floor": Words("{floor} 层", "floor {floor}"),
        "negotiable": Words("可议", "negotiable"),
        "vacant.days": Words("空置 {days} 天", "vacant for {days} days"),
        "verified.days": Words("{days} 天前核实", "verified {days} days ago"),
        "verified.today": Words("今天核实", "verified today"),
        "not.verified": Words("未核实", "not verified"),
        "communities": Words("社区和村", "Communities and villages"),
        "communities.count": Words("个社区和村", "communities and villages"),
        "grids.count": Words("个网格", "grids"),
        "micro_grids.count": Words("个微网格", "community grid cells"),
        "issues.open": Words("件未结案", "open issues"),
        "issues.closed": Words("件已结案", "closed issues"),
        "issues.open.layer": Words("未结案问题", "Open issues"),
        "issues.closed.layer": Words("已结案问题", "Closed issues"),
        "issues": Words("问题", "Issues"),
        "boundaries": Words("边界", "Boundaries"),
        "streets": Words("街道和镇", "Streets and towns"),
        "households": Words("户", "households"),
        "summary.open": Words("列表与图例", "List and legend"),
        "cranes": Words("行车", "cranes"),
        "cluster": Words("{count} 件问题", "{count} issues"),
        "zoom.in": Words("放大", "Zoom in"),
        "zoom.out": Words("缩小", "Zoom out"),
        "close": Words("关闭", "Close"),
        "mu": Words("亩", "mu"),
    }
)


def say(key: str, language: Language, **values: object) -> str:
    """The words of `key`, with `{name}` replaced from `values`. Raises KeyError for an unknown key."""
    text = WORDS[key].say(language)
    return text.format(**values) if values else text
