-- The foundation of the map file: GeoPackage bookkeeping, records, editions, links, events.

CREATE TABLE schema_migrations (
    number INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at DATETIME NOT NULL
);

CREATE TABLE gpkg_spatial_ref_sys (
    srs_name TEXT NOT NULL,
    srs_id INTEGER NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL,
    definition TEXT NOT NULL,
    description TEXT
);
CREATE TABLE gpkg_contents (
    table_name TEXT NOT NULL PRIMARY KEY,
    data_type TEXT NOT NULL,
    identifier TEXT UNIQUE,
    description TEXT DEFAULT '',
    last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    min_x DOUBLE,
    min_y DOUBLE,
    max_x DOUBLE,
    max_y DOUBLE,
    srs_id INTEGER REFERENCES gpkg_spatial_ref_sys (srs_id)
);
CREATE TABLE gpkg_geometry_columns (
    table_name TEXT NOT NULL UNIQUE REFERENCES gpkg_contents (table_name),
    column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL,
    srs_id INTEGER NOT NULL REFERENCES gpkg_spatial_ref_sys (srs_id),
    z TINYINT NOT NULL,
    m TINYINT NOT NULL,
    PRIMARY KEY (table_name, column_name)
);
CREATE TABLE gpkg_extensions (
    table_name TEXT,
    column_name TEXT,
    extension_name TEXT NOT NULL,
    definition TEXT NOT NULL,
    scope TEXT NOT NULL,
    UNIQUE (table_name, column_name, extension_name)
);
-- QGIS reads its styles from this table and draws the layers coloured.
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY,
    f_table_catalog TEXT,
    f_table_schema TEXT,
    f_table_name TEXT,
    f_geometry_column TEXT,
    styleName TEXT,
    styleQML TEXT,
    styleSLD TEXT,
    useAsDefault BOOLEAN,
    description TEXT,
    owner TEXT,
    ui TEXT,
    update_time DATETIME
);

INSERT INTO gpkg_spatial_ref_sys VALUES ('Undefined Cartesian', -1, 'NONE', -1, 'undefined', NULL);
INSERT INTO gpkg_spatial_ref_sys VALUES ('Undefined geographic', 0, 'NONE', 0, 'undefined', NULL);
INSERT INTO gpkg_spatial_ref_sys VALUES ('WGS 84', 4326, 'EPSG', 4326, 'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]', 'longitude, latitude in degrees; equal to CGCS2000 here');

CREATE TABLE zones (
    zone TEXT(64) NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT,
    division_code TEXT(12),
    opened_issues BOOLEAN DEFAULT false NOT NULL,
    created_at DATETIME NOT NULL,
    PRIMARY KEY (zone)
);

CREATE TABLE revisions (
    zone TEXT(64) NOT NULL,
    kind TEXT(40) NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (zone, kind)
);

CREATE TABLE counters (
    zone TEXT(64) NOT NULL,
    name TEXT(80) NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (zone, name)
);

CREATE TABLE departments (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    code TEXT(64) NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    valid_from DATETIME NOT NULL,
    valid_to DATETIME,
    created_at DATETIME NOT NULL,
    created_by TEXT(200) NOT NULL,
    changed_at DATETIME NOT NULL,
    changed_by TEXT(200) NOT NULL,
    payload_hash TEXT(200) NOT NULL,
    name_zh TEXT,
    name_en TEXT,
    kind TEXT(40),
    synthetic BOOLEAN,
    CONSTRAINT departments_zone_id UNIQUE (zone, id)
);
CREATE UNIQUE INDEX departments_living_code ON departments (zone, code) WHERE valid_to IS NULL;
CREATE INDEX departments_revision ON departments (zone, revision);

CREATE TABLE areas (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    code TEXT(64) NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    valid_from DATETIME NOT NULL,
    valid_to DATETIME,
    created_at DATETIME NOT NULL,
    created_by TEXT(200) NOT NULL,
    changed_at DATETIME NOT NULL,
    changed_by TEXT(200) NOT NULL,
    payload_hash TEXT(200) NOT NULL,
    kind TEXT(40),
    name_zh TEXT,
    name_en TEXT,
    parent_id TEXT(36),
    assumed BOOLEAN,
    function TEXT,
    industries TEXT,
    households INTEGER,
    area_claimed_mu REAL,
    edition_set INTEGER,
    area_geodesic_m2 REAL,
    area_grid_m2 REAL,
    source_document TEXT,
    source_date DATE,
    synthetic BOOLEAN,
    notes TEXT,
    geometry GEOMETRY NOT NULL,
    CONSTRAINT areas_zone_id UNIQUE (zone, id),
    CONSTRAINT areas_parent_id FOREIGN KEY(zone, parent_id) REFERENCES areas (zone, id)
);
CREATE INDEX areas_by_parent_id ON areas (zone, parent_id);
CREATE UNIQUE INDEX areas_living_code ON areas (zone, code) WHERE valid_to IS NULL;
CREATE INDEX areas_revision ON areas (zone, revision);

