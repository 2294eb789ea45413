"""Names of coordinate systems: what is understood, what is refused, what files say."""

from __future__ import annotations

import pyproj
import pytest
from pyproj.enums import WktVersion

from gridgov import geo
from gridgov.errors import OutOfRange, UnknownCoordinateSystem, UnsupportedDatum


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("EPSG:4547", "EPSG:4547"),
        (" epsg:4547 ", "EPSG:4547"),
        ("4547", "EPSG:4547"),
        ("EPSG：4547", "EPSG:4547"),
        ("urn:ogc:def:crs:EPSG::4490", "EPSG:4490"),
        ("http://www.opengis.net/def/crs/EPSG/0/4490", "EPSG:4490"),
        ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "EPSG:4326"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"),
        ("CGCS2000", "EPSG:4490"),
        ("cgcs 2000", "EPSG:4490"),
        ("2000国家大地坐标系", "EPSG:4490"),
        ("WGS 84", "EPSG:4326"),
        ("wgs-84", "EPSG:4326"),
        ("3857", "EPSG:3857"),
        ("32649", "EPSG:32649"),
        ("GCJ-02", "gcj02"),
        ("gcj02", "gcj02"),
        ("高德", "gcj02"),
        ("BD-09", "bd09"),
        ("bd09ll", "bd09"),
        ("百度", "bd09"),
    ],
)
def test_names_that_are_understood(text: str, key: str) -> None:
    assert geo.parse_crs(text).key == key


@pytest.mark.parametrize("code", [*range(4491, 4555), 4490, 4326, 3857])
def test_every_supported_code_reads_back_from_its_key(code: int) -> None:
    assert geo.parse_crs(geo.Epsg(code).key) == geo.Epsg(code)


@pytest.mark.parametrize(
    "text",
    [
        "4610",
        "4214",
        "2327",
        "2362",
        "2390",
        "2401",
        "2442",
        "21413",
        "21463",
        "xian80",
        "西安80",
        "Beijing 1954",
    ],
)
def test_xian_1980_and_beijing_1954_are_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(UnsupportedDatum, match="survey office convert the file to CGCS2000"):
        geo.parse_crs(text)


@pytest.mark.parametrize("text", ["", "EPSG:", "999999", "Mercator", "EPSG:27700", "4979", "EPSG:4547; 4548"])
def test_anything_else_is_unknown(text: str) -> None:
    with pytest.raises(UnknownCoordinateSystem):
        geo.parse_crs(text)


@pytest.mark.parametrize("code", [4490, 4326, 4525, 4526, 4547, 4534, 4554, 4513, 4491, 4508, 3857])
@pytest.mark.parametrize("version", [WktVersion.WKT1_ESRI, WktVersion.WKT2_2019])
def test_the_wkt_of_a_file_leads_back_to_its_code(code: int, version: WktVersion) -> None:
    assert geo.crs_from_wkt(pyproj.CRS.from_epsg(code).to_wkt(version)) == geo.Epsg(code)


HOME_MADE = (
    'PROJCS["平顶山",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",'
    'SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
    'PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",{easting}],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",{meridian}],PARAMETER["Scale_Factor",{scale}],'
    'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)


@pytest.mark.parametrize(
    ("easting", "meridian", "scale", "code"),
    [
        (500000.0, 114.0, 1.0, 4547),
        (38500000.0, 114.0, 1.0, 4526),
        (19500000.0, 111.0, 1.0, 4497),
        (500000.0, 113.5, 1.0, None),
        (500000.0, 114.0, 0.9996, None),
        (400000.0, 114.0, 1.0, None),
    ],
    ids=["no prefix", "prefix", "6 degree", "odd meridian", "odd scale", "odd easting"],
)
def test_a_home_made_name_is_recognised_by_its_parameters_or_left_to_the_user(
    easting: float, meridian: float, scale: float, code: int | None
) -> None:
    found = geo.crs_from_wkt(HOME_MADE.format(easting=easting, meridian=meridian, scale=scale))
    assert found == (None if code is None else geo.Epsg(code))


def test_wkt_on_a_local_datum_is_refused() -> None:
    for code in (2362, 2436, 4610, 4214):
        wkt = pyproj.CRS.from_epsg(code).to_wkt(WktVersion.WKT1_ESRI)
        with pytest.raises(UnsupportedDatum):
            geo.crs_from_wkt(wkt)


@pytest.mark.parametrize(("axis", "datum"), [("6378140.0,298.257", "Xian"), ("6378245.0,298.3", "Beijing")])
def test_wkt_that_hides_a_local_datum_is_refused_by_its_ellipsoid(axis: str, datum: str) -> None:
    wkt = HOME_MADE.format(easting=500000.0, meridian=114.0, scale=1.0)
    wkt = wkt.replace("GCS_China_Geodetic_Coordinate_System_2000", "unnamed").replace(
        "D_China_2000", "unnamed"
    )
    wkt = wkt.replace('"CGCS2000",6378137.0,298.257222101', f'"unnamed",{axis}')
    with pytest.raises(UnsupportedDatum, match=datum):
        geo.crs_from_wkt(wkt)


@pytest.mark.parametrize("wkt", ["", "   ", "not wkt", pyproj.CRS.from_epsg(27700).to_wkt()])
def test_wkt_that_says_nothing_known_answers_none(wkt: str) -> None:
    assert geo.crs_from_wkt(wkt) is None


@pytest.mark.parametrize(
    ("lon", "zone"),
    [(113.3, 38), (112.5, 38), (112.49, 37), (115.49, 38), (115.5, 39), (75.0, 25), (135.0, 45)],
)
def test_three_degree_zone_of_a_longitude(lon: float, zone: int) -> None:
    assert geo.gauss_kruger_zone(lon) == zone


@pytest.mark.parametrize("lon", [73.4, 136.6, -113.3, float("nan"), 500.0])
def test_no_zone_outside_the_country(lon: float) -> None:
    with pytest.raises(OutOfRange, match="3-degree zone"):
        geo.gauss_kruger_zone(lon)


def test_labels_tell_prefixed_grids_from_plain_ones_in_both_languages() -> None:
    assert geo.Epsg(4526).label("zh") == "CGCS2000 3度带 第38带(坐标带带号)"
    assert (
        geo.Epsg(4547).label("en") == "CGCS2000 3-degree grid, central meridian 114 E, easting without prefix"
    )
    assert geo.Epsg(4497).label("en") == "CGCS2000 6-degree zone 19, easting with zone prefix"
    assert geo.Epsg(32649).label("en") == "WGS 84 / UTM zone 49N (EPSG:32649)"
    assert geo.Gcj02().label("zh") == "GCJ-02(高德、腾讯地图坐标)"
    assert geo.Bd09().label("en") == "BD-09 (Baidu)"


@pytest.mark.parametrize("code", range(4513, 4555))
def test_the_label_of_each_grid_names_the_meridian_or_zone_of_the_register(code: int) -> None:
    name = pyproj.CRS.from_epsg(code).name
    words = name.rsplit(" ", maxsplit=1)[-1].removesuffix("E")
    assert words in geo.Epsg(code).label("en")
