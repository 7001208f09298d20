"""Gold computed the plain way from parsed Silver, event by event, to compare the models with."""

import re
from collections import Counter, defaultdict
from datetime import timedelta, timezone

CATEGORIES = {
    "PushEvent": "code_change",
    "PullRequestEvent": "pull_request", "PullRequestReviewEvent": "pull_request",
    "PullRequestReviewCommentEvent": "pull_request", "PullRequestReviewThreadEvent": "pull_request",
    "IssuesEvent": "issue", "IssueCommentEvent": "issue",
    "WatchEvent": "social", "ForkEvent": "social",
    "CreateEvent": "repo_management", "DeleteEvent": "repo_management",
    "ReleaseEvent": "release",
}


def clean(text):
    return (text.strip(" ") or None) if text is not None else None


def is_merge(row):
    if row["event_type"] != "PullRequestEvent":
        return False
    action = row["payload_action"]
    return action == "merged" or (action == "closed" and row["pull_request_merged"] is True)


def score(row):
    kind = row["event_type"]
    if kind == "PushEvent":
        return 2 * (1 if row["push_size"] is None else row["push_size"])
    if kind == "PullRequestEvent":
        return 10 if is_merge(row) else 5
    return {"IssuesEvent": 3, "ForkEvent": 2}.get(kind, 1)


def silver_row(row):
    name = clean(row["repo_name"])
    login = clean(row["actor_login"])
    parts = (name or "").split("/") + [""]
    ref = row["payload_ref"]
    clock = row["created_at"].astimezone(timezone.utc)
    return {
        "event_key": row["event_key"],
        "event_date": clock.date(),
        "event_hour": clock.hour,
        "actor_login": login.lower() if login else None,
        "repo_name": name,
        "repo_owner": parts[0] or None,
        "repo_project": parts[1] or None,
        "event_category": CATEGORIES.get(row["event_type"], "other"),
        "branch_or_tag_name": None if ref is None else re.sub(r"\Arefs/(heads|tags)/", "", ref),
        "is_main_branch": ref in ("refs/heads/main", "refs/heads/master"),
        "activity_score": score(row),
        "push_commits_count": row["push_size"],
        "pr_merged": row["pull_request_merged"],
    }


def actor_key(row):
    if row["actor_id"] is not None:
        return f"id:{row['actor_id']}"
    login = silver_row(row)["actor_login"]
    return None if login is None else f"login:{login}"


def latest_first(row):
    event_id = row["event_id"]
    return (row["created_at"], int(event_id) if re.fullmatch(r"[0-9]+", event_id) else 0, event_id)


def level(total_score):
    for limit, name in ((50, "highly_active"), (20, "active"), (5, "moderate")):
        if total_score >= limit:
            return name
    return "low_activity"


def specialization(total, categories):
    for category, percent, name in (
        ("code_change", 60, "developer"), ("pull_request", 40, "reviewer"),
        ("issue", 40, "issue_manager"), ("social", 40, "community_member"),
    ):
        if categories[category] * 100 > total * percent:
            return name
    return "generalist"


def gold_day(key, day, rows):
    """Everything in a Gold row that one day's events decide."""
    silver = [silver_row(row) for row in rows]
    kinds = Counter(row["event_type"] for row in rows)
    categories = Counter(row["event_category"] for row in silver)
    hours = Counter(row["event_hour"] for row in silver)
    names = Counter(row["repo_name"] for row in silver if row["repo_name"] is not None)
    top = min(names.items(), key=lambda item: (-item[1], item[0])) if names else (None, 0)
    repos = {
        ("id", row["repo_id"]) if row["repo_id"] is not None else ("name", clean(row["repo_name"]))
        for row in rows
    } - {("name", None)}
    total_score = sum(row["activity_score"] for row in silver)
    latest = max(rows, key=latest_first)
    return {
        "actor_key": key,
        "activity_date": day,
        "actor_id": rows[0]["actor_id"],
        "actor_login": silver_row(latest)["actor_login"],
        "total_events": len(rows),
        "unique_events": len({row["event_id"] for row in rows}),
        "repos_contributed_to": len(repos),
        "push_events": kinds["PushEvent"],
        "pull_request_events": kinds["PullRequestEvent"],
        "issue_events": kinds["IssuesEvent"],
        "issue_comment_events": kinds["IssueCommentEvent"],
        "watch_events": kinds["WatchEvent"],
        "fork_events": kinds["ForkEvent"],
        "create_events": kinds["CreateEvent"],
        "delete_events": kinds["DeleteEvent"],
        "code_change_events": categories["code_change"],
        "pull_request_related_events": categories["pull_request"],
        "issue_related_events": categories["issue"],
        "social_events": categories["social"],
        "total_commits": sum(row["push_size"] or 0 for row in rows),
        "merged_pull_requests": sum(map(is_merge, rows)),
        "main_branch_events": sum(row["is_main_branch"] for row in silver),
        "total_activity_score": total_score,
        "avg_activity_score": total_score / len(rows),
        "public_events": sum(row["public"] is True for row in rows),
        "private_events": sum(row["public"] is False for row in rows),
        "most_active_hour": min(hours, key=lambda hour: (-hours[hour], hour)),
        "top_repo": top[0],
        "top_repo_event_count": top[1],
        "user_activity_level": level(total_score),
        "user_specialization": specialization(len(rows), categories),
        "pushes_of_unknown_size": sum(
            row["event_type"] == "PushEvent" and row["push_size"] is None for row in rows),
    }


def gold(rows):
    """{(actor_key, day): Gold row without created_at}"""
    days = defaultdict(list)
    for row in rows:
        key = actor_key(row)
        if key is not None:
            days[key, silver_row(row)["event_date"]].append(row)
    result = {(key, day): gold_day(key, day, group) for (key, day), group in days.items()}
    for (key, day), row in result.items():
        mine = [(d, other) for (k, d), other in result.items() if k == key and d <= day]
        week = [other for d, other in mine if d > day - timedelta(days=7)]
        row["events_7day_avg"] = sum(other["total_events"] for other in week) / 7
        row["commits_7day_avg"] = sum(other["total_commits"] for other in week) / 7
        row["cumulative_events"] = sum(other["total_events"] for _, other in mine)
        row["cumulative_commits"] = sum(other["total_commits"] for _, other in mine)
    return result
