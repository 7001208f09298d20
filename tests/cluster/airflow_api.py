"""Airflow's API, as far as the tests of the cluster ask it."""

import json
import urllib.request

LIMIT_SECONDS = 60


class Airflow:
    def __init__(self, url, user, password):
        self._url = url
        self._token = None
        self._token = self._ask("POST", "/auth/token", {"username": user, "password": password})["access_token"]

    def dag_ids(self):
        return {one["dag_id"] for one in self._ask("GET", "/api/v2/dags")["dags"]}

    def switch_on(self, dag_id):
        """Airflow then starts the run of the last hour that is over."""
        self._ask("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    def runs(self, dag_id):
        return self._ask("GET", f"/api/v2/dags/{dag_id}/dagRuns")["dag_runs"]

    def tasks(self, dag_id, run_id):
        return self._ask("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]

    def log_end(self, dag_id, run_id, task, lines=40):
        found = self._ask("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/"
                                 f"{task['try_number']}?full_content=true")["content"]
        return "\n".join(line["event"] if isinstance(line, dict) else str(line) for line in found[-lines:])

    def _ask(self, method, path, body=None):
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._url + path, method=method, headers=headers,
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as answer:
            return json.load(answer)
