"""The peer of bench/load.py: event files to one Parquet file with DuckDB, the columns of Bronze that
can be had by a declared schema. usage: peer_duckdb.py FILE.json.gz... OUT.parquet"""

import sys

import duckdb

EVENT = {
    "id": "VARCHAR",
    "type": "VARCHAR",
    "public": "BOOLEAN",
    "actor": "STRUCT(id BIGINT, login VARCHAR, gravatar_id VARCHAR, url VARCHAR, avatar_url VARCHAR)",
    "repo": "STRUCT(id BIGINT, name VARCHAR, url VARCHAR)",
    "org": "STRUCT(id BIGINT, login VARCHAR)",
    "payload": "JSON",
    "created_at": "VARCHAR",
}
LONGEST_DOCUMENT = 64 << 20


def main():
    *files, out = sys.argv[1:]
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    events = connection.read_json(
        files, format="newline_delimited", compression="gzip", columns=EVENT,
        maximum_object_size=LONGEST_DOCUMENT)
    rows = events.project(
        "id, type, public, actor.id AS actor_id, actor.login AS actor_login,"
        " actor.gravatar_id AS actor_gravatar_id, actor.url AS actor_url,"
        " actor.avatar_url AS actor_avatar_url, repo.id AS repo_id, repo.name AS repo_name,"
        " repo.url AS repo_url, payload, created_at, now() AS ingestion_timestamp,"
        " current_date AS ingestion_date, org.id AS org_id, org.login AS org_login")
    rows.write_parquet(out, compression="zstd")


if __name__ == "__main__":
    main()