CREATE TABLE buildings (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    code TEXT(64) NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    valid_from DATETIME NOT NULL,
    valid_to DATETIME,
    created_at DATETIME NOT NULL,
    created_by TEXT(200) NOT NULL,
    changed_at DATETIME NOT NULL,
    changed_by TEXT(200) NOT NULL,
    payload_hash TEXT(200) NOT NULL,
    name_zh TEXT,
    name_en TEXT,
    estate_id TEXT(36),
    address TEXT,
    storeys INTEGER,
    entrances INTEGER,
    households INTEGER,
    area_geodesic_m2 REAL,
    area_grid_m2 REAL,
    source_document TEXT,
    source_date DATE,
    synthetic BOOLEAN,
    notes TEXT,
    geometry GEOMETRY NOT NULL,
    CONSTRAINT buildings_zone_id UNIQUE (zone, id),
    CONSTRAINT buildings_estate_id FOREIGN KEY(zone, estate_id) REFERENCES areas (zone, id)
);
CREATE INDEX buildings_by_estate_id ON buildings (zone, estate_id);
CREATE UNIQUE INDEX buildings_living_code ON buildings (zone, code) WHERE valid_to IS NULL;
CREATE INDEX buildings_revision ON buildings (zone, revision);

CREATE TABLE parcels (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    code TEXT(64) NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    valid_from DATETIME NOT NULL,
    valid_to DATETIME,
    created_at DATETIME NOT NULL,
    created_by TEXT(200) NOT NULL,
    changed_at DATETIME NOT NULL,
    changed_by TEXT(200) NOT NULL,
    payload_hash TEXT(200) NOT NULL,
    name_zh TEXT,
    name_en TEXT,
    land_scheme TEXT(40),
    land_code TEXT(12),
    planned_scheme TEXT(40),
    planned_code TEXT(12),
    stage TEXT(40),
    rights_clear BOOLEAN,
    site_readiness TEXT(40),
    tenure TEXT(40),
    right_holder TEXT,
    cadastral_unit TEXT(28),
    address TEXT,
    park_code TEXT(64),
    area_claimed_m2 REAL,
    area_claimed_mu REAL,
    plot_ratio_min REAL,
    plot_ratio_max REAL,
    agreed_start DATE,
    plan_year INTEGER,
    as_of DATE,
    previously_part_of TEXT,
    visibility TEXT(40),
    area_geodesic_m2 REAL,
    area_grid_m2 REAL,
    source_document TEXT,
    source_date DATE,
    synthetic BOOLEAN,
    notes TEXT,
    geometry GEOMETRY NOT NULL,
    CONSTRAINT parcels_zone_id UNIQUE (zone, id)
);
CREATE UNIQUE INDEX parcels_living_code ON parcels (zone, code) WHERE valid_to IS NULL;
CREATE INDEX parcels_revision ON parcels (zone, revision);

CREATE TABLE plants (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    code TEXT(64) NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    valid_from DATETIME NOT NULL,
    valid_to DATETIME,
    created_at DATETIME NOT NULL,
    created_by TEXT(200) NOT NULL,
    changed_at DATETIME NOT NULL,
    changed_by TEXT(200) NOT NULL,
    payload_hash TEXT(200) NOT NULL,
    name_zh TEXT,
    name_en TEXT,
    parcel_id TEXT(36),
    park_code TEXT(64),
    address TEXT,
    structure TEXT(40),
    built_year INTEGER,
    storeys INTEGER,
    floor_area_m2 REAL,
    idle_area_m2 REAL,
    planned_use_m2 REAL,
    vacancy TEXT(40),
    transformer_kva REAL,
    fire_class TEXT(40),
    fire_accepted BOOLEAN,
    verified_on DATE,
    unknown TEXT,
    visibility TEXT(40),
    area_geodesic_m2 REAL,
    area_grid_m2 REAL,
    source_document TEXT,
    source_date DATE,
    synthetic BOOLEAN,
    notes TEXT,
    geometry GEOMETRY NOT NULL,
    CONSTRAINT plants_zone_id UNIQUE (zone, id),
    CONSTRAINT plants_parcel_id FOREIGN KEY(zone, parcel_id) REFERENCES parcels (zone, id)
);
CREATE INDEX plants_by_parcel_id ON plants (zone, parcel_id);
CREATE UNIQUE INDEX plants_living_code ON plants (zone, code) WHERE valid_to IS NULL;
CREATE INDEX plants_revision ON plants (zone, revision);

CREATE TABLE units (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    code TEXT(64) NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    valid_from DATETIME NOT NULL,
    valid_to DATETIME,
    created_at DATETIME NOT NULL,
    created_by TEXT(200) NOT NULL,
    changed_at DATETIME NOT NULL,
    changed_by TEXT(200) NOT NULL,
    payload_hash TEXT(200) NOT NULL,
    name_zh TEXT,
    plant_id TEXT(36),
    floor INTEGER,
    lettable_m2 REAL,
    smallest_m2 REAL,
    clear_height_m REAL,
    crane_rail_height_m REAL,
    hook_height_m REAL,
    span_m REAL,
    floor_load_kn_m2 REAL,
    cranes TEXT,
    goods_lift_t REAL,
    spare_kva REAL,
    dual_feed BOOLEAN,
    vacancy TEXT(40),
    vacant_since DATE,
    vacancy_reason TEXT,
    last_user TEXT,
    price_yuan_m2_month REAL,
    verified_on DATE,
    unknown TEXT,
    visibility TEXT(40),
    source_document TEXT,
    source_date DATE,
    synthetic BOOLEAN,
    notes TEXT,
    CONSTRAINT units_zone_id UNIQUE (zone, id),
    CONSTRAINT units_plant_id FOREIGN KEY(zone, plant_id) REFERENCES plants (zone, id)
);
CREATE INDEX units_by_plant_id ON units (zone, plant_id);
CREATE UNIQUE INDEX units_living_code ON units (zone, code) WHERE valid_to IS NULL;
CREATE INDEX units_revision ON units (zone, revision);

