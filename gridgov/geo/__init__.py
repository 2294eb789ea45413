"""Spatial truth: coordinate systems, areas, lengths, repair and exact predicates.

Inside gridgov a geometry is always longitude, latitude in degrees (EPSG:4326, equal to CGCS2000 here),
two-dimensional, valid, exterior counter-clockwise. Everything else exists only at the edge, by this package.
docs/coordinates.md explains the choices.
"""

from gridgov.geo.coverage import CoverageFault, coverage_faults
from gridgov.geo.crs import (
    CGCS2000,
    WEB_MERCATOR,
    WGS84,
    Bd09,
    CoordinateSystem,
    Epsg,
    Gcj02,
    crs_from_wkt,
    gauss_kruger_zone,
    grid_crs,
    parse_crs,
)
from gridgov.geo.distance import (
    border_distance,
    distance_to_point,
    geodesic_distance,
    geodesic_length,
    nearest_places,
)
from gridgov.geo.ellipsoid import metres_per_degree
from gridgov.geo.measure import (
    SQUARE_METRES_PER_MU,
    AreaKind,
    geodesic_area,
    grid_area,
    mu_to_square_metres,
    square_metres_to_mu,
    stored_area,
    to_hectares,
)
from gridgov.geo.offset import (
    bd09_to_gcj02,
    bd09_to_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)
from gridgov.geo.predicates import contains_point, interior_point, intersects_box, shares
from gridgov.geo.propose import BetterFit, Proposal, fits_better_as, propose_crs
from gridgov.geo.ragged import RaggedPolygons, ragged
from gridgov.geo.raw import polygon_from_rings, read_wkb
from gridgov.geo.shapes import (
    Family,
    Finding,
    FindingKind,
    clean,
    inspect,
    normalise,
)
from gridgov.geo.transform import (
    AxisOrder,
    as_geometries,
    coordinates_in,
    from_lonlat,
    lonlat_of,
    points_to_lonlat,
    swap_axes,
    to_lonlat,
    to_web_mercator,
)
from gridgov.geo.words import Language, Words

__all__ = [
    "CGCS2000",
    "SQUARE_METRES_PER_MU",
    "WEB_MERCATOR",
    "WGS84",
    "AreaKind",
    "AxisOrder",
    "Bd09",
    "BetterFit",
    "CoordinateSystem",
    "CoverageFault",
    "Epsg",
    "Family",
    "Finding",
    "FindingKind",
    "Gcj02",
    "Language",
    "Proposal",
    "RaggedPolygons",
    "Words",
    "as_geometries",
    "bd09_to_gcj02",
    "bd09_to_wgs84",
    "border_distance",
    "clean",
    "contains_point",
    "coordinates_in",
    "coverage_faults",
    "crs_from_wkt",
    "distance_to_point",
    "fits_better_as",
    "from_lonlat",
    "gauss_kruger_zone",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "geodesic_area",
    "geodesic_distance",
    "geodesic_length",
    "grid_area",
    "grid_crs",
    "inspect",
    "interior_point",
    "intersects_box",
    "lonlat_of",
    "metres_per_degree",
    "mu_to_square_metres",
    "nearest_places",
    "normalise",
    "parse_crs",
    "points_to_lonlat",
    "polygon_from_rings",
    "propose_crs",
    "ragged",
    "read_wkb",
    "shares",
    "square_metres_to_mu",
    "stored_area",
    "swap_axes",
    "to_hectares",
    "to_lonlat",
    "to_web_mercator",
    "wgs84_to_bd09",
    "wgs84_to_gcj02",
]
