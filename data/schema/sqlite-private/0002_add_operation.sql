-- Photos of records, tokens of programs, and the log of what was done to the service.

CREATE TABLE attachments (
    zone TEXT(64) NOT NULL,
    id TEXT(36) NOT NULL,
    record_kind TEXT(40) NOT NULL,
    record_id TEXT(36) NOT NULL,
    media_type TEXT(40) NOT NULL,
    hash TEXT(64),
    thumbnail_hash TEXT(64),
    size_bytes INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    file_name TEXT,
    taken_at DATETIME,
    taken_lon REAL,
    taken_lat REAL,
    payload_hash TEXT(64) NOT NULL,
    created_at DATETIME NOT NULL,
    created_by TEXT(80) NOT NULL,
    erased_at DATETIME,
    PRIMARY KEY (zone, id)
);
CREATE INDEX attachments_by_hash ON attachments (hash);
CREATE INDEX attachments_by_thumbnail ON attachments (thumbnail_hash);
CREATE INDEX attachments_of_record ON attachments (zone, record_kind, record_id);

CREATE TABLE service_tokens (
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    name TEXT(80) NOT NULL,
    token_hash TEXT(64) NOT NULL,
    role TEXT(40) NOT NULL,
    area_codes TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    created_by TEXT(80) NOT NULL,
    expires_at DATETIME,
    revoked_at DATETIME,
    PRIMARY KEY (id),
    CONSTRAINT service_tokens_hash UNIQUE (token_hash),
    CONSTRAINT service_tokens_name UNIQUE (zone, name)
);

CREATE TABLE audit_log (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    at DATETIME NOT NULL,
    actor TEXT(80) NOT NULL,
    action TEXT(40) NOT NULL,
    subject TEXT(120),
    outcome TEXT(20) NOT NULL,
    address TEXT(64),
    details TEXT,
    CONSTRAINT audit_log_zone_id UNIQUE (zone, id)
);
CREATE INDEX audit_log_at ON audit_log (zone, at);
CREATE INDEX audit_log_pages ON audit_log (zone, fid);

-- What administrators and sign-ins did is never altered afterwards.
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;
-- INSERT OR REPLACE takes the old row away without asking the trigger of deletes.
CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE fid = NEW.fid OR (zone = NEW.zone AND id = NEW.id))
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;

CREATE INDEX sessions_expiry ON sessions (zone, expires_at);
CREATE INDEX throttles_start ON throttles (window_start);