CREATE TABLE listings (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    code TEXT(64) NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    valid_from DATETIME NOT NULL,
    valid_to DATETIME,
    created_at DATETIME NOT NULL,
    created_by TEXT(200) NOT NULL,
    changed_at DATETIME NOT NULL,
    changed_by TEXT(200) NOT NULL,
    payload_hash TEXT(200) NOT NULL,
    title TEXT,
    asset_kind TEXT(40),
    asset_id TEXT(36),
    offer TEXT(40),
    area_m2 REAL,
    price REAL,
    price_unit TEXT,
    negotiable BOOLEAN,
    available_from DATE,
    target_industries TEXT,
    policy TEXT,
    mandate TEXT,
    verified_on DATE,
    published_at DATETIME,
    expires_at DATETIME,
    contact_id TEXT(36),
    source_document TEXT,
    source_date DATE,
    synthetic BOOLEAN,
    notes TEXT,
    geometry GEOMETRY NOT NULL,
    CONSTRAINT listings_zone_id UNIQUE (zone, id)
);
CREATE UNIQUE INDEX listings_living_code ON listings (zone, code) WHERE valid_to IS NULL;
CREATE INDEX listings_revision ON listings (zone, revision);

CREATE TABLE facilities (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    code TEXT(64) NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    valid_from DATETIME NOT NULL,
    valid_to DATETIME,
    created_at DATETIME NOT NULL,
    created_by TEXT(200) NOT NULL,
    changed_at DATETIME NOT NULL,
    changed_by TEXT(200) NOT NULL,
    payload_hash TEXT(200) NOT NULL,
    kind TEXT(40),
    name_zh TEXT,
    name_en TEXT,
    address TEXT,
    stars INTEGER,
    owner TEXT,
    visibility TEXT(40),
    source_document TEXT,
    source_date DATE,
    synthetic BOOLEAN,
    notes TEXT,
    geometry GEOMETRY NOT NULL,
    CONSTRAINT facilities_zone_id UNIQUE (zone, id)
);
CREATE UNIQUE INDEX facilities_living_code ON facilities (zone, code) WHERE valid_to IS NULL;
CREATE INDEX facilities_revision ON facilities (zone, revision);

CREATE TABLE issues (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    code TEXT(64) NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    valid_from DATETIME NOT NULL,
    valid_to DATETIME,
    created_at DATETIME NOT NULL,
    created_by TEXT(200) NOT NULL,
    changed_at DATETIME NOT NULL,
    changed_by TEXT(200) NOT NULL,
    payload_hash TEXT(200) NOT NULL,
    category TEXT(40),
    title TEXT,
    status TEXT(40),
    source TEXT(40),
    position_source TEXT(40),
    accuracy_m REAL,
    building_id TEXT(36),
    entrance TEXT,
    floor TEXT,
    department_id TEXT(36),
    reported_at DATETIME,
    warn_at DATETIME,
    due_at DATETIME,
    closed_at DATETIME,
    contact_id TEXT(36),
    synthetic BOOLEAN,
    geometry GEOMETRY NOT NULL,
    CONSTRAINT issues_zone_id UNIQUE (zone, id),
    CONSTRAINT issues_building_id FOREIGN KEY(zone, building_id) REFERENCES buildings (zone, id),
    CONSTRAINT issues_department_id FOREIGN KEY(zone, department_id) REFERENCES departments (zone, id)
);
CREATE INDEX issues_by_building_id ON issues (zone, building_id);
CREATE INDEX issues_by_department_id ON issues (zone, department_id);
CREATE UNIQUE INDEX issues_living_code ON issues (zone, code) WHERE valid_to IS NULL;
CREATE INDEX issues_reported ON issues (zone, reported_at, id);
CREATE INDEX issues_revision ON issues (zone, revision);

CREATE TABLE edition_sets (
    zone TEXT(64) NOT NULL,
    number INTEGER NOT NULL,
    title TEXT NOT NULL,
    published_at DATETIME NOT NULL,
    published_by TEXT(80) NOT NULL,
    PRIMARY KEY (zone, number)
);

CREATE TABLE area_editions (
    fid INTEGER PRIMARY KEY NOT NULL,
    zone TEXT(64) NOT NULL,
    area_id TEXT(36) NOT NULL,
    edition_set INTEGER NOT NULL,
    parent_id TEXT(36),
    operation TEXT(20) NOT NULL,
    area_geodesic_m2 REAL NOT NULL,
    valid_from DATETIME NOT NULL,
    valid_to DATETIME,
    geometry GEOMETRY NOT NULL,
    CONSTRAINT area_editions_area FOREIGN KEY(zone, area_id) REFERENCES areas (zone, id),
    CONSTRAINT area_editions_set FOREIGN KEY(zone, edition_set) REFERENCES edition_sets (zone, number),
    CONSTRAINT area_editions_once UNIQUE (zone, area_id, edition_set)
);
CREATE INDEX area_editions_by_set ON area_editions (zone, edition_set);

