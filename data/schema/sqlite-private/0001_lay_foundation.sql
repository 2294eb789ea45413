-- The private file: accounts, sessions, contacts, original texts and throttles, all erasable.

CREATE TABLE schema_migrations (
    number INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at DATETIME NOT NULL
);

CREATE TABLE users (
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    login TEXT(80) NOT NULL,
    password_hash TEXT NOT NULL,
    role TEXT(40) NOT NULL,
    display_name TEXT NOT NULL,
    area_codes TEXT NOT NULL,
    department_code TEXT(64),
    created_at DATETIME NOT NULL,
    disabled_at DATETIME,
    PRIMARY KEY (id),
    CONSTRAINT users_zone_login UNIQUE (zone, login)
);

CREATE TABLE sessions (
    token_hash TEXT(64) NOT NULL,
    user_id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    family TEXT(36) NOT NULL,
    created_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    replaced_at DATETIME,
    revoked_at DATETIME,
    PRIMARY KEY (token_hash),
    CONSTRAINT sessions_user FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE INDEX sessions_of_family ON sessions (family);
CREATE INDEX sessions_of_user ON sessions (user_id);

CREATE TABLE contacts (
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    name TEXT,
    phone TEXT,
    created_at DATETIME NOT NULL,
    erased_at DATETIME,
    PRIMARY KEY (id)
);

CREATE TABLE original_texts (
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    record_kind TEXT(40) NOT NULL,
    record_id TEXT(36) NOT NULL,
    text TEXT,
    created_at DATETIME NOT NULL,
    erased_at DATETIME,
    PRIMARY KEY (id)
);
CREATE INDEX original_texts_of_record ON original_texts (zone, record_kind, record_id);

CREATE TABLE throttles (
    "key" TEXT(128) NOT NULL,
    window_start DATETIME NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY ("key"),
    CONSTRAINT throttles_count CHECK (count >= 0)
);
