-- The applications that this database has, and the migrations that made their tables.

CREATE TABLE apps (
    name      text PRIMARY KEY,
    added_at  timestamptz NOT NULL
);
GRANT SELECT ON apps TO stretto_app;

CREATE TABLE app_migrations (
    app         text NOT NULL,
    number      integer NOT NULL,
    name        text NOT NULL,
    checksum    text NOT NULL,
    applied_at  timestamptz NOT NULL,
    PRIMARY KEY (app, number)
);