CREATE TABLE parcel_editions (
    fid INTEGER PRIMARY KEY NOT NULL,
    zone TEXT(64) NOT NULL,
    parcel_id TEXT(36) NOT NULL,
    number INTEGER NOT NULL,
    operation TEXT(20) NOT NULL,
    as_of DATE,
    area_geodesic_m2 REAL NOT NULL,
    valid_from DATETIME NOT NULL,
    valid_to DATETIME,
    geometry GEOMETRY NOT NULL,
    CONSTRAINT parcel_editions_parcel FOREIGN KEY(zone, parcel_id) REFERENCES parcels (zone, id),
    CONSTRAINT parcel_editions_once UNIQUE (zone, parcel_id, number)
);

CREATE TABLE links (
    fid INTEGER PRIMARY KEY NOT NULL,
    zone TEXT(64) NOT NULL,
    record_kind TEXT(40) NOT NULL,
    record_id TEXT(36) NOT NULL,
    level TEXT(20) NOT NULL,
    area_id TEXT(36),
    area_code TEXT(64),
    rule TEXT(20) NOT NULL,
    distance_m REAL,
    border_m REAL,
    share REAL,
    main BOOLEAN NOT NULL,
    doubtful BOOLEAN NOT NULL,
    hierarchy BOOLEAN NOT NULL,
    edition_set INTEGER NOT NULL,
    linked_at DATETIME NOT NULL,
    CONSTRAINT links_area FOREIGN KEY(zone, area_id) REFERENCES areas (zone, id)
);
CREATE INDEX links_of_area ON links (zone, area_id, record_kind, record_id);
CREATE INDEX links_of_record ON links (zone, record_kind, record_id);

CREATE TABLE events (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    record_kind TEXT(40) NOT NULL,
    record_id TEXT(36) NOT NULL,
    verb TEXT(40) NOT NULL,
    at DATETIME NOT NULL,
    actor TEXT(80) NOT NULL,
    version INTEGER,
    changes TEXT,
    CONSTRAINT events_zone_id UNIQUE (zone, id)
);
CREATE INDEX events_of_record ON events (zone, record_kind, record_id, fid);

CREATE TABLE imports (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    kind TEXT(40) NOT NULL,
    file_name TEXT NOT NULL,
    file_hash TEXT(64) NOT NULL,
    options_hash TEXT(64) NOT NULL,
    coordinate_system TEXT(20) NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    at DATETIME NOT NULL,
    actor TEXT(80) NOT NULL,
    CONSTRAINT imports_zone_id UNIQUE (zone, id)
);
CREATE INDEX imports_by_hash ON imports (zone, kind, file_hash);

-- R*Tree indexes, kept by triggers.

INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('areas', 'features', '区域', 'areas', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('areas', 'geometry', 'GEOMETRY', 4326, 0, 0);
CREATE VIRTUAL TABLE rtree_areas_geometry USING rtree(id, minx, maxx, miny, maxy);
CREATE TRIGGER rtree_areas_geometry_insert AFTER INSERT ON areas
    WHEN NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    INSERT OR REPLACE INTO rtree_areas_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_areas_geometry_update6 AFTER UPDATE OF geometry ON areas
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND OLD.geometry NOT NULL AND NOT ST_IsEmpty(OLD.geometry)
BEGIN
    UPDATE rtree_areas_geometry
    SET minx = ST_MinX(NEW.geometry), maxx = ST_MaxX(NEW.geometry),
        miny = ST_MinY(NEW.geometry), maxy = ST_MaxY(NEW.geometry)
    WHERE id = NEW.fid;
END;
CREATE TRIGGER rtree_areas_geometry_update7 AFTER UPDATE OF geometry ON areas
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND (OLD.geometry IS NULL OR ST_IsEmpty(OLD.geometry))
BEGIN
    INSERT INTO rtree_areas_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_areas_geometry_update2 AFTER UPDATE OF geometry ON areas
    WHEN OLD.fid = NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_areas_geometry WHERE id = OLD.fid;
END;
CREATE TRIGGER rtree_areas_geometry_update5 AFTER UPDATE ON areas
    WHEN OLD.fid != NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    DELETE FROM rtree_areas_geometry WHERE id = OLD.fid;
    INSERT OR REPLACE INTO rtree_areas_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_areas_geometry_update4 AFTER UPDATE ON areas
    WHEN OLD.fid != NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_areas_geometry WHERE id IN (OLD.fid, NEW.fid);
END;
CREATE TRIGGER rtree_areas_geometry_delete AFTER DELETE ON areas
    WHEN OLD.geometry NOT NULL
BEGIN
    DELETE FROM rtree_areas_geometry WHERE id = OLD.fid;
END;
INSERT INTO gpkg_extensions VALUES (
    'areas', 'geometry', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only'
);

INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('buildings', 'features', '楼栋', 'buildings', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('buildings', 'geometry', 'GEOMETRY', 4326, 0, 0);
CREATE VIRTUAL TABLE rtree_buildings_geometry USING rtree(id, minx, maxx, miny, maxy);
CREATE TRIGGER rtree_buildings_geometry_insert AFTER INSERT ON buildings
    WHEN NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    INSERT OR REPLACE INTO rtree_buildings_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_buildings_geometry_update6 AFTER UPDATE OF geometry ON buildings
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND OLD.geometry NOT NULL AND NOT ST_IsEmpty(OLD.geometry)
BEGIN
    UPDATE rtree_buildings_geometry
    SET minx = ST_MinX(NEW.geometry), maxx = ST_MaxX(NEW.geometry),
        miny = ST_MinY(NEW.geometry), maxy = ST_MaxY(NEW.geometry)
    WHERE id = NEW.fid;
END;
CREATE TRIGGER rtree_buildings_geometry_update7 AFTER UPDATE OF geometry ON buildings
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND (OLD.geometry IS NULL OR ST_IsEmpty(OLD.geometry))
BEGIN
    INSERT INTO rtree_buildings_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_buildings_geometry_update2 AFTER UPDATE OF geometry ON buildings
    WHEN OLD.fid = NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_buildings_geometry WHERE id = OLD.fid;
END;
CREATE TRIGGER rtree_buildings_geometry_update5 AFTER UPDATE ON buildings
    WHEN OLD.fid != NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    DELETE FROM rtree_buildings_geometry WHERE id = OLD.fid;
    INSERT OR REPLACE INTO rtree_buildings_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_buildings_geometry_update4 AFTER UPDATE ON buildings
    WHEN OLD.fid != NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_buildings_geometry WHERE id IN (OLD.fid, NEW.fid);
END;
CREATE TRIGGER rtree_buildings_geometry_delete AFTER DELETE ON buildings
    WHEN OLD.geometry NOT NULL
BEGIN
    DELETE FROM rtree_buildings_geometry WHERE id = OLD.fid;
END;
INSERT INTO gpkg_extensions VALUES (
    'buildings', 'geometry', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only'
);

INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('parcels', 'features', '地块', 'parcels', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('parcels', 'geometry', 'GEOMETRY', 4326, 0, 0);
CREATE VIRTUAL TABLE rtree_parcels_geometry USING rtree(id, minx, maxx, miny, maxy);
CREATE TRIGGER rtree_parcels_geometry_insert AFTER INSERT ON parcels
    WHEN NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    INSERT OR REPLACE INTO rtree_parcels_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_parcels_geometry_update6 AFTER UPDATE OF geometry ON parcels
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND OLD.geometry NOT NULL AND NOT ST_IsEmpty(OLD.geometry)
BEGIN
    UPDATE rtree_parcels_geometry
    SET minx = ST_MinX(NEW.geometry), maxx = ST_MaxX(NEW.geometry),
        miny = ST_MinY(NEW.geometry), maxy = ST_MaxY(NEW.geometry)
    WHERE id = NEW.fid;
END;
CREATE TRIGGER rtree_parcels_geometry_update7 AFTER UPDATE OF geometry ON parcels
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND (OLD.geometry IS NULL OR ST_IsEmpty(OLD.geometry))
BEGIN
    INSERT INTO rtree_parcels_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_parcels_geometry_update2 AFTER UPDATE OF geometry ON parcels
    WHEN OLD.fid = NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_parcels_geometry WHERE id = OLD.fid;
END;
CREATE TRIGGER rtree_parcels_geometry_update5 AFTER UPDATE ON parcels
    WHEN OLD.fid != NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    DELETE FROM rtree_parcels_geometry WHERE id = OLD.fid;
    INSERT OR REPLACE INTO rtree_parcels_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_parcels_geometry_update4 AFTER UPDATE ON parcels
    WHEN OLD.fid != NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_parcels_geometry WHERE id IN (OLD.fid, NEW.fid);
END;
CREATE TRIGGER rtree_parcels_geometry_delete AFTER DELETE ON parcels
    WHEN OLD.geometry NOT NULL
BEGIN
    DELETE FROM rtree_parcels_geometry WHERE id = OLD.fid;
END;
INSERT INTO gpkg_extensions VALUES (
    'parcels', 'geometry', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only'
);

INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('plants', 'features', '厂房', 'plants', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('plants', 'geometry', 'GEOMETRY', 4326, 0, 0);
CREATE VIRTUAL TABLE rtree_plants_geometry USING rtree(id, minx, maxx, miny, maxy);
CREATE TRIGGER rtree_plants_geometry_insert AFTER INSERT ON plants
    WHEN NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    INSERT OR REPLACE INTO rtree_plants_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_plants_geometry_update6 AFTER UPDATE OF geometry ON plants
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND OLD.geometry NOT NULL AND NOT ST_IsEmpty(OLD.geometry)
BEGIN
    UPDATE rtree_plants_geometry
    SET minx = ST_MinX(NEW.geometry), maxx = ST_MaxX(NEW.geometry),
        miny = ST_MinY(NEW.geometry), maxy = ST_MaxY(NEW.geometry)
    WHERE id = NEW.fid;
END;
CREATE TRIGGER rtree_plants_geometry_update7 AFTER UPDATE OF geometry ON plants
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND (OLD.geometry IS NULL OR ST_IsEmpty(OLD.geometry))
BEGIN
    INSERT INTO rtree_plants_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_plants_geometry_update2 AFTER UPDATE OF geometry ON plants
    WHEN OLD.fid = NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_plants_geometry WHERE id = OLD.fid;
END;
CREATE TRIGGER rtree_plants_geometry_update5 AFTER UPDATE ON plants
    WHEN OLD.fid != NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    DELETE FROM rtree_plants_geometry WHERE id = OLD.fid;
    INSERT OR REPLACE INTO rtree_plants_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_plants_geometry_update4 AFTER UPDATE ON plants
    WHEN OLD.fid != NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_plants_geometry WHERE id IN (OLD.fid, NEW.fid);
END;
CREATE TRIGGER rtree_plants_geometry_delete AFTER DELETE ON plants
    WHEN OLD.geometry NOT NULL
BEGIN
    DELETE FROM rtree_plants_geometry WHERE id = OLD.fid;
END;
INSERT INTO gpkg_extensions VALUES (
    'plants', 'geometry', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only'
);

INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('listings', 'features', '招商载体', 'listings', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('listings', 'geometry', 'POINT', 4326, 0, 0);
CREATE VIRTUAL TABLE rtree_listings_geometry USING rtree(id, minx, maxx, miny, maxy);
CREATE TRIGGER rtree_listings_geometry_insert AFTER INSERT ON listings
    WHEN NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    INSERT OR REPLACE INTO rtree_listings_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_listings_geometry_update6 AFTER UPDATE OF geometry ON listings
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND OLD.geometry NOT NULL AND NOT ST_IsEmpty(OLD.geometry)
BEGIN
    UPDATE rtree_listings_geometry
    SET minx = ST_MinX(NEW.geometry), maxx = ST_MaxX(NEW.geometry),
        miny = ST_MinY(NEW.geometry), maxy = ST_MaxY(NEW.geometry)
    WHERE id = NEW.fid;
END;
CREATE TRIGGER rtree_listings_geometry_update7 AFTER UPDATE OF geometry ON listings
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND (OLD.geometry IS NULL OR ST_IsEmpty(OLD.geometry))
BEGIN
    INSERT INTO rtree_listings_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_listings_geometry_update2 AFTER UPDATE OF geometry ON listings
    WHEN OLD.fid = NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_listings_geometry WHERE id = OLD.fid;
END;
CREATE TRIGGER rtree_listings_geometry_update5 AFTER UPDATE ON listings
    WHEN OLD.fid != NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    DELETE FROM rtree_listings_geometry WHERE id = OLD.fid;
    INSERT OR REPLACE INTO rtree_listings_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_listings_geometry_update4 AFTER UPDATE ON listings
    WHEN OLD.fid != NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_listings_geometry WHERE id IN (OLD.fid, NEW.fid);
END;
CREATE TRIGGER rtree_listings_geometry_delete AFTER DELETE ON listings
    WHEN OLD.geometry NOT NULL
BEGIN
    DELETE FROM rtree_listings_geometry WHERE id = OLD.fid;
END;
INSERT INTO gpkg_extensions VALUES (
    'listings', 'geometry', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only'
);

INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('facilities', 'features', '公共设施', 'facilities', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('facilities', 'geometry', 'GEOMETRY', 4326, 0, 0);
CREATE VIRTUAL TABLE rtree_facilities_geometry USING rtree(id, minx, maxx, miny, maxy);
CREATE TRIGGER rtree_facilities_geometry_insert AFTER INSERT ON facilities
    WHEN NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    INSERT OR REPLACE INTO rtree_facilities_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_facilities_geometry_update6 AFTER UPDATE OF geometry ON facilities
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND OLD.geometry NOT NULL AND NOT ST_IsEmpty(OLD.geometry)
BEGIN
    UPDATE rtree_facilities_geometry
    SET minx = ST_MinX(NEW.geometry), maxx = ST_MaxX(NEW.geometry),
        miny = ST_MinY(NEW.geometry), maxy = ST_MaxY(NEW.geometry)
    WHERE id = NEW.fid;
END;
CREATE TRIGGER rtree_facilities_geometry_update7 AFTER UPDATE OF geometry ON facilities
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND (OLD.geometry IS NULL OR ST_IsEmpty(OLD.geometry))
BEGIN
    INSERT INTO rtree_facilities_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_facilities_geometry_update2 AFTER UPDATE OF geometry ON facilities
    WHEN OLD.fid = NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_facilities_geometry WHERE id = OLD.fid;
END;
CREATE TRIGGER rtree_facilities_geometry_update5 AFTER UPDATE ON facilities
    WHEN OLD.fid != NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    DELETE FROM rtree_facilities_geometry WHERE id = OLD.fid;
    INSERT OR REPLACE INTO rtree_facilities_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_facilities_geometry_update4 AFTER UPDATE ON facilities
    WHEN OLD.fid != NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_facilities_geometry WHERE id IN (OLD.fid, NEW.fid);
END;
CREATE TRIGGER rtree_facilities_geometry_delete AFTER DELETE ON facilities
    WHEN OLD.geometry NOT NULL
BEGIN
    DELETE FROM rtree_facilities_geometry WHERE id = OLD.fid;
END;
INSERT INTO gpkg_extensions VALUES (
    'facilities', 'geometry', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only'
);

INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('issues', 'features', '问题', 'issues', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('issues', 'geometry', 'POINT', 4326, 0, 0);
CREATE VIRTUAL TABLE rtree_issues_geometry USING rtree(id, minx, maxx, miny, maxy);
CREATE TRIGGER rtree_issues_geometry_insert AFTER INSERT ON issues
    WHEN NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    INSERT OR REPLACE INTO rtree_issues_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_issues_geometry_update6 AFTER UPDATE OF geometry ON issues
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND OLD.geometry NOT NULL AND NOT ST_IsEmpty(OLD.geometry)
BEGIN
    UPDATE rtree_issues_geometry
    SET minx = ST_MinX(NEW.geometry), maxx = ST_MaxX(NEW.geometry),
        miny = ST_MinY(NEW.geometry), maxy = ST_MaxY(NEW.geometry)
    WHERE id = NEW.fid;
END;
CREATE TRIGGER rtree_issues_geometry_update7 AFTER UPDATE OF geometry ON issues
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND (OLD.geometry IS NULL OR ST_IsEmpty(OLD.geometry))
BEGIN
    INSERT INTO rtree_issues_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_issues_geometry_update2 AFTER UPDATE OF geometry ON issues
    WHEN OLD.fid = NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_issues_geometry WHERE id = OLD.fid;
END;
CREATE TRIGGER rtree_issues_geometry_update5 AFTER UPDATE ON issues
    WHEN OLD.fid != NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    DELETE FROM rtree_issues_geometry WHERE id = OLD.fid;
    INSERT OR REPLACE INTO rtree_issues_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_issues_geometry_update4 AFTER UPDATE ON issues
    WHEN OLD.fid != NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_issues_geometry WHERE id IN (OLD.fid, NEW.fid);
END;
CREATE TRIGGER rtree_issues_geometry_delete AFTER DELETE ON issues
    WHEN OLD.geometry NOT NULL
BEGIN
    DELETE FROM rtree_issues_geometry WHERE id = OLD.fid;
END;
INSERT INTO gpkg_extensions VALUES (
    'issues', 'geometry', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only'
);

INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('area_editions', 'features', '区域边界历次版本', 'area boundaries by edition', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('area_editions', 'geometry', 'GEOMETRY', 4326, 0, 0);
CREATE VIRTUAL TABLE rtree_area_editions_geometry USING rtree(id, minx, maxx, miny, maxy);
CREATE TRIGGER rtree_area_editions_geometry_insert AFTER INSERT ON area_editions
    WHEN NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    INSERT OR REPLACE INTO rtree_area_editions_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_area_editions_geometry_update6 AFTER UPDATE OF geometry ON area_editions
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND OLD.geometry NOT NULL AND NOT ST_IsEmpty(OLD.geometry)
BEGIN
    UPDATE rtree_area_editions_geometry
    SET minx = ST_MinX(NEW.geometry), maxx = ST_MaxX(NEW.geometry),
        miny = ST_MinY(NEW.geometry), maxy = ST_MaxY(NEW.geometry)
    WHERE id = NEW.fid;
END;
CREATE TRIGGER rtree_area_editions_geometry_update7 AFTER UPDATE OF geometry ON area_editions
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND (OLD.geometry IS NULL OR ST_IsEmpty(OLD.geometry))
BEGIN
    INSERT INTO rtree_area_editions_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_area_editions_geometry_update2 AFTER UPDATE OF geometry ON area_editions
    WHEN OLD.fid = NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_area_editions_geometry WHERE id = OLD.fid;
END;
CREATE TRIGGER rtree_area_editions_geometry_update5 AFTER UPDATE ON area_editions
    WHEN OLD.fid != NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    DELETE FROM rtree_area_editions_geometry WHERE id = OLD.fid;
    INSERT OR REPLACE INTO rtree_area_editions_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_area_editions_geometry_update4 AFTER UPDATE ON area_editions
    WHEN OLD.fid != NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_area_editions_geometry WHERE id IN (OLD.fid, NEW.fid);
END;
CREATE TRIGGER rtree_area_editions_geometry_delete AFTER DELETE ON area_editions
    WHEN OLD.geometry NOT NULL
BEGIN
    DELETE FROM rtree_area_editions_geometry WHERE id = OLD.fid;
END;
INSERT INTO gpkg_extensions VALUES (
    'area_editions', 'geometry', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only'
);

INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('parcel_editions', 'features', '地块边界历次版本', 'parcel boundaries by edition', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('parcel_editions', 'geometry', 'GEOMETRY', 4326, 0, 0);
CREATE VIRTUAL TABLE rtree_parcel_editions_geometry USING rtree(id, minx, maxx, miny, maxy);
CREATE TRIGGER rtree_parcel_editions_geometry_insert AFTER INSERT ON parcel_editions
    WHEN NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    INSERT OR REPLACE INTO rtree_parcel_editions_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_parcel_editions_geometry_update6 AFTER UPDATE OF geometry ON parcel_editions
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND OLD.geometry NOT NULL AND NOT ST_IsEmpty(OLD.geometry)
BEGIN
    UPDATE rtree_parcel_editions_geometry
    SET minx = ST_MinX(NEW.geometry), maxx = ST_MaxX(NEW.geometry),
        miny = ST_MinY(NEW.geometry), maxy = ST_MaxY(NEW.geometry)
    WHERE id = NEW.fid;
END;
CREATE TRIGGER rtree_parcel_editions_geometry_update7 AFTER UPDATE OF geometry ON parcel_editions
    WHEN OLD.fid = NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
    AND (OLD.geometry IS NULL OR ST_IsEmpty(OLD.geometry))
BEGIN
    INSERT INTO rtree_parcel_editions_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_parcel_editions_geometry_update2 AFTER UPDATE OF geometry ON parcel_editions
    WHEN OLD.fid = NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_parcel_editions_geometry WHERE id = OLD.fid;
END;
CREATE TRIGGER rtree_parcel_editions_geometry_update5 AFTER UPDATE ON parcel_editions
    WHEN OLD.fid != NEW.fid AND NEW.geometry NOT NULL AND NOT ST_IsEmpty(NEW.geometry)
BEGIN
    DELETE FROM rtree_parcel_editions_geometry WHERE id = OLD.fid;
    INSERT OR REPLACE INTO rtree_parcel_editions_geometry VALUES (NEW.fid, ST_MinX(NEW.geometry), ST_MaxX(NEW.geometry), ST_MinY(NEW.geometry), ST_MaxY(NEW.geometry));
END;
CREATE TRIGGER rtree_parcel_editions_geometry_update4 AFTER UPDATE ON parcel_editions
    WHEN OLD.fid != NEW.fid AND (NEW.geometry IS NULL OR ST_IsEmpty(NEW.geometry))
BEGIN
    DELETE FROM rtree_parcel_editions_geometry WHERE id IN (OLD.fid, NEW.fid);
END;
CREATE TRIGGER rtree_parcel_editions_geometry_delete AFTER DELETE ON parcel_editions
    WHEN OLD.geometry NOT NULL
BEGIN
    DELETE FROM rtree_parcel_editions_geometry WHERE id = OLD.fid;
END;
INSERT INTO gpkg_extensions VALUES (
    'parcel_editions', 'geometry', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only'
);

INSERT INTO gpkg_contents (table_name, data_type, identifier, description)
VALUES ('departments', 'attributes', '部门', 'departments');

INSERT INTO gpkg_contents (table_name, data_type, identifier, description)
VALUES ('units', 'attributes', '可租单元', 'units');

-- One view per kind of area, so that QGIS shows parks, grids and the rest as layers of their own.

CREATE VIEW layer_districts AS
SELECT fid, id, zone, code, kind, name_zh, name_en, parent_id, function, industries, households, area_geodesic_m2, area_grid_m2, geometry
FROM areas WHERE kind = 'district' AND valid_to IS NULL;
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('layer_districts', 'features', '图层·区县（参考）', 'Districts (reference)', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('layer_districts', 'geometry', 'GEOMETRY', 4326, 0, 0);

CREATE VIEW layer_zone AS
SELECT fid, id, zone, code, kind, name_zh, name_en, parent_id, function, industries, households, area_geodesic_m2, area_grid_m2, geometry
FROM areas WHERE kind = 'zone' AND valid_to IS NULL;
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('layer_zone', 'features', '图层·开发区范围', 'Zone boundary', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('layer_zone', 'geometry', 'GEOMETRY', 4326, 0, 0);

CREATE VIEW layer_parks AS
SELECT fid, id, zone, code, kind, name_zh, name_en, parent_id, function, industries, households, area_geodesic_m2, area_grid_m2, geometry
FROM areas WHERE kind = 'park' AND valid_to IS NULL;
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('layer_parks', 'features', '图层·园区', 'Parks', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('layer_parks', 'geometry', 'GEOMETRY', 4326, 0, 0);

CREATE VIEW layer_streets AS
SELECT fid, id, zone, code, kind, name_zh, name_en, parent_id, function, industries, households, area_geodesic_m2, area_grid_m2, geometry
FROM areas WHERE kind = 'street' AND valid_to IS NULL;
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('layer_streets', 'features', '图层·街道', 'Streets', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('layer_streets', 'geometry', 'GEOMETRY', 4326, 0, 0);

CREATE VIEW layer_towns AS
SELECT fid, id, zone, code, kind, name_zh, name_en, parent_id, function, industries, households, area_geodesic_m2, area_grid_m2, geometry
FROM areas WHERE kind = 'town' AND valid_to IS NULL;
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('layer_towns', 'features', '图层·镇', 'Towns', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('layer_towns', 'geometry', 'GEOMETRY', 4326, 0, 0);

CREATE VIEW layer_communities AS
SELECT fid, id, zone, code, kind, name_zh, name_en, parent_id, function, industries, households, area_geodesic_m2, area_grid_m2, geometry
FROM areas WHERE kind = 'community' AND valid_to IS NULL;
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('layer_communities', 'features', '图层·社区', 'Communities', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('layer_communities', 'geometry', 'GEOMETRY', 4326, 0, 0);

CREATE VIEW layer_villages AS
SELECT fid, id, zone, code, kind, name_zh, name_en, parent_id, function, industries, households, area_geodesic_m2, area_grid_m2, geometry
FROM areas WHERE kind = 'village' AND valid_to IS NULL;
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('layer_villages', 'features', '图层·村', 'Villages', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('layer_villages', 'geometry', 'GEOMETRY', 4326, 0, 0);

CREATE VIEW layer_grids AS
SELECT fid, id, zone, code, kind, name_zh, name_en, parent_id, function, industries, households, area_geodesic_m2, area_grid_m2, geometry
FROM areas WHERE kind = 'grid' AND valid_to IS NULL;
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('layer_grids', 'features', '图层·网格', 'Grids', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('layer_grids', 'geometry', 'GEOMETRY', 4326, 0, 0);

CREATE VIEW layer_micro_grids AS
SELECT fid, id, zone, code, kind, name_zh, name_en, parent_id, function, industries, households, area_geodesic_m2, area_grid_m2, geometry
FROM areas WHERE kind = 'micro_grid' AND valid_to IS NULL;
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('layer_micro_grids', 'features', '图层·微网格', 'Community grid cells', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('layer_micro_grids', 'geometry', 'GEOMETRY', 4326, 0, 0);

CREATE VIEW layer_estates AS
SELECT fid, id, zone, code, kind, name_zh, name_en, parent_id, function, industries, households, area_geodesic_m2, area_grid_m2, geometry
FROM areas WHERE kind = 'estate' AND valid_to IS NULL;
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('layer_estates', 'features', '图层·小区', 'Estates', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('layer_estates', 'geometry', 'GEOMETRY', 4326, 0, 0);

-- History only grows.
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events only grow');
END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events only grow');
END;
