-- Work outside requests: what is due, who runs it, how far it is.

CREATE TABLE jobs (
    fid INTEGER PRIMARY KEY NOT NULL,
    id TEXT(36) NOT NULL,
    zone TEXT(64) NOT NULL,
    kind TEXT(40) NOT NULL,
    "key" TEXT(120) NOT NULL,
    state TEXT(20) NOT NULL,
    run_at DATETIME NOT NULL,
    attempts INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    lease_until DATETIME,
    worker TEXT(80),
    payload TEXT NOT NULL,
    progress REAL NOT NULL,
    step TEXT(40),
    result TEXT,
    error TEXT,
    stop_asked_at DATETIME,
    created_at DATETIME NOT NULL,
    created_by TEXT(80) NOT NULL,
    started_at DATETIME,
    ended_at DATETIME,
    CONSTRAINT jobs_zone_id UNIQUE (zone, id),
    CONSTRAINT jobs_once UNIQUE (zone, kind, "key")
);
CREATE INDEX jobs_due ON jobs (state, run_at);
